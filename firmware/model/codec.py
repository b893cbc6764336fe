"""Configuration as text and back, and the one import for everything that is done to a configuration by path.

The text is JSON in canonical form: sorted keys, two spaces, one newline at the end; the same configuration gives the
same bytes. Reading tells every mistake at once, in a person's words.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from firmware.model import shape
from firmware.model.config import FORMAT, Config
from firmware.model.difference import Change, describe, diff
from firmware.model.migrations import migrate
from firmware.model.paths import completions, delete_path, get_path, set_path
from firmware.model.problem import ConfigError, Problem

__all__ = [
    "Change",
    "ConfigError",
    "completions",
    "decode",
    "delete_path",
    "describe",
    "diff",
    "encode",
    "from_plain",
    "get_path",
    "schema",
    "set_path",
    "to_plain",
]


_CUT = re.compile(r"\s*[A-Za-z0-9.+-]*\s*")  # what is left of a word or number that was cut


class _DuplicateKeyError(ValueError):
    pass


def decode(text: bytes | str) -> Config:
    """The configuration that a file holds, brought to the present format. Raises ConfigError with all problems."""
    try:
        words = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        plain = json.loads(words, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ConfigError([_syntax_problem(error)]) from None
    except UnicodeDecodeError as error:
        message = "The file is not text in UTF-8 (byte %(byte)s)."
        raise ConfigError([_file_problem(message, byte=str(error.start + 1))]) from None
    except _DuplicateKeyError as error:
        message = "The name %(key)s stands twice in the same place."
        raise ConfigError([_file_problem(message, remedy="Remove one of the two.", key=str(error))]) from None
    except (ValueError, RecursionError):
        raise ConfigError([_file_problem("The file holds something that no configuration has.")]) from None
    return from_plain(migrate(plain))


def encode(config: Config) -> bytes:
    """Canonical JSON of a configuration; ``format`` is always there, other defaults are left out."""
    return msgspec.json.format(msgspec.json.encode(to_plain(config), order="sorted"), indent=2) + b"\n"


def to_plain(value: Any) -> Any:
    """A configuration, or any part of one, as JSON-able data."""
    plain = msgspec.to_builtins(value)
    return {"format": FORMAT, **plain} if isinstance(value, Config) else plain


def from_plain(plain: Any) -> Config:
    """The inverse of to_plain, for data of the present format."""
    try:
        return msgspec.convert(plain, Config)
    except (msgspec.ValidationError, RecursionError) as error:
        unread = _file_problem("The file cannot be read: %(reason)s.", reason=str(error))
        raise ConfigError(shape.check(plain, shape.root()) or [unread]) from None


def schema() -> dict[str, Any]:
    """JSON schema (2020-12) of the configuration."""
    return msgspec.json.schema(Config)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        raise _DuplicateKeyError(next(key for key, _ in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]
    return result


def _refuse_constant(word: str) -> None:
    raise ValueError(word)


def _file_problem(message: str, remedy: str = "Use a file that this box has exported.", **params: str) -> Problem:
    return Problem(path="", message=message, remedy=remedy, params=params)


def _syntax_problem(error: json.JSONDecodeError) -> Problem:
    place = {"line": str(error.lineno), "column": str(error.colno), "reason": error.msg}
    is_in_string = error.msg.startswith("Unterminated string") or "escape" in error.msg
    if _CUT.fullmatch(error.doc, error.pos) or (is_in_string and error.doc.find('"', error.pos + 1) < 0):
        message = "The file ends in the middle (line %(line)s, column %(column)s): a part of it is missing."
        return _file_problem(message, **place)
    message = "The file is not JSON: line %(line)s, column %(column)s: %(reason)s."
    return _file_problem(message, remedy="Mend that place, or use a file that this box has exported.", **place)
