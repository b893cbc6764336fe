"""What purchasing knows: goods that suppliers owe us, and the money that open orders will take."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from itertools import chain

from bizlite.core import store, tables
from bizlite.core.errors import marked as _
from bizlite.core.tables import Column, Line, Table
from bizlite.finance.forecast import Flow
from bizlite.finance.models import Party
from bizlite.purchasing.models import OPEN, Order, OrderLine, Progress, Receipt, ReceiptLine, Received
from bizlite.reports import expected
from bizlite.stock.models import Item, Unit


def late_orders(today: datetime.date, most: int | None = None) -> Table:
    """Lines of orders that should be here, the oldest first; a row leads to the order."""
    query = (
        Progress.select(
            Order.expected, Order.id, Order.number, Party.name, Item.code, Unit.scale,
            Progress.ordered - Progress.received - Progress.cancelled,
        )
        .join(OrderLine).join(Order).join(Party).switch(OrderLine).join(Item).join(Unit)
        .where(OPEN & (Order.expected < today)).order_by(Order.expected, Order.id, OrderLine.position)
    )  # fmt: skip
    rows, rest = tables.part(query, query, most)
    lines = [
        Line((number, name, code, expected, (left, scale), (today - expected).days),
             ("biz.purchasing-order-show", {"key": order}))
        for expected, order, number, name, code, scale, left in rows
    ]  # fmt: skip
    columns = (
        Column("order", _("Purchase order")), Column("supplier", _("Supplier")), Column("item", _("Item")),
        Column("date", _("Expected"), "date"), Column("open", _("Open"), "quantity"),
        Column("days", _("Days late"), "whole"),
    )  # fmt: skip
    return Table("late-purchases", _("Purchases that are late"), columns, lines, rest=rest)


def flows(today: datetime.date) -> Iterator[Flow]:
    """What is still to be paid of orders with our term: what is open when it is expected, and what was received and is
    on no invoice."""
    of, gross = (Order.id, Order.number, Order.party, Party.payment_days), OrderLine.net + OrderLine.tax
    coming = (
        Progress.select(
            *of, Order.expected, Progress.ordered, Progress.ordered - Progress.received - Progress.cancelled, gross
        )
        .join(OrderLine).join(Order).join(Party).where(OPEN)
    )  # fmt: skip
    left = Received.quantity - Received.returned - Received.invoiced
    here = (
        Received.select(*of, Receipt.date, OrderLine.quantity, left, gross)
        .join(ReceiptLine).join(Receipt).switch(ReceiptLine).join(OrderLine).join(Order).join(Party)
        .where(Received.quantity > Received.invoiced + Received.returned)
    )  # fmt: skip
    return expected.flows(chain(store.tuples(coming), store.tuples(here)), today, "purchasing_order", -1)
