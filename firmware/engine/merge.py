"""Two people change the configuration: whose places are whose, and where they meet."""

from __future__ import annotations

from typing import Any

from firmware.model import codec
from firmware.model.codec import Change
from firmware.model.config import Config
from firmware.model.problem import Problem


def merge(base: Config, mine: Config, theirs: Config) -> Config:
    """``theirs`` with my changes on top; where both changed the same, mine count."""
    merged = _merge(codec.to_plain(base), codec.to_plain(mine), codec.to_plain(theirs))
    return codec.from_plain(merged)


def overlaps(base: Config, mine: Config, theirs: Config) -> list[Problem]:
    """The places that both have changed, and not to the same."""
    others = codec.diff(base, theirs)
    return [
        Problem(
            path=change.path,
            value=str(change.after),
            message="Somebody else has changed this in the meantime.",
            remedy="Look at the present value, then change it again or discard your change.",
        )
        for change in codec.diff(base, mine)
        if any(_meet(change, other) for other in others)
    ]


def _meet(mine: Change, other: Change) -> bool:
    if (mine.path, mine.kind, mine.after) == (other.path, other.kind, other.after):
        return False
    return _is_inside(mine.path, other.path) or _is_inside(other.path, mine.path)


def _is_inside(path: str, outer: str) -> bool:
    return path == outer or path.startswith((f"{outer}.", f"{outer}["))


def _merge(base: Any, mine: Any, theirs: Any) -> Any:
    if mine == base:
        return theirs
    if theirs == base or not (isinstance(mine, dict) and isinstance(theirs, dict)):
        return mine
    base = base if isinstance(base, dict) else {}
    merged = {key: _merge(base.get(key), mine.get(key), theirs.get(key)) for key in mine.keys() | theirs.keys()}
    # None is what is absent: null is not written, being a default everywhere.
    return {key: value for key, value in merged.items() if value is not None}
