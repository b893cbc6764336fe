"""The table of verbs: name, least role, and the handler whose signature is the verb's arguments.

A handler is ``def handler(box: Services, call: Call, *, name: type = default)``; arguments that are missing, unknown
or of another type are refused before it runs.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator
from typing import Any, NamedTuple, get_type_hints

import msgspec

from firmware.daemon.auth import Identity, Least, permits
from firmware.daemon.errors import ForbiddenError, InvalidError, UnauthenticatedError
from firmware.model.problem import Problem

Handler = Callable[..., Any]


class Call(msgspec.Struct, kw_only=True):
    """One request's circumstances. ``identity`` is ``None`` while nobody is known."""

    peer_uid: int
    reached_boot_s: float
    identity: Identity | None = None

    @property
    def who(self) -> Identity:
        """Who asks, where the verb's role has made sure that somebody is known."""
        assert self.identity is not None
        return self.identity


class Stream(NamedTuple):
    """The result of a verb that goes on telling: pairs of an event's name and its data."""

    events: Generator[tuple[str, Any], None, None]


class Verb(NamedTuple):
    """One line of the table; ``audited`` names the arguments that the audit trail may show, ``None``: not audited."""

    name: str
    least: Least
    handler: Handler
    arguments: type[msgspec.Struct]
    audited: tuple[str, ...] | None

    def check(self, identity: Identity | None) -> None:
        """Raises UnauthenticatedError or ForbiddenError unless the identity may use the verb."""
        if permits(identity, self.least):
            return
        if identity is None:
            raise UnauthenticatedError("Log in first.")
        raise ForbiddenError("The role %(role)s does not permit this.", role=identity.role)

    def parse(self, args: dict[str, Any]) -> dict[str, Any]:
        """The arguments by name, typed. Raises InvalidError."""
        try:
            parsed = msgspec.convert(args, self.arguments)
        except msgspec.ValidationError as error:
            text = str(error)
            problem = Problem(
                path=_argument(text), message="This argument is wrong: %(reason)s.", params={"reason": text}
            )
            raise InvalidError("An argument is wrong: %(reason)s.", problems=[problem], reason=text) from None
        return {name: getattr(parsed, name) for name in parsed.__struct_fields__}


def verb(name: str, least: Least, *, audited: tuple[str, ...] | None = None) -> Callable[[Handler], Verb]:
    """Make a handler a line of the table."""

    def make(handler: Handler) -> Verb:
        hints = get_type_hints(handler, include_extras=True)  # with the bounds that stand in Annotated
        fields: list[Any] = []
        for parameter in inspect.signature(handler).parameters.values():
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
                is_needed = parameter.default is inspect.Parameter.empty
                typed = (parameter.name, hints[parameter.name])
                fields.append(typed if is_needed else (*typed, parameter.default))
        arguments = msgspec.defstruct(name.replace(".", "_"), fields, kw_only=True, forbid_unknown_fields=True)
        return Verb(name, least, handler, arguments, audited)

    return make


def _argument(reason: str) -> str:
    """The argument that msgspec complains of: ``... - at `$.name` `` or ``... field `name` ``."""
    _, _, place = reason.rpartition("`$.")
    if place:
        return place.rstrip("`")
    _, _, place = reason.partition("field `")
    return place.partition("`")[0]
