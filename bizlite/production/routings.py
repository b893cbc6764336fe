"""Routings: the operations that make an item, frozen once released."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from bizlite.core import exact, numbers, store
from bizlite.core.commands import command
from bizlite.core.errors import refuse
from bizlite.core.session import Session
from bizlite.finance import ledger
from bizlite.production.boms import up
from bizlite.production.models import Centre, Operation, Routing
from bizlite.stock import items
from bizlite.stock.models import Item

MOST_STEPS = 50
LONGEST_S = 30 * 24 * 3600


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """An operation; ``run_ms`` and ``rate`` (piece rate in millionths of a yuan) are for one whole unit of the item."""

    code: str
    name: str
    centre: int
    setup_s: int = 0
    run_ms: int = 0
    rate: int = 0


@command("production.routing.change")
def draft(
    session: Session, item: int, revision: str, lines: Sequence[Step], *, date: datetime.date | None = None,
    text: str = "",
) -> Routing:  # fmt: skip
    """A new revision, valid from a date, not yet released."""
    row = Routing(
        item=item, revision=revision, text=text, date=session.today() if date is None else date,
        created_by=session.user, created_ms=session.now_ms(),
    )  # fmt: skip
    _check(row)
    routing: Routing = store.insert(session, row)
    _append(routing, lines)
    return routing


@command("production.routing.change")
def change_draft(
    session: Session, routing: int, version: int, *, lines: Sequence[Step] | None = None, **values: object
) -> Routing:
    """Changes a draft; lines that are given take the place of all. :raise Stale: when it moved on since ``version``."""
    row = _draft(routing)
    _check(Routing(**{**store.facts(row), **values}))
    store.change(session, row, version=version, **values)
    if lines is not None:
        Operation.delete().where(Operation.routing == row).execute()
        _append(row, lines)
    return row


@command("production.routing.change")
def release(session: Session, routing: int, version: int) -> Routing:
    """Freezes a revision."""
    row = _draft(routing)
    return store.change(session, row, version=version, **numbers.stamp(session, row))


def operations(routing: int) -> list[Operation]:
    """The operations in order; their positions are 1, 2, 3 …"""
    return list(Operation.select().where(Operation.routing == routing).order_by(Operation.position))


def valid(item: int, date: datetime.date) -> Routing | None:
    """The released revision that holds on a day: the last that began."""
    query = Routing.select().where((Routing.item == item) & Routing.posted & (Routing.date <= date))
    found: Routing | None = query.order_by(Routing.date.desc(), Routing.id.desc()).first()
    return found


def seconds(operation: Operation, quantity: int, scale: int, *, with_setup: bool = True) -> int:
    """How long one machine takes for a quantity of an item that has ``scale`` decimals."""
    run = up(operation.run_ms * quantity, 1000 * 10**scale)
    return int(run + (operation.setup_s if with_setup else 0))


def _draft(routing: int) -> Routing:
    row: Routing = store.get(Routing, routing, "routing")
    if row.posted:
        raise refuse("routing", "is released", "Make a new revision.", row.number)
    return row


def _check(row: Routing) -> None:
    store.get(Item, row.item_id, "item")
    items.check_text("revision", row.revision, 20)
    ledger.check_date(row.date)
    own = Routing.get_or_none((Routing.item == row.item_id) & (Routing.revision == row.revision))
    if own is not None and own.id != row.id:
        raise refuse("revision", "is taken", "Choose another revision.", row.revision)


def _append(routing: Routing, lines: Sequence[Step]) -> None:
    if not 0 < len(lines) <= MOST_STEPS:
        raise refuse("lines", "must be 1 to %(most)s", "Give at least one line.", len(lines), most=MOST_STEPS)
    rows: list[dict[str, object]] = []
    for n, step in enumerate(lines):
        code = items.check_text(f"lines.{n}.code", step.code, 40)
        if code in {row["code"] for row in rows}:
            raise refuse(f"lines.{n}.code", "is taken", "Choose another code.", code)
        if not store.get(Centre, step.centre, f"lines.{n}.centre").is_active:
            raise refuse(f"lines.{n}.centre", "is out of use", "Choose another work centre.", step.centre)
        exact.whole(f"lines.{n}.setup_s", step.setup_s, least=0, most=LONGEST_S)
        exact.whole(f"lines.{n}.run_ms", step.run_ms, least=0, most=LONGEST_S * 1000)
        exact.whole(f"lines.{n}.rate", step.rate, least=0)
        rows.append(
            {
                "routing": routing.id, "position": n + 1, "code": code, "centre": step.centre,
                "name": items.check_text(f"lines.{n}.name", step.name, 200), "setup_s": step.setup_s,
                "run_ms": step.run_ms, "rate": step.rate,
            }
        )  # fmt: skip
    store.append(Operation, rows)
