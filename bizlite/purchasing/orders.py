"""Purchase orders (采购订单): drafted, sent, expected on a day, and cancelled as far as they are open."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import replace

from peewee import fn

from bizlite.core import numbers, store
from bizlite.core.commands import command
from bizlite.core.errors import refuse
from bizlite.core.session import Session
from bizlite.finance import ledger
from bizlite.finance import lines as document_lines
from bizlite.purchasing import lines as lines_of
from bizlite.purchasing import requests
from bizlite.purchasing.lines import Wanted
from bizlite.purchasing.models import Cancellation, Order, OrderLine, Progress, SupplierItem
from bizlite.purchasing.suppliers import supplier
from bizlite.stock import parts, planning
from bizlite.stock.items import check_note

KIND = "purchase_order"  # what plans name


@command("purchasing.order.change")
def draft(
    session: Session, party: int, date: datetime.date, lines: Sequence[Wanted], *, is_gross: bool = True,
    expected: datetime.date | None = None, their_number: str = "", text: str = "",
) -> Order:  # fmt: skip
    """A new order that is not yet sent; it is expected after the longest lead time unless a day is given."""
    values, rows = _checked(party, date, lines, is_gross, expected, their_number, text)
    order = Order(created_by=session.user, created_ms=session.now_ms(), **values)
    store.insert(session, order)
    _append(order, rows)
    return order


@command("purchasing.order.change")
def change(
    session: Session, order: int, version: int, *, party: int, date: datetime.date, lines: Sequence[Wanted],
    is_gross: bool = True, expected: datetime.date | None = None, their_number: str = "", text: str = "",
) -> Order:  # fmt: skip
    """Writes a draft anew; lines keep what they were requested by. :raise Stale: when it moved on from ``version``."""
    row = _draft(order)
    kept = _keep_requests(row, lines)
    values, rows = _checked(party, date, kept, is_gross, expected, their_number, text, row.id)
    store.change(session, row, version=version, **values)
    OrderLine.delete().where(OrderLine.order == row).execute()
    _append(row, rows)
    return row


@command("purchasing.order.post")
def send(session: Session, order: int, *, version: int | None = None) -> Order:
    """Posts an order: it has its number, and the stock expects it."""
    row = _draft(order)
    supplier(row.party_id)
    lines_of.name(session, row)
    store.change(session, row, version=version, **numbers.stamp(session, row))
    plan(session, row)
    return row


@command("purchasing.order.cancel")
def cancel(session: Session, order: int, reason: str, *, lines: Sequence[tuple[int, int]] | None = None) -> Order:
    """Cancels all that is open, or quantities of lines: it is not expected any more."""
    row = sent(order)
    items_of = {line.id: line.item_id for line in lines_of.of(row.id)}
    open_ = {p.line_id: p.open for p in progress_of(row.id)}
    parts.cancel(session, Cancellation, row.number, reason, lines, open_, items_of)
    plan(session, row)
    return row


def plan(session: Session, order: Order) -> None:
    """Tells the stock what will still come, and when."""
    open_ = {row.line_id: row.open for row in progress_of(order.id)}
    planned = [
        planning.Planned(line=line.id, item=line.item_id, date=order.expected, quantity=open_[line.id])
        for line in lines_of.of(order.id)
    ]
    planning.plan(session, KIND, order.id, planned)


def progress_of(order: int) -> list[Progress]:
    """How far the lines of a sent order are, in order."""
    lines = "SELECT id FROM purchasing_order_line WHERE order_id = ?"
    return store.read(Progress, f"line_id IN ({lines}) ORDER BY line_id", order)


def drafted(item: int) -> int:
    """How much of an item stands on drafts."""
    query = OrderLine.select(fn.COALESCE(fn.SUM(OrderLine.quantity), 0)).join(Order)
    return int(query.where((OrderLine.item == item) & ~Order.posted).scalar())


def sent(order: int) -> Order:
    """The order. :raise Refused: while it is a draft."""
    row = store.get(Order, order, "order")
    if not row.posted:
        raise refuse("order", "is not sent yet", "Send it first.", row.id)
    return row


def _checked(
    party: int, date: datetime.date, lines: Sequence[Wanted], is_gross: bool, expected: datetime.date | None,
    their_number: str, text: str, own: int = 0,
) -> tuple[dict[str, object], list[dict[str, object]]]:  # fmt: skip
    row, first = supplier(party), ledger.check_date(date)
    rows = lines_of.check(row, first, lines, is_gross)
    _check_requests(rows, own)
    if expected is None:
        sold = (SupplierItem.party == row) & (SupplierItem.item << sorted({line["item"] for line in rows}))
        longest = SupplierItem.select(fn.COALESCE(fn.MAX(SupplierItem.lead_days), 0)).where(sold).scalar()
        expected = first + datetime.timedelta(days=int(longest))
    if ledger.check_date(expected, "expected") < first:
        raise refuse("expected", "lies before the order", "Choose %(first)s or later.", expected, first=first)
    values = {
        "party": row, "date": date, "expected": expected, "is_gross": bool(is_gross),
        "their_number": check_note("their_number", their_number, 100), "text": check_note("text", text),
        **document_lines.sums(rows),
    }  # fmt: skip
    return values, rows


def _check_requests(rows: list[dict[str, object]], own: int) -> None:
    asked: set[object] = set()
    for n, line in enumerate(row["request_line"] for row in rows):
        if line is None:
            continue
        if line in asked:
            raise refuse(f"lines.{n}.request_line", "stands there twice", "Order it once.", line)
        asked.add(line)
        if not OrderLine.get_or_none((OrderLine.request_line == line) & (OrderLine.order == own)):
            requests.waiting(line, f"lines.{n}.request_line")


def _keep_requests(order: Order, lines: Sequence[Wanted]) -> list[Wanted]:
    asked = {line.item_id: line.request_line_id for line in lines_of.of(order.id) if line.request_line_id}
    given = {line.request_line for line in lines}
    kept = []
    for line in lines:
        own = asked.pop(line.item, None) if line.request_line is None else None
        kept.append(line if own is None or own in given else replace(line, request_line=own))
    return kept


def _append(order: Order, rows: list[dict[str, object]]) -> None:
    store.append(OrderLine, [{"order": order.id, **row} for row in rows])


def _draft(order: int) -> Order:
    row = store.get(Order, order, "order")
    if row.posted:
        raise refuse("order", "is sent", "Cancel what is open, and make a new order.", row.number)
    return row
