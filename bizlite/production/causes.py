"""Why pieces are scrapped or reworked: a short list that the works keeps, and workers choose from. A cause is its name.

While there is no list, a worker says it in words of their own.
"""

from __future__ import annotations

from bizlite.core import store
from bizlite.core.commands import command
from bizlite.core.errors import refuse
from bizlite.core.session import Session
from bizlite.production.models import Cause
from bizlite.stock import items

LONGEST = 200
MOST = 30  # in use at a time: more is no choice on a phone


@command("production.cause.change")
def add(session: Session, name: str) -> Cause:
    """A new cause."""
    name = items.check_text("name", name, LONGEST)
    if Cause.get_or_none(Cause.name == name):
        raise refuse("name", "is taken", "Choose another name, or take it into use again.", name)
    _check_room()
    return store.insert(session, Cause(name=name))


@command("production.cause.change")
def retire(session: Session, cause: int) -> Cause:
    """Nobody can choose it any more; what was reported stays."""
    return store.change(session, store.get(Cause, cause, "cause"), is_active=False)


@command("production.cause.change")
def restore(session: Session, cause: int) -> Cause:
    """Takes a cause into use again."""
    row = store.get(Cause, cause, "cause")
    _check_room()
    return store.change(session, row, is_active=True)


def offered() -> list[str]:
    """What workers choose from, in the order in which it was written; empty while the works keeps no list."""
    return [row.name for row in Cause.select().where(Cause.is_active).order_by(Cause.id)]


def check(text: str) -> None:
    """:raise Refused: for a cause that is missing, or not of the list where there is one.

    One that is out of use is taken: a phone without wifi may have chosen it before.
    """
    cause = text.strip()
    if not cause or len(cause) > LONGEST:
        raise refuse("cause", "is missing or too long", "Say why, in 1 to 200 characters.", cause[:LONGEST])
    known = offered()
    if known and cause not in known and Cause.get_or_none(Cause.name == cause) is None:
        raise refuse("cause", "is not one of the list", "Choose one of %(causes)s.", cause, causes=", ".join(known))


def _check_room() -> None:
    if len(offered()) >= MOST:
        raise refuse("name", "is one too many", "Take one that is seldom chosen out of use first.", MOST)
