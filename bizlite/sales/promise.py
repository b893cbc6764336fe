"""When an order can be delivered: from stock and what is planned, else from production, else as buying takes."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from bizlite.core import registry
from bizlite.core.session import Session
from bizlite.sales.models import OrderLine
from bizlite.stock import planning
from bizlite.stock.models import Reorder


@dataclass(frozen=True, slots=True)
class Promise:
    """The day from which a line can go, or nothing when nobody can say; ``blocks`` is the item that it waits for."""

    line: OrderLine
    date: datetime.date | None
    blocks: int


def of_line(
    session: Session, item: int, quantity: int, today: datetime.date, behind: planning.Behind | None
) -> tuple[datetime.date | None, int]:
    """The first day on which a further quantity can go without leaving another document short, and what blocks it."""
    date, blocks = planning.available_from(item, quantity, today, today + planning.HORIZON, behind), item
    if date is None and registry.is_on("production"):
        from bizlite.production import promise

        found = promise.earliest(session, item, quantity)
        date, blocks = found.date, found.blocks
    if date is None:
        days = _lead_days(item)
        date = None if days is None else session.today() + datetime.timedelta(days=days)  # bought today
    return None if date is None else max(date, today), blocks


def _lead_days(item: int) -> int | None:
    """How long buying an item takes: as its supplier says, else as its reorder rule does."""
    if registry.is_on("purchasing"):
        from bizlite.purchasing import suppliers

        seller = suppliers.best(item)
        if seller is not None:
            return int(seller.lead_days)
    rule = Reorder.get_or_none(Reorder.item == item)
    return None if rule is None else int(rule.lead_days)


def blocking(promises: list[Promise], wanted: datetime.date) -> Promise | None:
    """What makes an order later than ``wanted``: a line without a day, else the latest."""
    late = [promise for promise in promises if promise.date is None or promise.date > wanted]
    if not late:
        return None
    return max(late, key=lambda promise: (promise.date is None, promise.date or wanted, -promise.line.position))
