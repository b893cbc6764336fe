"""Reading and changing one place of a configuration by its path, as ``rsctl set`` and REST do."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import inspect

from firmware.model import shape
from firmware.model.config import Config
from firmware.model.problem import ConfigError, Problem
from firmware.model.values import nearest


def get_path(config: Config, path: str) -> Any:
    """What stands at a path (``""`` is the whole), defaults included, as model objects. Raises ConfigError."""
    value: Any = config
    parts, _ = _resolve(config, path)
    for index, part in enumerate(parts):
        try:
            value = _step(value, part)
        except (KeyError, IndexError):
            raise ConfigError([_absent(shape.join(*parts[: index + 1]), part, value)]) from None
    return value


def set_path(config: Config, path: str, value: Any) -> Config:
    """The configuration with another value at a path.

    ``value`` is JSON-able data or a model object, or text as typed, which is read by the place's type. Named objects on
    the way are made when all they need comes along. Raises ConfigError.
    """
    parts, kind = _resolve(config, path)
    if not parts:
        raise ConfigError([_no_path(path)])
    plain = shape.read_text(value, kind) if isinstance(value, str) else msgspec.to_builtins(value)
    tree = msgspec.to_builtins(config)
    place = _walk(config, tree, parts)
    if isinstance(place, list):
        index = int(parts[-1])
        if index > len(place):
            raise ConfigError([_absent(path, parts[-1], place)])
        place[index : index + 1] = [plain]
    else:
        place[parts[-1]] = plain
    return _built(tree)


def delete_path(config: Config, path: str) -> Config:
    """The configuration without what a path names: an object is removed, a setting returns to its default."""
    parts, _ = _resolve(config, path)
    if not parts:
        raise ConfigError([_no_path(path)])
    get_path(config, path)
    tree = msgspec.to_builtins(config)
    place = _walk(config, tree, parts)
    if isinstance(place, list):
        del place[int(parts[-1])]
    else:
        place.pop(parts[-1], None)
    return _built(tree)


def completions(config: Config, prefix: str) -> list[str]:
    """The paths one step long that continue what was typed; ``policies.`` lists the policies there are."""
    cut = max(prefix.rfind("."), prefix.rfind("["))
    if "[" in prefix and prefix.rfind("]") < prefix.rfind("["):
        cut = prefix.rfind("[")
    base = prefix[:cut] if cut > 0 else ""
    try:
        parts, kind = _resolve(config, base)
        kind = shape.strip_none(kind)
        names = list(shape.fields(kind))
        if not names:
            here = get_path(config, base)
            names = [str(i) for i in range(len(here))] if isinstance(here, tuple) else sorted(here)
            names = names if isinstance(here, dict | tuple) else []
    except (ConfigError, TypeError):
        return []
    base = shape.join(*parts)
    paths = [shape.join_onto(base, name) for name in names]
    return [path for path in paths if path.startswith(prefix)]


def _resolve(config: Config, path: str) -> tuple[list[str], inspect.Type]:
    """The parts of a path and the type at its end; keys with dots are understood without brackets where possible."""
    parts = shape.split(path)
    kind = shape.root()
    done: list[str] = []
    while parts:
        kind = shape.strip_none(kind)
        step = 1
        if isinstance(kind, inspect.DictType):
            step = _key_length(config, done, parts, shape.strip_none(kind.value_type))
        name = ".".join(parts[:step])
        below = shape.child(kind, name)
        if below is None:
            here = shape.join(*done, name)
            raise ConfigError([shape.unknown(here, name, list(shape.fields(kind)))])
        done.append(name)
        parts, kind = parts[step:], below
    return done, kind


def _key_length(config: Config, done: list[str], parts: list[str], value_type: inspect.Type) -> int:
    """How many parts make one key: all where values are plain (``dns.records.www.lan``), else the longest existing."""
    if not isinstance(value_type, inspect.StructType):
        return len(parts)
    try:
        existing = get_path(config, shape.join(*done))
    except ConfigError:
        return 1
    return next((n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in existing), 1)


def _step(value: Any, part: str) -> Any:
    if isinstance(value, tuple):
        return value[int(part)]
    return value[part] if isinstance(value, dict) else getattr(value, part)


def _walk(config: Config, tree: dict[str, Any], parts: list[str]) -> Any:
    """The container of the last part in a plain tree, made on the way where it is missing."""
    place: Any = tree
    kind: inspect.Type | None = shape.root()
    for index, part in enumerate(parts[:-1]):
        kind = shape.child(kind, part) if kind else None
        if isinstance(place, list):
            if int(part) >= len(place):
                raise ConfigError([_absent(shape.join(*parts[: index + 1]), part, place)])
            place = place[int(part)]
        elif part in place and place[part] is not None:
            if isinstance(place[part], tuple):
                place[part] = list(place[part])
            place = place[part]
        else:
            is_list = isinstance(shape.strip_none(kind), inspect.VarTupleType) if kind else False
            place = place.setdefault(part, [] if is_list else {})
    return place


def _built(tree: dict[str, Any]) -> Config:
    try:
        return msgspec.convert(tree, Config)
    except msgspec.ValidationError:
        raise ConfigError(shape.check(tree, shape.root())) from None


def _no_path(path: str) -> Problem:
    return Problem(
        path="",
        value=path,
        message="A path is needed, such as system.hostname.",
        remedy="Name one setting.",
    )


def _absent(path: str, name: str, place: Any) -> Problem:
    known = sorted(place) if isinstance(place, dict) else []
    close = nearest(name, known)
    return Problem(
        path=path,
        value=name,
        message="There is no %(name)s.",
        remedy="Did you mean %(nearest)s?" if close else "Use one that exists: %(known)s.",
        params={"name": name, "nearest": close, "known": ", ".join(known[:20])},
    )
