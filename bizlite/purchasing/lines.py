"""What a line of a purchase order must be, its price, and what it comes to."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from bizlite.core import company, exact, store
from bizlite.core.errors import marked, refuse
from bizlite.core.session import Session
from bizlite.finance import invoices
from bizlite.finance import lines as document_lines
from bizlite.finance.models import Party
from bizlite.purchasing import suppliers
from bizlite.purchasing.models import Order, OrderLine, RequestLine
from bizlite.stock.items import check_note
from bizlite.stock.models import Item, Unit


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A line as it is asked for. What is not given, price, tax rate and tolerance, is what the supplier says."""

    item: int
    quantity: int
    price: int | None = None
    rate: int | None = None
    tolerance: int | None = None
    text: str = ""
    request_line: int | None = None


def check(party: Party, date: datetime.date, lines: Sequence[Wanted], is_gross: bool) -> list[dict[str, object]]:
    """The lines as rows. :raise Refused: naming the line."""
    return document_lines.rows(lines, lambda line: _check(party, date, line, is_gross))


def name(session: Session, order: Order) -> None:
    """Before an order is sent: a line without a text of its own says the item, with the supplier's number."""
    for line in of(order.id):
        if not line.text:
            found = suppliers.sells(order.party_id, line.item_id)
            words = (line.item.code, line.item.name, found.their_number if found else "")
            store.change(session, line, text=" ".join(filter(None, words)))


def of(order: int) -> list[OrderLine]:
    """The lines of an order, with their items."""
    query = OrderLine.select(OrderLine, Item, Unit).join(Item).join(Unit).where(OrderLine.order == order)
    return list(query.order_by(OrderLine.position))


def _check(party: Party, date: datetime.date, line: Wanted, is_gross: bool) -> dict[str, object]:
    item = store.get(Item, line.item, "item")
    if not item.is_active:
        raise refuse("item", "is out of use", "Choose an item that is in use.", item.code)
    if line.request_line is not None and store.get(RequestLine, line.request_line, "request_line").item_id != item.id:
        raise refuse("request_line", "asks for another item", "Choose a line that asks for this item.", item.code)
    quantity = exact.whole("quantity", line.quantity, least=1)
    found = suppliers.sells(party.id, item.id)
    if line.price is None and found is None:
        remedy = marked("Give a price, or say that this supplier sells it.")
        raise refuse("price", "%(item)s has no price", remedy, item=item.code)
    rate = found.rate if found and line.rate is None else _first(line.rate, company.purchase_rate(date))
    exact.whole("rate", rate, least=0, most=invoices.HIGHEST_RATE)
    if line.price is None:
        price = found.price if is_gross else exact.net_of(found.price, rate)
    else:
        price = exact.whole("price", line.price, least=0)
    tolerance = _first(line.tolerance, found.tolerance if found else 0)
    exact.whole("tolerance", tolerance, least=0, most=exact.BASIS_POINTS)
    text = check_note("text", line.text)
    asked = invoices.Item(text=text, quantity=quantity, price=price, rate=rate, scale=item.unit.scale)
    net, tax = invoices.amounts(asked, is_gross)
    exact.whole("price", net + tax)
    return {
        "item": item.id, "text": text, "quantity": quantity, "price": price, "rate": rate, "tolerance": tolerance,
        "net": net, "tax": tax, "request_line": line.request_line,
    }  # fmt: skip


def _first(given: int | None, otherwise: int) -> int:
    return otherwise if given is None else given
