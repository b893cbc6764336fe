"""The control socket's lines: JSON objects, one per line (docs/design/contracts.md)."""

from __future__ import annotations

from typing import Any

import msgspec

from firmware.daemon.errors import VerbError
from firmware.engine import errors as engine
from firmware.model.problem import ConfigError, Problem

_ENGINE_CODES: tuple[tuple[type[engine.EngineError], str], ...] = (
    (engine.RefusedError, "invalid"),
    (engine.ConflictError, "conflict"),
    (engine.PendingError, "conflict"),
    (engine.NoRevisionError, "not_found"),
    (engine.NotAllowedError, "forbidden"),
    (engine.BusyError, "busy"),
)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a client asks."""

    verb: str
    id: int = 0
    args: dict[str, Any] = msgspec.field(default_factory=dict)
    session: str | None = None
    token: str | None = None


def decode(line: bytes) -> Request:
    """Raises msgspec.DecodeError or ValidationError."""
    return msgspec.json.decode(line, type=Request)


def result(request_id: int, value: Any) -> bytes:
    """The reply of a verb that succeeded."""
    return msgspec.json.encode({"id": request_id, "ok": True, "result": value}) + b"\n"


def failure(request_id: int, error: Exception) -> bytes:
    """The reply of a verb that did not; what we did not foresee tells the client nothing but that."""
    return msgspec.json.encode({"id": request_id, "ok": False, "error": _plain(error)}) + b"\n"


def event(name: str, data: Any) -> bytes:
    """A line of the event stream."""
    return msgspec.json.encode({"event": name, "data": data}) + b"\n"


def code(error: Exception) -> str:
    """The contract's word for an error."""
    if isinstance(error, VerbError):
        return error.code
    if isinstance(error, ConfigError):
        return "invalid"
    return next((word for kind, word in _ENGINE_CODES if isinstance(error, kind)), "internal")


def _plain(error: Exception) -> dict[str, Any]:
    plain: dict[str, Any] = {"code": code(error), "message": "Something went wrong inside; the log says more."}
    if isinstance(error, VerbError | engine.EngineError):
        plain.update(message=error.message, params=error.params, problems=_problems(error.problems))
    elif isinstance(error, ConfigError):
        plain.update(message="The value cannot stand there.", problems=_problems(error.problems))
    if isinstance(error, VerbError) and error.retry_s is not None:
        plain["retry_s"] = error.retry_s
    return plain


def _problems(problems: list[Problem]) -> Any:
    return msgspec.to_builtins(problems)
