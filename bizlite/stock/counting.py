"""Counts (盘点): what was counted becomes what is there, the difference goes to the loss place."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from bizlite.core import exact, store
from bizlite.core.commands import command
from bizlite.core.errors import refuse
from bizlite.core.session import Session
from bizlite.stock import checks, costing, items, transfers
from bizlite.stock.models import NO_LOT, Item, OnHand, Transfer


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """What lay at a spot; ``value`` is what a surplus is worth where there is no average yet."""

    item: int
    location: int
    quantity: int
    lot: int = NO_LOT
    value: int | None = None


@command("stock.count.post")
def post(session: Session, date: datetime.date, counted: Sequence[Counted], *, text: str = "") -> Transfer:
    """Posts the differences of a count. :raise Refused: when there is none, or something moved since that day."""
    loss = items.place("LOSS")
    lines = []
    for n, one in enumerate(counted):
        exact.whole(f"lines.{n}.quantity", one.quantity, least=0)
        store.get(Item, one.item, f"lines.{n}.item")
        own = (OnHand.item == one.item) & (OnHand.lot == one.lot) & (OnHand.location == one.location)
        row = OnHand.get_or_none(own)
        difference = one.quantity - (row.quantity if row else 0)
        if checks.moved_after(one.item, one.lot, one.location, date):
            raise refuse(
                f"lines.{n}.item", "moved after the day of the count", "Count again, or choose a later day.", one.item
            )
        if difference > 0:
            value = None if costing.state_at(one.item, date).rate_value else one.value or 0
            lines.append(
                transfers.Line(
                    item=one.item, lot=one.lot, quantity=difference, source=loss, target=one.location, value=value
                )
            )
        elif difference < 0:
            lines.append(
                transfers.Line(item=one.item, lot=one.lot, quantity=-difference, source=one.location, target=loss)
            )
    if not lines:
        raise refuse("lines", "nothing differs", "There is nothing to post.")
    return transfers.move(session, "count", date, lines, text=text)
