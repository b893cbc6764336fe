"""Money that open orders will bring or take: alike for selling and buying."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator

from bizlite.core.exact import half_up
from bizlite.finance.forecast import Flow

# Order, its number, party, days to pay, the day it is due, and of a line what is ordered, open and its gross sum.
Open = tuple[int, str, int, int, datetime.date | None, int, int, int]


def flows(lines: Iterable[Open], today: datetime.date, kind: str, sign: int) -> Iterator[Flow]:
    """A flow for each order and day; what is late or has no day is due today, and paid after the party's days."""
    sums: dict[tuple[int, str, int, datetime.date], int] = {}
    for order, number, party, days, due, ordered, left, gross in lines:
        key = (order, number, party, max(today, due or today) + datetime.timedelta(days=days))
        sums[key] = sums.get(key, 0) + half_up(gross * left, ordered)
    for (order, number, party, date), amount in sums.items():
        yield Flow(date=date, amount=sign * amount, kind="order", text=number, party=party, source=(kind, order))
