"""Goods that go back to a supplier (采购退货): they name their receipt, and are credited if they were invoiced."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from bizlite.core import numbers, store
from bizlite.core.commands import command
from bizlite.core.errors import marked, refuse
from bizlite.core.exact import half_up
from bizlite.core.session import Session
from bizlite.finance import ledger
from bizlite.purchasing import invoices, receipts
from bizlite.purchasing.models import Receipt, ReceiptLine, Received, Return, ReturnLine
from bizlite.stock import items, parts, transfers
from bizlite.stock.items import check_note
from bizlite.stock.parts import Back

SOURCE = "purchasing_return"


@command("purchasing.return.post")
def post(session: Session, receipt: int, date: datetime.date, lines: Sequence[Back], *, text: str = "") -> Return:
    """Posts a return. What is invoiced of it is credited at once; what is not, will not be."""
    row = receipts.standing(receipt)
    if ledger.check_date(date) < row.date:
        raise refuse("date", "lies before the receipt", "Choose %(first)s or later.", date, first=row.date)
    found = _checked(row, lines)
    credited = invoices.take_back(session, [(line, back.quantity) for line, back in found], date)
    paper = Return(
        receipt=row, party=row.party_id, date=date, text=check_note("text", text), created_by=session.user,
        created_ms=session.now_ms(),
    )  # fmt: skip
    store.insert(session, paper)
    values = [_value(line, back.quantity) for line, back in found]
    numbers_ = store.append(
        ReturnLine,
        [
            {
                "goods_return": paper.id, "receipt_line": line.id, "location": back.location or line.location_id,
                "quantity": back.quantity, "value": value, "credited": credited.get(line.id, 0),
            }
            for (line, back), value in zip(found, values, strict=True)
        ],
    )  # fmt: skip
    supplier = items.place("SUPPLIER")
    moves = [
        transfers.Line(
            item=line.item_id, lot=line.lot, quantity=back.quantity, source=back.location or line.location_id,
            target=supplier, origin=receipts.move_of(line).id, line=number,
        )
        for number, (line, back) in zip(numbers_, found, strict=True)
    ]  # fmt: skip
    transfers.move(session, "return", date, moves, text=text, source=(SOURCE, paper.id))
    for (line, back), value in zip(found, values, strict=True):
        _settle(session, line, _share(line, back.quantity) - value)
    return store.change(session, paper, **numbers.stamp(session, paper))


@command("purchasing.return.post")
def storno(session: Session, goods_return: int, *, date: datetime.date | None = None) -> Return:
    """Takes a return back. :raise Refused: when it was credited: then the goods are ordered again."""
    row = store.get(Return, goods_return, "goods_return")
    if not store.stands(row):
        raise refuse("goods_return", "cannot be reversed", "Choose a return that stands.", row.number)
    lines = list(ReturnLine.select().where(ReturnLine.goods_return == row).order_by(ReturnLine.id))
    if any(line.credited for line in lines):
        raise refuse("goods_return", "was credited", "Order and receive the goods again.", row.number)
    for line in lines:
        _settle(session, line.receipt_line, line.value - _share(line.receipt_line, line.quantity))
    day = transfers.reverse(session, parts.paper_of(SOURCE, row.id), date=date).date
    red = Return(
        receipt=row.receipt_id, party=row.party_id, date=day, text=row.text, reverses=row, created_by=session.user,
        created_ms=session.now_ms(),
    )  # fmt: skip
    store.insert(session, red)
    store.append(
        ReturnLine,
        [
            {
                "goods_return": red.id, "receipt_line": line.receipt_line_id, "location": line.location_id,
                "quantity": -line.quantity, "value": -line.value, "credited": 0,
            }
            for line in lines
        ],
    )  # fmt: skip
    return store.change(session, red, **numbers.stamp(session, red))


def _value(line: ReceiptLine, quantity: int) -> int:
    """What 220202 held for what goes back; the last of a line takes what is left, so that nothing stays there."""
    done = Received.get_by_id(line.id)
    return done.uninvoiced_value if quantity == done.uninvoiced else _share(line, quantity)


def _share(line: ReceiptLine, quantity: int) -> int:
    """What the stock gives back for a move that names its origin."""
    return half_up(line.value * quantity, line.quantity)


def _settle(session: Session, line: ReceiptLine, cents: int) -> None:
    """A rest of rounding goes to what the receipt cost."""
    if cents:
        transfers.revalue(session, receipts.move_of(line), cents)


def _checked(receipt: Receipt, lines: Sequence[Back]) -> list[tuple[ReceiptLine, Back]]:
    if not 0 < len(lines) <= transfers.MOST_LINES:
        raise refuse("lines", "nothing goes back", "Give a quantity of a line of the receipt.", receipt.number)
    known = {line.id: line for line in ReceiptLine.select().where(ReceiptLine.receipt == receipt)}
    left = {row.line_id: row.quantity - row.returned for row in Received.select().where(Received.line << list(known))}
    return parts.returned(lines, known, left, marked("is no line of this receipt"))
