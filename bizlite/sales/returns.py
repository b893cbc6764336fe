"""Goods that come back (退货): they name their delivery, come back at what they cost, and are credited if invoiced."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from bizlite.core import numbers, store
from bizlite.core.commands import command
from bizlite.core.errors import marked, refuse
from bizlite.core.session import Session
from bizlite.finance import ledger
from bizlite.sales import deliveries, invoices
from bizlite.sales.models import Delivered, Delivery, DeliveryLine, Return, ReturnLine
from bizlite.stock import items, parts, transfers
from bizlite.stock.items import check_note
from bizlite.stock.parts import Back

SOURCE = "sales_return"


@command("sales.return.post")
def post(session: Session, delivery: int, date: datetime.date, lines: Sequence[Back], *, text: str = "") -> Return:
    """Posts a return. What is invoiced of it is credited at once; what is not, will not be."""
    row = store.get(Delivery, delivery, "delivery")
    if not store.stands(row):
        raise refuse("delivery", "does not stand", "Choose a delivery that stands.", row.number)
    if ledger.check_date(date) < row.date:
        raise refuse("date", "lies before the delivery", "Choose %(first)s or later.", date, first=row.date)
    found = _checked(row, lines)
    credited = invoices.take_back(session, [(line, back.quantity) for line, back in found], date)
    paper = Return(
        delivery=row, party=row.party_id, date=date, text=check_note("text", text), created_by=session.user,
        created_ms=session.now_ms(),
    )  # fmt: skip
    store.insert(session, paper)
    numbers_ = store.append(
        ReturnLine,
        [
            {
                "goods_return": paper.id, "delivery_line": line.id, "quantity": back.quantity,
                "location": back.location or line.location_id, "credited": credited.get(line.id, 0),
            }
            for line, back in found
        ],
    )  # fmt: skip
    customer = items.place("CUSTOMER")
    moves = [
        transfers.Line(
            item=line.item_id, lot=line.lot, quantity=back.quantity, source=customer,
            target=back.location or line.location_id, origin=deliveries.move_of(line).id, line=number,
        )
        for number, (line, back) in zip(numbers_, found, strict=True)
    ]  # fmt: skip
    transfers.move(session, "return", date, moves, text=text, source=(SOURCE, paper.id))
    return store.change(session, paper, **numbers.stamp(session, paper))


@command("sales.return.post")
def storno(session: Session, goods_return: int, *, date: datetime.date | None = None) -> Return:
    """Takes a return back. :raise Refused: when it was credited: then the goods are sold again."""
    row = store.get(Return, goods_return, "goods_return")
    if not store.stands(row):
        raise refuse("goods_return", "cannot be reversed", "Choose a return that stands.", row.number)
    lines = list(ReturnLine.select().where(ReturnLine.goods_return == row).order_by(ReturnLine.id))
    if any(line.credited for line in lines):
        raise refuse("goods_return", "was credited", "Sell the goods again.", row.number)
    day = transfers.reverse(session, parts.paper_of(SOURCE, row.id), date=date).date
    red = Return(
        delivery=row.delivery_id, party=row.party_id, date=day, text=row.text, reverses=row, created_by=session.user,
        created_ms=session.now_ms(),
    )  # fmt: skip
    store.insert(session, red)
    store.append(
        ReturnLine,
        [
            {
                "goods_return": red.id, "delivery_line": line.delivery_line_id, "location": line.location_id,
                "quantity": -line.quantity, "credited": 0,
            }
            for line in lines
        ],
    )  # fmt: skip
    return store.change(session, red, **numbers.stamp(session, red))


def _checked(delivery: Delivery, lines: Sequence[Back]) -> list[tuple[DeliveryLine, Back]]:
    if not 0 < len(lines) <= transfers.MOST_LINES:
        raise refuse("lines", "nothing comes back", "Give a quantity of a line of the delivery.", delivery.number)
    known = {line.id: line for line in DeliveryLine.select().where(DeliveryLine.delivery == delivery)}
    left = {row.line_id: row.quantity - row.returned for row in Delivered.select().where(Delivered.line << list(known))}
    return parts.returned(lines, known, left, marked("is no line of this delivery"))
