"""Whether a company's books are sound: invariants 1 to 4 of the design page, looked at over all that is there.

Plain sums over the rows, compared with what triggers keep of them; and a replay of all moves of each item. Nothing is
changed. A sound company gives no problem; one is a fault of ours, or a damaged disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bizlite.core.database import database, is_sqlite
from bizlite.finance import reports
from bizlite.finance.models import Entry
from bizlite.stock import costing
from bizlite.stock.models import Item

MOST = 20  # problems told of each point

UNBALANCED = (
    "SELECT e.number, SUM(l.debit - l.credit) FROM finance_line l JOIN finance_entry e ON e.id = l.entry_id"
    " WHERE e.posted GROUP BY e.id, e.number HAVING SUM(l.debit - l.credit) <> 0"
)
LINES = (
    "(SELECT e.period, e.date, l.account, l.aux, l.debit, l.credit FROM finance_line l"
    " JOIN finance_entry e ON e.id = l.entry_id WHERE e.posted)"
)
# What triggers keep, less what the lines say: nothing is left.
SUMS = (
    (
        "SELECT period, account, aux, SUM(debit), SUM(credit) FROM (SELECT period, account, aux, debit, credit"
        " FROM finance_balance UNION ALL SELECT period, account, '*', -debit, -credit FROM {lines} x"
        " UNION ALL SELECT period, account, aux, -debit, -credit FROM {lines} y WHERE aux <> '') z"
        " GROUP BY period, account, aux HAVING SUM(debit) <> 0 OR SUM(credit) <> 0"
    ),
    (
        "SELECT date, account, SUM(debit), SUM(credit) FROM (SELECT date, account, debit, credit FROM finance_day"
        " UNION ALL SELECT date, account, -debit, -credit FROM {lines} x WHERE period % 100 <= 12) z"
        " GROUP BY date, account HAVING SUM(debit) <> 0 OR SUM(credit) <> 0"
    ),
)
MOVED = (
    "SELECT item_id, lot_id, place, SUM(quantity) FROM (SELECT item_id, lot_id, location_id AS place, quantity"
    " FROM stock_on_hand UNION ALL SELECT item_id, lot_id, target_id, -quantity FROM stock_move"
    " UNION ALL SELECT item_id, lot_id, source_id, quantity FROM stock_move) z"
    " GROUP BY item_id, lot_id, place HAVING SUM(quantity) <> 0"
)
RESERVED = (
    "SELECT item_id, lot_id, place, SUM(quantity) FROM (SELECT item_id, lot_id, location_id AS place,"
    " reserved AS quantity FROM stock_on_hand UNION ALL SELECT item_id, lot_id, location_id, -quantity"
    " FROM stock_reservation) z GROUP BY item_id, lot_id, place HAVING SUM(quantity) <> 0"
)
NEGATIVE = (
    "SELECT h.item_id, h.lot_id, h.location_id, h.quantity FROM stock_on_hand h JOIN stock_item i ON i.id = h.item_id"
    " JOIN stock_location p ON p.id = h.location_id"
    " WHERE p.kind = 'internal' AND NOT i.may_be_negative AND h.quantity < 0"
)
# At the end of every day: what the account has of the item, and what its moves are worth.
VALUES = (
    "SELECT date, SUM(booked), SUM(worth) FROM (SELECT e.date, l.debit - l.credit AS booked, 0 AS worth"
    " FROM finance_line l JOIN finance_entry e ON e.id = l.entry_id WHERE e.posted AND l.account = {mark}"
    " AND l.aux = {mark} UNION ALL SELECT date, 0, value_change FROM stock_cost WHERE item_id = {mark}) z"
    " GROUP BY date ORDER BY date"
)


@dataclass(frozen=True, slots=True)
class Point:
    """What was looked at (``name``), of how much, and what is wrong, as text in English."""

    name: str
    count: int
    problems: list[str]


def check() -> list[Point]:
    """Every point, in order: the file, the entries, the balances, the stock, its value."""
    return [_point(name, *look()) for name, look in POINTS.items()]


def _point(name: str, count: int, problems: Iterator[str]) -> Point:
    return Point(name, count, [text for text, _ in zip(problems, range(MOST), strict=False)])


def _file() -> tuple[int, Iterator[str]]:
    """The file itself: SQLite's own look at it; PostgreSQL looks after its own."""
    if not is_sqlite():
        return 0, iter(())
    found = [str(row[0]) for row in _rows("PRAGMA integrity_check") if row[0] != "ok"]
    found += [f"{row[0]}: row {row[1]} refers to nothing in {row[2]}" for row in _rows("PRAGMA foreign_key_check")]
    return int(_rows("PRAGMA page_count")[0][0]), iter(found)


def _entries() -> tuple[int, Iterator[str]]:
    """1: every posted entry balances."""
    rows = (f"{number}: debits and credits differ by {left}" for number, left in _rows(UNBALANCED))
    return Entry.select().where(Entry.posted).count(), rows


def _balances() -> tuple[int, Iterator[str]]:
    """2: sums are those of the lines, the trial balance is 0 and the balance sheet fits, on every day with entries."""
    dates = [row.date for row in Entry.select(Entry.date).where(Entry.posted).distinct().order_by(Entry.date)]

    def problems() -> Iterator[str]:
        for sql in SUMS:
            for row in _rows(sql.format(lines=LINES)):
                yield f"the sum of {' '.join(map(str, row[:-2]))} differs from its lines by {row[-2]} and {row[-1]}"
        for date in _month_ends(dates):
            if sum(total.balance for total in reports.trial_balance(date)):
                yield f"the trial balance of {date} is not 0"
            if not reports.balance_sheet(date).is_balanced:
                yield f"the balance sheet of {date} does not fit"

    return len(dates), problems()


def _month_ends(dates: list[Any]) -> list[Any]:
    """The last day with entries of each month: what holds there and in each entry holds on every day."""
    return list({(date.year, date.month): date for date in dates}.values())


def _stock() -> tuple[int, Iterator[str]]:
    """3: what is there is what was moved, what is reserved is what documents hold, nothing is below 0."""

    def problems() -> Iterator[str]:
        for words, sql in (("moves", MOVED), ("reservations", RESERVED)):
            for item, lot, place, left in _rows(sql):
                yield f"item {item}, lot {lot}, place {place} differs from its {words} by {left}"
        for item, lot, place, quantity in _rows(NEGATIVE):
            yield f"item {item}, lot {lot}, place {place} is at {quantity}"

    return int(_rows("SELECT COUNT(*) FROM stock_on_hand")[0][0]), problems()


def _values() -> tuple[int, Iterator[str]]:
    """4: the account of an item has what it is worth at the end of every day, and costs are those of a replay."""
    items = list(Item.select().order_by(Item.id))

    def problems() -> Iterator[str]:
        for item in items:
            for move in costing.differing(item.id):
                yield f"{item.code}: the cost of move {move} is not what the moves give"
            apart = 0
            mark = "?" if is_sqlite() else "%s"
            for date, booked, worth in _rows(VALUES.format(mark=mark), (item.account, f"item:{item.id}", item.id)):
                apart += int(booked) - int(worth)
                if apart:
                    yield f"{item.code}: on {date} its account has {apart} more than it is worth"
                    break

    return len(items), problems()


POINTS = {"file": _file, "entries": _entries, "balances": _balances, "stock": _stock, "values": _values}


def _rows(sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if not is_sqlite() and not values:
        sql = sql.replace("%", "%%")
    return list(database.execute_sql(sql, values).fetchall())
