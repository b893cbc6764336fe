"""What a route is, and how a request becomes a verb's arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import msgspec
from flask import abort, request
from msgspec import Struct

from firmware.client import Invalid
from firmware.model.config import Role
from firmware.model.problem import Problem
from webui.api.identity import client

MERGE_PATCH = "application/merge-patch+json"


class Route(NamedTuple):
    """A row of the table. Without ``handler`` the arguments go to ``verb`` as they are and its result is the answer."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str  # as OpenAPI writes it, below /api/v1
    name: str  # operationId
    verb: str
    summary: str
    role: Role | None  # the least that may; None needs no login
    answer: Any = None
    query: type[Struct] | None = None
    body: Any = None
    handler: Callable[..., Any] | None = None
    status: int = 200
    body_max_bytes: int | None = None  # where it is more than elsewhere
    binary: Literal["", "body", "answer"] = ""  # what is not JSON but application/octet-stream

    @property
    def rule(self) -> str:
        """The path as Flask writes it."""
        return self.path.replace("{", "<").replace("}", ">")


def ask(route: Route, **arguments: Any) -> Any:
    """The verb's result for this request."""
    if route.query is not None:
        arguments |= read_query(route.query)
    if route.body is not None:
        arguments |= given(convert(read_json(), route.body))
    return client().call(route.verb, **arguments)


def read_query(kind: type[Struct]) -> dict[str, Any]:
    """The query's values by type; a value that stands twice or is unknown is refused."""
    return given(convert(request.args.to_dict(), kind, strict=False))


def read_json(*types: str) -> Any:
    """The body. :raise 415: not JSON by its type. :raise Invalid: not JSON by its content."""
    if request.mimetype not in (types or ("application/json",)):
        abort(415)
    try:
        return msgspec.json.decode(request.get_data())
    except (msgspec.DecodeError, RecursionError) as error:
        raise Invalid("The body is not JSON: %(reason)s", params={"reason": str(error)}) from None


def convert(value: Any, kind: Any, *, strict: bool = True) -> Any:
    """``value`` as ``kind``. :raise Invalid: with the place and the reason."""
    try:
        return msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$.")
        problem = Problem(path=place.rstrip("`"), message="%(reason)s.", params={"reason": reason})
        raise Invalid("The request is not as the interface describes it.", problems=(problem,)) from None


def given(value: Struct) -> dict[str, Any]:
    """What the caller gave and what has a default, without what is absent."""
    return {
        name: msgspec.to_builtins(item) if isinstance(item, Struct) else item
        for name in value.__struct_fields__
        if (item := getattr(value, name)) is not msgspec.UNSET and item is not None
    }
