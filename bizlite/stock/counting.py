"""Counting (盘点): what was counted becomes what is there, the rest goes to the loss place; every count is kept."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from bizlite.core import exact, store
from bizlite.core.commands import command
from bizlite.core.errors import marked, refuse
from bizlite.core.session import Session
from bizlite.stock import checks, costing, items, transfers
from bizlite.stock.models import NO_LOT, CountLine, Item, OnHand, Transfer


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What lay at a place; ``value`` is what a surplus is worth where there is no average yet. ``expected`` is what
    should lie there as whoever counted was told."""

    item: int
    quantity: int
    lot: int = NO_LOT
    value: int | None = None
    expected: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted(Found):
    """What lay at a spot."""

    location: int


@command("stock.count.post")
def post(session: Session, date: datetime.date, counted: Sequence[Counted], *, text: str = "") -> Transfer:
    """Posts a count: its differences as moves, and all that was counted as its record, also where nothing differs.

    :raise Refused: when nothing was counted, or something moved since that day.
    """
    if not counted:
        raise refuse("lines", "nothing was counted", "Type what lies there, also when it is what should be there.")
    loss = items.place("LOSS")
    moves, record = [], {}
    for n, one in enumerate(counted):
        spot = (one.item, one.lot, one.location)
        should = _checked(n, one, date)
        if spot in record:
            raise refuse(f"lines.{n}.item", "was counted twice", "Give all that lies there in one line.", one.item)
        row = {"item": one.item, "lot": one.lot, "location": one.location}
        record[spot] = {**row, "expected": should, "counted": one.quantity}
        line = {"item": one.item, "lot": one.lot, "quantity": abs(one.quantity - should)}
        if one.quantity > should:
            value = None if costing.state_at(one.item, date).rate_value else one.value or 0
            moves.append(transfers.Line(**line, source=loss, target=one.location, value=value))
        elif one.quantity < should:
            moves.append(transfers.Line(**line, source=one.location, target=loss))
    if moves:
        paper = transfers.move(session, "count", date, moves, text=text)
    else:
        paper = transfers.without_moves(session, "count", date, text=text)
    store.append(CountLine, [{"transfer": paper.id, **row} for row in record.values()])
    return paper


@command("stock.count.post")
def of_place(
    session: Session, location: int, date: datetime.date, lines: Sequence[Found], *, text: str = ""
) -> Transfer:
    """Posts the count of one of our own places."""
    items.own_place(location)
    return post(session, date, [Counted(location=location, **asdict(found)) for found in lines], text=text)


def record_of(transfer: int) -> list[CountLine]:
    """What was counted, in order."""
    return list(CountLine.select().where(CountLine.transfer == transfer).order_by(CountLine.id))


def _checked(n: int, one: Counted, date: datetime.date) -> int:
    """What should lie at the spot."""
    exact.whole(f"lines.{n}.quantity", one.quantity, least=0)
    item = store.get(Item, one.item, f"lines.{n}.item")
    if item.has_lots and one.lot == NO_LOT:
        raise refuse(f"lines.{n}.lot", "%(item)s has lots", "Give the lot that stands on it.", item=item.code)
    if checks.moved_after(one.item, one.lot, one.location, date):
        remedy = marked("Count again, or choose a later day.")
        raise refuse(f"lines.{n}.item", "moved after the day of the count", remedy, one.item)
    own = (OnHand.item == one.item) & (OnHand.lot == one.lot) & (OnHand.location == one.location)
    row = OnHand.get_or_none(own)
    should = int(row.quantity) if row else 0
    if one.expected not in (None, should):  # it may have been counted before or after
        words = {"item": item.code, "should": items.shown(item.id, should)}
        remedy = marked("Look again: %(should)s should be there now.")
        raise refuse(f"lines.{n}.item", "%(item)s came or went while you counted", remedy, one.item, **words)
    return should
