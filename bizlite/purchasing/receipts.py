"""Goods received (入库): for an order, in parts, up to its tolerance; worth what was ordered, until invoiced."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from bizlite.core import company, exact, numbers, registry, store
from bizlite.core.commands import command
from bizlite.core.errors import marked, refuse
from bizlite.core.exact import half_up
from bizlite.core.session import Session
from bizlite.finance import invoices, ledger
from bizlite.purchasing import lines as lines_of
from bizlite.purchasing import orders
from bizlite.purchasing.models import Order, OrderLine, Progress, Receipt, ReceiptLine, Received
from bizlite.stock import items, parts, transfers
from bizlite.stock.items import check_note
from bizlite.stock.models import Move

SOURCE = "purchasing_receipt"


@dataclass(frozen=True, kw_only=True, slots=True)
class Got:
    """What came for a line of the order, to the main store unless another is given.

    ``lot_code`` is what stands on the goods; an unknown one becomes a new lot, which ``expires`` perhaps.
    """

    line: int
    quantity: int
    location: int | None = None
    lot_code: str = ""
    expires: datetime.date | None = None


@command("purchasing.receipt.post")
def post(
    session: Session, order: int, date: datetime.date, lines: Sequence[Got] | None = None, *, their_number: str = "",
    text: str = "",
) -> Receipt:  # fmt: skip
    """Posts a receipt for an order: what is given, or all that is open. :raise Refused: beyond the tolerance."""
    row = orders.sent(order)
    if ledger.check_date(date) < row.date:
        raise refuse("date", "lies before the order", "Choose %(first)s or later.", date, first=row.date)
    found = _checked(row, date, _all_open(row) if lines is None else lines)
    _inspected(row, found)
    receipt = Receipt(
        order=row, party=row.party_id, date=date, their_number=check_note("their_number", their_number, 100),
        text=check_note("text", text), created_by=session.user, created_ms=session.now_ms(),
    )  # fmt: skip
    store.insert(session, receipt)
    rows = [
        {
            "receipt": receipt.id, "order_line": line.id, "item": line.item_id, "quantity": got.quantity,
            "lot": items.lot_named(session, line.item, got.lot_code, f"lines.{n}.lot_code", expires=got.expires),
            "location": got.location or items.place("MAIN"),
            "value": value,
        }
        for n, (line, got, value) in enumerate(found)
    ]  # fmt: skip
    numbers_ = store.append(ReceiptLine, rows)
    supplier = items.place("SUPPLIER")
    moves = [
        transfers.Line(
            item=values["item"], lot=values["lot"], quantity=values["quantity"], source=supplier,
            target=values["location"], value=values["value"], line=number,
        )
        for number, values in zip(numbers_, rows, strict=True)
    ]  # fmt: skip
    transfers.move(session, "receipt", date, moves, text=text, source=(SOURCE, receipt.id))
    store.change(session, receipt, **numbers.stamp(session, receipt))
    orders.plan(session, row)
    return receipt


@command("purchasing.receipt.post")
def storno(session: Session, receipt: int, *, date: datetime.date | None = None) -> Receipt:
    """Takes a receipt back as if it had never been: the goods are expected again."""
    row = standing(receipt)
    lines = list(ReceiptLine.select().where(ReceiptLine.receipt == row).order_by(ReceiptLine.id))
    for line in lines:
        done = Received.get_by_id(line.id)
        if done.invoiced or done.returned:
            remedy = marked("Credit its invoice, or take the return back, first.")
            raise refuse("receipt", "was invoiced or returned", remedy, row.number)
    day = transfers.reverse(session, parts.paper_of(SOURCE, row.id), date=date).date
    red = Receipt(
        order=row.order_id, party=row.party_id, date=day, their_number=row.their_number, text=row.text, reverses=row,
        created_by=session.user, created_ms=session.now_ms(),
    )  # fmt: skip
    store.insert(session, red)
    store.append(
        ReceiptLine,
        [
            {
                "receipt": red.id, "order_line": line.order_line_id, "item": line.item_id, "lot": line.lot,
                "location": line.location_id, "quantity": -line.quantity, "value": -line.value,
            }
            for line in lines
        ],
    )  # fmt: skip
    store.change(session, red, **numbers.stamp(session, red))
    orders.plan(session, row.order)
    return red


def standing(receipt: int) -> Receipt:
    """The receipt. :raise Refused: when it is a storno or was reversed."""
    row = store.get(Receipt, receipt, "receipt")
    if not store.stands(row):
        raise refuse("receipt", "does not stand", "Choose a receipt that stands.", row.number)
    return row


def move_of(line: ReceiptLine) -> Move:
    """What moved for a line."""
    return parts.move_of(SOURCE, line.receipt_id, line.id)


def _inspected(order: Order, found: list[tuple[OrderLine, Got, int]]) -> None:
    """Where there is a plan for it, goods come in only when they were inspected for this line of the order."""
    if not registry.is_on("quality"):
        return
    from bizlite.quality import inspections, plans

    watched = plans.watched("receipt", [line.item_id for line, _, _ in found])
    asked = [(line, got) for line, got, _ in found if line.item_id in watched]
    came: dict[int, int] = {}
    for line, got in asked:
        came[line.id] = came.get(line.id, Progress.get_by_id(line.id).received) + got.quantity
    for line, _ in asked:
        inspections.require("receipt", line.item_id, came[line.id], (orders.KIND, order.id, line.id))


def _all_open(order: Order) -> list[Got]:
    return [Got(line=row.line_id, quantity=row.open) for row in orders.progress_of(order.id) if row.open]


def _checked(order: Order, date: datetime.date, lines: Sequence[Got]) -> list[tuple[OrderLine, Got, int]]:
    """Each line with what it is worth to us: the parts of a line of the order are worth the line, to the cent."""
    if not 0 < len(lines) <= transfers.MOST_LINES:
        raise refuse("lines", "nothing is to be received", "Give a quantity of a line that is open.", order.number)
    known = {line.id: line for line in lines_of.of(order.id)}
    progress = {row.line_id: row for row in Progress.select().where(Progress.line << list(known))}
    tax_kind = company.tax_kind(date)
    found = []
    for n, got in enumerate(lines):
        if got.line not in known:
            raise refuse(f"lines.{n}.line", "is no line of this order", "Choose one of its lines.", got.line)
        exact.whole(f"lines.{n}.quantity", got.quantity, least=1)
        row, line = progress[got.line], known[got.line]
        if got.quantity > row.room:
            most = items.shown(line.item_id, row.room)
            remedy = marked("Give at most %(most)s, send the rest back, or order more.")
            raise refuse(
                f"lines.{n}.quantity", "is more than is ordered with its tolerance", remedy, got.quantity, most=most
            )
        if got.location is not None:
            items.own_place(got.location, f"lines.{n}.location")
        before, row.received = row.received, row.received + got.quantity
        worth = invoices.cost(tax_kind, line.net, line.tax)
        value = half_up(worth * row.received, line.quantity) - half_up(worth * before, line.quantity)
        found.append((line, got, value))
    return found
