"""How much a customer may owe: what is open of invoices, and what is ordered and not yet invoiced."""

from __future__ import annotations

from peewee import Expression, ModelSelect, fn

from bizlite.core import exact
from bizlite.core.errors import refuse
from bizlite.finance import invoices, payments
from bizlite.finance.models import Party
from bizlite.sales import lines as lines_of
from bizlite.sales.models import Delivered, DeliveryLine, Order, OrderLine, Progress
from bizlite.stock.models import Item, Unit

OVERRIDE = "sales.credit.override"


def uninvoiced(party: int) -> int:
    """Minor units with tax of what is ordered, not cancelled, and not invoiced or returned."""
    open_ = Progress.ordered - Progress.delivered - Progress.cancelled
    ordered = (
        _priced(open_)
        .join(Progress, on=(Progress.line == OrderLine.id))
        .where((Order.party == party) & (open_ > 0))
    )  # fmt: skip
    left = Delivered.quantity - Delivered.returned - Delivered.invoiced
    delivered = (
        _priced(fn.SUM(left))
        .join(DeliveryLine, on=(DeliveryLine.order_line == OrderLine.id))
        .join(Delivered, on=(Delivered.line == DeliveryLine.id))
        .where((Order.party == party) & (left > 0)).group_by(OrderLine.id, Order.id, Item.id, Unit.code)
    )  # fmt: skip
    total = 0
    for query in (ordered, delivered):
        for line in query:
            total += sum(invoices.amounts(lines_of.invoiced(line, int(line.quantity_left)), line.order.is_gross))
    return total


def _priced(quantity: Expression) -> ModelSelect:
    """Lines of orders with what a line of an invoice needs, and a quantity as ``quantity_left``."""
    query = OrderLine.select(OrderLine, Order, Item, Unit, quantity.alias("quantity_left"))
    return query.join(Order).switch(OrderLine).join(Item).join(Unit).switch(OrderLine)


def used(party: int) -> int:
    """What a customer owes or will owe, in minor units."""
    return payments.open_balance(party, "receivable") + uninvoiced(party)


def check(party: Party, further: int, reason: str) -> str:
    """The reason, when a document goes beyond the limit, else nothing. :raise Refused: beyond it without a reason."""
    if party.credit_limit is None:
        return ""
    before = used(party.id)
    if before + further <= party.credit_limit:
        return ""
    if reason:
        return reason
    words = {
        "limit": exact.show(party.credit_limit, exact.MINOR), "used": exact.show(before, exact.MINOR),
        "further": exact.show(further, exact.MINOR),
    }  # fmt: skip
    raise refuse(
        "party",
        "the credit limit %(limit)s would be passed: %(used)s is used, this is %(further)s",
        "Let the customer pay, order less, or let somebody with the right confirm it with a reason.",
        party.code,
        **words,
    )
