"""Short ways to say what is wrong, for the verify functions. ``message`` and ``remedy`` are message identifiers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Literal, TypeVar

from firmware.model import shape
from firmware.model.problem import Problem
from firmware.model.values import nearest, parse_member

T = TypeVar("T")


def problem(
    *path: str,
    value: object = "",
    message: str,
    remedy: str,
    severity: Literal["error", "warning"] = "error",
    **params: object,
) -> Problem:
    """A Problem at the place that the parts of ``path`` name."""
    texts = {name: str(param) for name, param in {"value": value, **params}.items()}
    return Problem(
        path=shape.join(*path), value=str(value), message=message, remedy=remedy, params=texts, severity=severity
    )


def unknown(*path: str, value: str, known: Collection[str], message: str) -> Problem:
    """A name that nothing has, with the names that look like it."""
    close = nearest(value, known)
    some = ", ".join(sorted(known)[:20])
    if close:
        return problem(*path, value=value, message=message, remedy="Did you mean %(nearest)s?", nearest=close)
    if some:
        return problem(*path, value=value, message=message, remedy="Use one of: %(known)s.", known=some)
    return problem(*path, value=value, message=message, remedy="Make it first, or remove the name here.")


def unknown_names(*path: str, names: Sequence[str], known: Collection[str], message: str) -> list[Problem]:
    """Those of a list's names that nothing has, each at its place."""
    return [
        unknown(*path, str(index), value=name, known=known, message=message)
        for index, name in enumerate(names)
        if name not in known
    ]


def too_many(path: str, count: int, limit: int, *, message: str, remedy: str) -> list[Problem]:
    """More of something than the box has room for; the message names ``value`` and ``limit``."""
    return [problem(path, value=count, message=message, remedy=remedy, limit=limit)] if count > limit else []


def same_position(*path: str, position: int, owner: dict[int, str]) -> list[Problem]:
    """A policy, the last of ``path``, whose position another has; ``owner`` remembers who came first."""
    other = owner.setdefault(position, path[-1])
    if other == path[-1]:
        return []
    message = "Policy %(other)s has this position already."
    remedy = "Give each policy its own position; the lowest that matches decides."
    return [problem(*path, "position", value=position, message=message, remedy=remedy, other=other)]


def unreadable_member(text: str, *path: str) -> list[Problem]:
    """A host as groups and limits name it, that cannot be read."""
    return unreadable(
        parse_member,
        text,
        *path,
        message="This is no address, range, network or MAC.",
        remedy="Write 192.168.8.20, 192.168.8.20-192.168.8.40 (smaller first), 192.168.8.0/24 or a MAC.",
    )[1]


def unreadable(
    reader: Callable[[str], T], text: str, *path: str, message: str, remedy: str
) -> tuple[T | None, list[Problem]]:
    """What a reader of ``values`` makes of a text, or the problem that it cannot."""
    try:
        return reader(text), []
    except ValueError:
        return None, [problem(*path, value=text, message=message, remedy=remedy)]
