"""What a line of a quotation or an order must be, its price, and what it comes to."""

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
from bizlite.sales import prices
from bizlite.sales.models import OrderLine, QuotationLine
from bizlite.stock.items import check_note
from bizlite.stock.models import Item, Unit


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A line as it is asked for. What is not given, price, discount and tax rate, comes from the price list."""

    item: int
    quantity: int
    price: int | None = None
    discount: int | None = None
    rate: int | None = None
    text: str = ""


def check(party: Party, date: datetime.date, lines: Sequence[Wanted], is_gross: bool) -> list[dict[str, object]]:
    """The lines as rows. :raise Refused: naming the line."""
    return document_lines.rows(lines, lambda line: _check(party, date, line, is_gross))


def name(session: Session, model: type[OrderLine] | type[QuotationLine], document: int) -> None:
    """Before a document is posted: a line without a text of its own says the item as it is called now."""
    for line in of(model, document):
        if not line.text:
            store.change(session, line, text=f"{line.item.code} {line.item.name}")


def after_discount(price: int, discount: int) -> int:
    """The unit price that is invoiced."""
    return exact.half_up(price * (exact.BASIS_POINTS - discount), exact.BASIS_POINTS)


def invoiced(line: OrderLine, quantity: int) -> invoices.Item:
    """A quantity of an order's line as a line of an invoice."""
    item = line.item
    return invoices.Item(
        text=line.text, quantity=quantity, price=after_discount(line.price, line.discount), rate=line.rate,
        scale=item.unit.scale, aux=f"item:{item.id}",
    )  # fmt: skip


def of(model: type[OrderLine] | type[QuotationLine], document: int) -> list[OrderLine]:
    """The lines of a document in order, with their items."""
    owner = OrderLine.order if model is OrderLine else QuotationLine.quotation
    return list(model.select(model, Item, Unit).join(Item).join(Unit).where(owner == document).order_by(model.position))


def _check(party: Party, date: datetime.date, line: Wanted, is_gross: bool) -> dict[str, object]:
    item = store.get(Item, line.item, "item")
    if not item.is_active:
        raise refuse("item", "is out of use", "Choose an item that is in use.", item.code)
    quantity = exact.whole("quantity", line.quantity, least=1)
    found = prices.find(party.id, item.id, quantity, date)
    if line.price is None and found is None:
        remedy = marked("Give a price, or add one to a price list.")
        raise refuse("price", "%(item)s has no price", remedy, item=item.code)
    rate = exact.whole(
        "rate",
        line.rate if line.rate is not None else found.rate if found else company.sale_rate(date),
        least=0,
        most=invoices.HIGHEST_RATE,
    )
    if line.price is None:
        price = found.price if is_gross else exact.net_of(found.price, rate)
        discount = found.discount if line.discount is None else line.discount
    else:
        price, discount = exact.whole("price", line.price, least=0), line.discount or 0
    exact.whole("discount", discount, least=0, most=exact.BASIS_POINTS)
    text = check_note("text", line.text)
    asked = invoices.Item(
        text=text, quantity=quantity, price=after_discount(price, discount), rate=rate, scale=item.unit.scale
    )
    net, tax = invoices.amounts(asked, is_gross)
    exact.whole("price", net + tax)
    return {
        "item": item.id, "text": text, "quantity": quantity, "price": price, "discount": discount, "rate": rate,
        "net": net, "tax": tax,
    }  # fmt: skip
