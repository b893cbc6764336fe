"""What the stock knows: what will be missing, and what should be ordered."""

from __future__ import annotations

import datetime

from bizlite.core.tables import Table
from bizlite.finance import closing, periods
from bizlite.stock import figures
from bizlite.stock.models import CountLine, Location, OnHand, Transfer


def shortages(today: datetime.date, most: int | None = None) -> Table:
    """Items that fall below 0 by what is planned."""
    return figures.shortages()


def to_order(today: datetime.date, most: int | None = None) -> Table:
    """What the reorder rules say."""
    return figures.to_order(today)


def closing_points(period: int) -> list[closing.Point]:
    """How many of our own places have goods and were not counted in the month."""
    undone = Transfer.select(Transfer.reverses).where(Transfer.reverses.is_null(False))
    in_month = Transfer.date.between(periods.first_day(period), closing.last_day(period))
    counted = CountLine.select(CountLine.location).join(Transfer).where(in_month & Transfer.id.not_in(undone))
    seen = {place for (place,) in counted.distinct().tuples()}
    filled = OnHand.select(OnHand.location).join(Location, on=(Location.id == OnHand.location)).distinct()
    places = {place for (place,) in filled.where((Location.kind == "internal") & (OnHand.quantity != 0)).tuples()}
    return [closing.Point(name="not_counted", count=len(places - seen))]
