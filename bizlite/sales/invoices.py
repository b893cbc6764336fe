"""Invoices of what was delivered (开票): never more than the customer has; and their credit notes."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from peewee import Expression, fn

from bizlite.core import store
from bizlite.core.commands import command
from bizlite.core.errors import marked, refuse
from bizlite.core.exact import half_up
from bizlite.core.session import Session
from bizlite.finance import invoices, ledger
from bizlite.finance.models import Invoice, InvoiceLine
from bizlite.sales import lines as lines_of
from bizlite.sales import orders
from bizlite.sales.models import Billing, Delivered, Delivery, DeliveryLine, Order, OrderLine

SOURCE = "sales_order"


@command("sales.invoice.post")
def post(
    session: Session, order: int, date: datetime.date, *, all_orders: bool = False,
    until: datetime.date | None = None, due: datetime.date | None = None, text: str = "",
) -> Invoice:  # fmt: skip
    """Invoices what was delivered (until a day) and is not invoiced yet: of an order, or all orders of its customer.

    Orders with tax in their prices and orders without go on invoices of their own.
    """
    row = orders.confirmed(order)
    which = Order.id == row.id
    if all_orders:
        which = (Order.party == row.party_id) & (Order.is_gross == row.is_gross) & Order.posted
    found = uninvoiced(which, until)
    if not found:
        raise refuse("order", "nothing is to be invoiced", "Deliver something first.", row.number)
    latest = max(line.delivery.date for line, _ in found)
    if ledger.check_date(date) < latest:
        raise refuse("date", "lies before the delivery", "Choose %(first)s or later.", date, first=latest)
    asked = [lines_of.invoiced(line.order_line, quantity) for line, quantity in found]
    if not any(sum(invoices.amounts(item, row.is_gross)) for item in asked):
        remedy = marked("It goes on the customer's next invoice: tick “All orders of this customer” there.")
        raise refuse("order", "what was delivered costs nothing", remedy, row.number)
    invoice = invoices.enter(
        session, "sale", row.party_id, date, asked, is_gross=row.is_gross, due=due, text=text, source=(SOURCE, row.id)
    )
    for position, (line, quantity) in enumerate(found):
        _bill(session, invoice, position, line.id, quantity)
    return invoice


def uninvoiced(orders_: Expression, until: datetime.date | None = None) -> list[tuple[DeliveryLine, int]]:
    """Lines of deliveries that the customer has and no invoice names, and how much of them; the first ones first."""
    left = Delivered.quantity - Delivered.returned - Delivered.invoiced
    query = (
        DeliveryLine.select(DeliveryLine, Delivery, OrderLine, left.alias("quantity_left"))
        .join(Delivery).join(Order).switch(DeliveryLine).join(OrderLine).switch(DeliveryLine)
        .join(Delivered, on=(Delivered.line == DeliveryLine.id))
        .where(orders_ & (left > 0))
    )  # fmt: skip
    if until is not None:
        query = query.where(Delivery.date <= until)
    rows = query.order_by(DeliveryLine.id).limit(invoices.MOST_LINES)
    return [(line, int(line.quantity_left)) for line in rows]


@command("sales.invoice.post")
def credit_of(session: Session, order: int, invoice_number: str, date: datetime.date) -> Order:
    """Takes back what is left of an invoice of an order, by its number."""
    row = orders.confirmed(order)
    lines = DeliveryLine.select(DeliveryLine.id).join(Delivery).where(Delivery.order == row)
    own = Billing.select(Billing.invoice).where(Billing.delivery_line.in_(lines))
    found = Invoice.get_or_none((Invoice.number == invoice_number.strip()) & Invoice.id.in_(own))
    if found is None:
        raise refuse("invoice_number", "is no invoice of this order", "Choose one of its invoices.", invoice_number)
    credit(session, found.id, date)
    return row


@command("sales.invoice.post")
def credit(session: Session, invoice: int, date: datetime.date) -> Invoice:
    """Takes back what is left of an invoice: its deliveries can be invoiced again, with other prices or another day."""
    row = store.get(Invoice, invoice, "invoice")
    left = [(position, line, quantity) for position, line, quantity in _left(row) if quantity]
    if not left:
        raise refuse("invoice", "cannot be credited", "Choose an invoice of deliveries that stands.", row.number or "")
    note = _note(session, row, date, [(position, quantity) for position, _, quantity in left])
    for position, line, quantity in left:
        _bill(session, row, position, line, -quantity, note)
    return store.get(Invoice, note or row.id)


def take_back(session: Session, lines: Sequence[tuple[DeliveryLine, int]], date: datetime.date) -> dict[int, int]:
    """Credits what was invoiced of quantities that come back, the last invoice first, within the transaction.

    Gives how much of each line of the delivery was credited; what was not invoiced needs none.
    """
    parts: dict[int, list[tuple[int, int, int]]] = {}  # by invoice: position, line of the delivery, quantity
    credited: dict[int, int] = {}
    for line, quantity in lines:
        extra = credited[line.id] = max(0, quantity - Delivered.get_by_id(line.id).uninvoiced)
        billed = Billing.select(Billing.invoice, Billing.position, fn.SUM(Billing.quantity).alias("left"))
        billed = billed.where(Billing.delivery_line == line).group_by(Billing.invoice, Billing.position)
        for row in billed.order_by(Billing.invoice.desc(), Billing.position.desc()):
            part = min(extra, int(row.left))
            if part > 0:
                parts.setdefault(row.invoice_id, []).append((row.position, line.id, part))
                extra -= part
    for number in sorted(parts):
        invoice = Invoice.get_by_id(number)
        found = [(position, quantity) for position, _, quantity in parts[number]]
        note = _note(session, invoice, max(date, invoice.date), found)
        for position, line_id, quantity in parts[number]:
            _bill(session, invoice, position, line_id, -quantity, note)
    return credited


def _left(invoice: Invoice) -> list[tuple[int, int, int]]:
    """Position, line of the delivery, and what of it is still invoiced."""
    rows = Billing.select(Billing.position, Billing.delivery_line, fn.SUM(Billing.quantity))
    rows = rows.where(Billing.invoice == invoice).group_by(Billing.position, Billing.delivery_line)
    return [(position, line, int(left)) for position, line, left in rows.order_by(Billing.position).tuples()]


def _note(session: Session, invoice: Invoice, date: datetime.date, parts: Sequence[tuple[int, int]]) -> int | None:
    """The credit note for quantities by position, or nothing when they are worth nothing.

    Each part is worth its share of what is left of its line, so that all parts are worth the line, to the cent, less
    the allowances on it.
    """
    left = {position: quantity for position, _, quantity in _left(invoice)}
    rests, items = invoices.rests(invoice), []
    for position, quantity in parts:
        row = InvoiceLine.get((InvoiceLine.invoice == invoice) & (InvoiceLine.position == position))
        net, tax = (half_up(rest * quantity, left[position]) for rest in rests[position])
        items.append(invoices.line_item(row, quantity, (net, tax)))
    if not any(sum(item.worth or ()) for item in items):
        return None
    return invoices.take_back(session, invoice, date, items).id


def _bill(session: Session, invoice: Invoice, position: int, line: int, quantity: int, note: int | None = None) -> None:
    values = {"invoice": invoice.id, "position": position, "delivery_line": line, "quantity": quantity, "note": note}
    store.append(Billing, [values])
