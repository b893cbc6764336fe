"""The one page: what is late, short, owed, due, and what earned money.

A module adds its figures by one word here and one function in ``sources/<module>.py``, which is imported only while
the module is on.
"""

from __future__ import annotations

import datetime
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bizlite.core import registry
from bizlite.core.tables import Table
from bizlite.finance import closing, forecast
from bizlite.finance.forecast import Flow
from bizlite.reports import margins

# Question -> functions of sources that answer it, each with today's date and how many rows are wanted at most.
ANSWERS = {
    "late": ("sales.late_orders", "production.late_cards", "purchasing.late_orders"),
    "short": ("stock.shortages", "stock.to_order"),
    "owed": ("finance.receivables",),
    "due": ("finance.payables", "finance.obligations"),
}
FLOWS = ("sales.flows", "purchasing.flows")  # functions that say which money is expected of orders
POINTS = (
    "sales.closing_points",
    "stock.closing_points",
)  # functions that say what is left to do before a month is closed
MONTHS = 12


@dataclass(frozen=True, slots=True)
class Overview:
    """The answers, by question; what earned money of the last months, in order."""

    today: datetime.date
    answers: dict[str, list[Table]]
    earned: Table


def make(today: datetime.date, most: int | None = None) -> Overview:
    """The page as of a day; of long tables the first rows only, when the page has no room for others."""
    answers = {question: list(_ask(names, today, most)) for question, names in ANSWERS.items()}
    last = today.year * 100 + today.month
    return Overview(today, answers, margins.table("month", months_before(last, MONTHS - 1), last))


def find(name: str, today: datetime.date, most: int | None = None) -> Table | None:
    """The table of a name, when its module is on."""
    tables = (table for names in ANSWERS.values() for table in _ask(names, today, most))
    return next((table for table in tables if table.name == name), None)


def cash_forecast(today: datetime.date) -> forecast.Forecast:
    """The forecast of finance with the orders that other modules know."""
    more: list[Flow] = [flow for flows in _ask(FLOWS, today) for flow in flows]
    return forecast.make(today, more=more)


def closing_points(period: int) -> list[closing.Point]:
    """The list before a month is closed, with what other modules know."""
    return [*closing.points(period), *(point for points in _ask(POINTS, period) for point in points)]


def months_before(month: int, count: int) -> int:
    """The month that lies so many months before another one."""
    number = month // 100 * 12 + month % 100 - 1 - count
    return number // 12 * 100 + number % 12 + 1


def _ask(names: tuple[str, ...], *args: Any) -> Iterator[Any]:
    on = registry.names_on()
    for name in names:
        module, function = name.split(".")
        if module in on:
            yield getattr(importlib.import_module(f"bizlite.reports.sources.{module}"), function)(*args)
