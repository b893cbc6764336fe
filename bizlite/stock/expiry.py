"""Lots whose day is over: the choice passes them by, and they go to a customer or into production only when they are
named by somebody who may. To suppliers, to the losses and among our own places they go as others do."""

from __future__ import annotations

import datetime

from bizlite.core import store
from bizlite.core.errors import marked, refuse
from bizlite.core.session import Session
from bizlite.stock.models import Item, Lot

TAKE = "stock.expired.take"
BARRED = ("customer", "production")  # kinds of place


def over(item: Item, day: datetime.date) -> dict[int, str]:
    """The lots of an item that expired before a day, with their codes; on its last day a lot is still good."""
    if not item.has_lots:
        return {}
    return {row.id: row.code for row in store.read(Lot, "item_id = ? AND expires < ? ORDER BY id", item.id, day)}


def check(session: Session, lot: int, day: datetime.date, field: str) -> None:
    """:raise Refused: when the lot expired before the day, and the user may not take it all the same."""
    if session.may(TAKE):
        return
    for row in store.read(Lot, "id = ? AND expires < ?", lot, day):
        remedy = marked("Choose another lot, or let somebody with the permission “%(permission)s” take this one.")
        raise refuse(
            field, "the lot %(lot)s expired on %(day)s", remedy, row.code,
            lot=row.code, day=row.expires, permission=TAKE,
        )  # fmt: skip
