"""Where the demo company lies: a folder beside the firm's own data, so that nothing of it can ever be among that.

While it is open the whole site works in it; it opens only while the firm's own company is empty.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from bizlite.core import registry
from bizlite.core.database import alone, database, is_sqlite, write
from bizlite.core.errors import refuse
from bizlite.core.models import Grant, Holder
from bizlite.core.session import Session
from bizlite.core.store import append
from bizlite.finance.models import Entry, Party
from bizlite.stock.models import Item

NAME = "demo"
LOAD = "core.demo.load"
READY = "ready"  # a build that was broken off has no such file


def folder(own: Path) -> Path:
    """The demo's folder, of the folder that holds the firm's own data."""
    return own / NAME


def is_open() -> bool:
    """Whether the site works in the demo company."""
    return is_sqlite() and Path(database.obj.database).parent.name == NAME


def is_empty() -> bool:
    """Whether nothing was entered in the company that is open."""
    return not any(model.select().exists() for model in (Party, Item, Entry))


def resume(own: Path) -> bool:
    """Opens a demo that was left open, at start; removes what is left of one that is not of use any more."""
    place = folder(own)
    if (place / READY).exists() and is_empty():
        registry.open_company(_url(place))
        return True
    shutil.rmtree(place, ignore_errors=True)
    return False


def load(session: Session, own_url: str, own: Path, language: str) -> None:
    """Builds the demo company and works in it. :raise Refused: when there is something in the firm's own."""
    session.require(LOAD)
    from bizlite.demo import works

    with alone():  # what is entered while this waits counts
        if is_open() or not is_empty():
            raise refuse("company", "is not empty", "The demo company can be loaded before the first entry only.")
        held = _rights()
        _close()
        shutil.rmtree(folder(own), ignore_errors=True)
        try:
            registry.open_company(_url(folder(own)))
            with write():  # one transaction: quick, and whole or not at all
                append(Grant, held[0])
                append(Holder, held[1])
                works.build(session.today(), language, session.zone)
        except BaseException:
            _leave(own_url, own)
            raise
        (folder(own) / READY).touch()


def remove(session: Session, own_url: str, own: Path) -> None:
    """Goes back to the firm's own company; nothing is left of the demo."""
    session.require(LOAD)
    with alone():
        if not is_open():
            raise refuse("company", "is not the demo company", "There is nothing to remove.")
        _close()
        _leave(own_url, own)


def _rights() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Who may what in the firm's own company: the same people may the same in the demo."""
    return list(Grant.select().dicts()), list(Holder.select().dicts())


def _url(place: Path) -> str:
    return f"sqlite://{place.absolute()}/company.db"


def _leave(own_url: str, own: Path) -> None:
    _close()
    registry.open_company(own_url)
    shutil.rmtree(folder(own), ignore_errors=True)


def _close() -> None:
    """This thread's connection; those of others are closed at the end of what they are doing."""
    if not database.is_closed():
        database.close()
