"""What will be there: planned moves of documents, the projected stock, and what to order."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from peewee import fn

from bizlite.core import exact, store
from bizlite.core.commands import command
from bizlite.core.database import database
from bizlite.core.session import Session
from bizlite.stock.models import Item, Location, OnHand, Plan, Reorder, Reservation

HORIZON = datetime.timedelta(days=365)


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """What a line of a document will bring (+) or take (−)."""

    line: int
    item: int
    date: datetime.date
    quantity: int


def plan(session: Session, kind: str, document: int, lines: Sequence[Planned]) -> None:
    """Says anew what a document will bring and take: its module calls it whenever the document changes.

    Plans are derived from documents, which have the log.
    """
    Plan.delete().where((Plan.source_kind == kind) & (Plan.source_id == document)).execute()
    own = {"source_kind": kind, "source_id": document}
    rows = [
        {**own, "source_line": line.line, "item": line.item, "date": line.date, "quantity": line.quantity}
        for line in lines
        if line.quantity
    ]
    store.append(Plan, rows)


def on_hand(item: int) -> int:
    """What is there in all our own places."""
    internal = Location.select(Location.id).where(Location.kind == "internal")
    where = (OnHand.item == item) & OnHand.location.in_(internal)
    return int(OnHand.select(fn.COALESCE(fn.SUM(OnHand.quantity), 0)).where(where).scalar())


def on_hands(items: list[int]) -> dict[int, int]:
    """What is there of several items, in one question."""
    internal = Location.select(Location.id).where(Location.kind == "internal")
    sums = OnHand.select(OnHand.item, fn.SUM(OnHand.quantity)).where(
        (OnHand.item << items) & OnHand.location.in_(internal)
    )
    return {**dict.fromkeys(items, 0), **{item: int(sum_) for item, sum_ in sums.group_by(OnHand.item).tuples()}}


@dataclass(frozen=True, slots=True)
class Behind:
    """Documents of a kind that have to wait: only what is reserved for them counts. ``documents`` is a query of ids."""

    kind: str
    documents: object


def projected(item: int, until: datetime.date, behind: Behind | None = None) -> list[tuple[datetime.date, int]]:
    """The stock at the end of each day on which something is planned; what is late counts as of today's first day."""
    level = _there(item, behind)
    days: list[tuple[datetime.date, int]] = []
    where = (Plan.item == item) & (Plan.date <= until)
    if behind is not None:
        where &= ~((Plan.source_kind == behind.kind) & Plan.source_id.in_(behind.documents))
    query = Plan.select(Plan.date, fn.SUM(Plan.quantity)).where(where)
    for date, quantity in query.group_by(Plan.date).order_by(Plan.date).tuples():
        level += int(quantity)
        days.append((date, level))
    return days


def available_from(
    item: int, quantity: int, today: datetime.date, until: datetime.date, behind: Behind | None = None
) -> datetime.date | None:
    """The first day from which on a further quantity can be taken without leaving another document short."""
    levels = [(today, _there(item, behind)), *projected(item, until, behind)]
    first = None
    for date, level in levels:
        if level < quantity:
            first = None
        elif first is None:
            first = max(date, today)
    return first


def spare(item: int, until: datetime.date, behind: Behind | None = None) -> int:
    """How much can be taken now without leaving another document short; below 0 what is missing."""
    return min([_there(item, behind), *(level for _, level in projected(item, until, behind))])


def _there(item: int, behind: Behind | None) -> int:
    if behind is None:
        return on_hand(item)
    own = (Reservation.item == item) & (Reservation.source_kind == behind.kind)
    query = Reservation.select(fn.COALESCE(fn.SUM(Reservation.quantity), 0))
    return on_hand(item) - int(query.where(own & Reservation.source_id.in_(behind.documents)).scalar())


@command("stock.item.change")
def set_reorder(
    session: Session, item: int, least: int, most: int, *, multiple: int = 1, lead_days: int = 0
) -> Reorder:
    """The reorder rule of an item."""
    row = store.get(Item, item, "item")
    exact.whole("least", least, least=0)
    exact.whole("most", most, least=least)
    exact.whole("multiple", multiple, least=1)
    exact.whole("lead_days", lead_days, least=0, most=3650)
    found = Reorder.get_or_none(Reorder.item == row)
    if found:
        return store.change(session, found, least=least, most=most, multiple=multiple, lead_days=lead_days)
    return store.insert(session, Reorder(item=row, least=least, most=most, multiple=multiple, lead_days=lead_days))


@dataclass(frozen=True, slots=True)
class Shortage:
    """By what is planned an item falls below 0 first on a day, and at worst to ``level``."""

    item: int
    date: datetime.date
    level: int


def below_zero() -> list[Shortage]:
    """Every item that will be short, the first first. One statement: it costs what is planned, not what was moved."""
    there = "SELECT h.item_id, SUM(h.quantity) AS quantity FROM stock_on_hand h JOIN stock_location l"
    there += " ON l.id = h.location_id AND l.kind = 'internal' GROUP BY h.item_id"
    planned = "SELECT item_id, date, SUM(quantity) AS quantity FROM stock_plan GROUP BY item_id, date"
    level = "SUM(p.quantity) OVER (PARTITION BY p.item_id ORDER BY p.date) + COALESCE(t.quantity, 0)"
    levels = f"SELECT p.item_id, p.date, {level} AS level FROM ({planned}) p LEFT JOIN ({there}) t"
    levels += " ON t.item_id = p.item_id"
    short = f"SELECT item_id, MIN(date), MIN(level) FROM ({levels}) w WHERE level < 0 GROUP BY item_id ORDER BY 2, 1"
    day = Plan.date.python_value  # SQLite gives a text
    return [Shortage(item, day(date), int(least)) for item, date, least in database.execute_sql(short)]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Order this much; on ``short_on`` the stock would fall below the least."""

    item: int
    quantity: int
    short_on: datetime.date


def suggestions(today: datetime.date) -> list[Suggestion]:
    """What to order today, by the rules and what is planned within each lead time."""
    found = []
    for rule in Reorder.select().order_by(Reorder.item):
        until = today + datetime.timedelta(days=rule.lead_days)
        levels = [(today, on_hand(rule.item_id)), *projected(rule.item_id, until)]
        short = next((date for date, level in levels if level < rule.least), None)
        if short is not None:
            missing = rule.most - min(level for _, level in levels)
            lots = -(-missing // rule.multiple)
            found.append(Suggestion(rule.item_id, lots * rule.multiple, short))
    return found


def shortages(today: datetime.date, until: datetime.date) -> list[Suggestion]:
    """Items without a rule that documents will lack: how much in all, and from when."""
    ruled = Reorder.select(Reorder.item)
    wanted = Plan.select(Plan.item).where((Plan.quantity < 0) & (Plan.date <= until) & Plan.item.not_in(ruled))
    found = []
    for row in wanted.distinct().order_by(Plan.item):
        levels = projected(row.item_id, until)
        least = min(level for _, level in levels)
        if least < 0:
            short = next(date for date, level in levels if level < 0)
            found.append(Suggestion(row.item_id, -least, max(short, today)))
    return found
