"""The shape of the configuration: where a path leads, what may stand there, and what is wrong with what does.

msgspec stops at the first mistake and calls every mapping's key ``[...]``; a person wants all mistakes, each with its
path. So this module walks the same type information and is used where msgspec has refused, and to read single values.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from msgspec import inspect

from firmware.model.config import Config
from firmware.model.problem import Problem
from firmware.model.values import nearest

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
_SEGMENT = re.compile(r"\[([^\]]*)\]|([^.\[\]]+)")
_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


@cache
def root() -> inspect.Type:
    return inspect.type_info(Config)


def split(path: str) -> list[str]:
    """``a.b[c.d].e`` as its parts; a part with dots stands in brackets."""
    return [bracketed or plain for bracketed, plain in _SEGMENT.findall(path)]


def join(*parts: str) -> str:
    """The inverse of split."""
    text = ""
    for part in parts:
        text += f"[{part}]" if not _PLAIN.fullmatch(part) else f".{part}" if text else part
    return text


def strip_none(kind: inspect.Type) -> inspect.Type:
    """The type itself of one that may be absent."""
    if isinstance(kind, inspect.UnionType):
        return next(item for item in kind.types if not isinstance(item, inspect.NoneType))
    return kind


def fields(kind: inspect.Type) -> dict[str, inspect.Field]:
    return {item.name: item for item in kind.fields} if isinstance(kind, inspect.StructType) else {}


def child(kind: inspect.Type, name: str) -> inspect.Type | None:
    """The type one step further down, None where there is no such step."""
    kind = strip_none(kind)
    if isinstance(kind, inspect.StructType):
        item = fields(kind).get(name)
        return item.type if item else None
    if isinstance(kind, inspect.DictType):
        return kind.value_type
    if isinstance(kind, inspect.VarTupleType) and name.isascii() and name.isdigit():
        return kind.item_type
    return None


def unknown(path: str, key: str, known: list[str]) -> Problem:
    close = nearest(key, known)
    return Problem(
        path=path,
        value=key,
        message="There is no setting %(key)s.",
        remedy="Did you mean %(nearest)s?" if close else "Remove it, or use one of: %(known)s.",
        params={"key": key, "nearest": close, "known": ", ".join(known)},
    )


def check(data: Any, kind: inspect.Type, path: str = "") -> list[Problem]:
    """All that is wrong with plain data as JSON gives it, measured against a type (``root()`` for the whole)."""
    if isinstance(kind, inspect.UnionType) and data is None:
        return []
    kind = strip_none(kind)
    if isinstance(kind, inspect.StructType):
        return _check_struct(data, kind, path)
    if isinstance(kind, inspect.DictType):
        return _check_dict(data, kind, path)
    if isinstance(kind, inspect.VarTupleType):
        if not isinstance(data, list | tuple):
            return [_wrong(path, data, "A list is expected here.")]
        return [p for index, item in enumerate(data) for p in check(item, kind.item_type, join_onto(path, str(index)))]
    return _check_scalar(data, kind, path)


def join_onto(path: str, part: str) -> str:
    """One step more on a path that is text already."""
    return path + (f"[{part}]" if not _PLAIN.fullmatch(part) else f".{part}" if path else part)


def _wrong(path: str, data: Any, message: str, remedy: str = "", **params: str) -> Problem:
    return Problem(path=path, value=_show(data), message=message, remedy=remedy, params=params)


def _show(data: Any) -> str:
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:77] + "..."


def _check_struct(data: Any, kind: inspect.StructType, path: str) -> list[Problem]:
    if not isinstance(data, dict):
        return [_wrong(path, data, "An object with named settings is expected here.")]
    known = fields(kind)
    problems = []
    for key, value in data.items():
        if key in known:
            problems += check(value, known[key].type, join_onto(path, key))
        else:
            problems.append(unknown(join_onto(path, key), key, list(known)))
    for name, item in known.items():
        if item.required and name not in data:
            problems.append(
                Problem(
                    path=join_onto(path, name),
                    message="%(key)s is missing.",
                    remedy="Give a value for it.",
                    params={"key": name},
                )
            )
    return problems


def _check_dict(data: Any, kind: inspect.DictType, path: str) -> list[Problem]:
    if not isinstance(data, dict):
        return [_wrong(path, data, "An object with named settings is expected here.")]
    problems = []
    for key, value in data.items():
        problems += _check_scalar(key, kind.key_type, join_onto(path, key))
        problems += check(value, kind.value_type, join_onto(path, key))
    return problems


def _check_scalar(data: Any, kind: inspect.Type, path: str) -> list[Problem]:
    if isinstance(kind, inspect.LiteralType):
        if data in kind.values and isinstance(data, str):
            return []
        choices = ", ".join(str(value) for value in kind.values)
        return [_wrong(path, data, "This is not one of the choices.", "Choose one of: %(choices)s.", choices=choices)]
    if isinstance(kind, inspect.BoolType):
        return [] if isinstance(data, bool) else [_wrong(path, data, "Yes or no (true or false) is expected here.")]
    if isinstance(kind, inspect.IntType):
        if isinstance(data, bool) or not isinstance(data, int):
            return [_wrong(path, data, "A whole number is expected here.")]
        low, high = kind.ge, kind.le
        if (low is None or data >= low) and (high is None or data <= high):
            return []
        remedy = "Use a number from %(low)s to %(high)s."
        return [_wrong(path, data, "The number is out of range.", remedy, low=str(low), high=str(high))]
    if not isinstance(data, str):
        return [_wrong(path, data, "Text is expected here.")]
    if isinstance(kind, inspect.StrType) and kind.pattern and not re.search(kind.pattern, data):
        return [_wrong(path, data, "This cannot be used as a name.", _name_remedy(kind.pattern))]
    if isinstance(kind, inspect.StrType):
        low, high = kind.min_length or 0, kind.max_length
        if len(data) < low or (high is not None and len(data) > high):
            remedy = "Use %(low)s to %(high)s characters."
            return [_wrong(path, data, "The text is too short or too long.", remedy, low=str(low), high=str(high))]
    return []


def _name_remedy(pattern: str) -> str:
    if pattern.startswith("^[a-z]"):
        return "Use lower case letters, digits, - and _, beginning with a letter, at most 32 characters."
    return "Use letters, digits, and . _ -, at most 15 characters."


def read_text(text: str, kind: inspect.Type) -> Any:
    """What a person typed for a value of this type, as plain data; nonsense stays text for ``check`` to refuse."""
    if isinstance(kind, inspect.UnionType) and text in ("", "none", "null"):
        return None
    kind = strip_none(kind)
    if isinstance(kind, inspect.BoolType):
        word = text.lower()
        return True if word in _TRUE else False if word in _FALSE else text
    if isinstance(kind, inspect.IntType):
        return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else text
    if isinstance(kind, inspect.VarTupleType | inspect.StructType | inspect.DictType):
        if text[:1] in ("[", "{"):
            try:
                return json.loads(text)
            except ValueError:
                return text
        if isinstance(kind, inspect.VarTupleType) and not isinstance(kind.item_type, inspect.StructType):
            return [part.strip() for part in text.split(",") if part.strip()]
    return text
