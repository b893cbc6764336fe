"""What purchasing knows: goods that suppliers owe us, and the money that open orders will take."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from bizlite.core import store, tables
from bizlite.core.errors import marked as _
from bizlite.core.tables import Column, Line, Table
from bizlite.finance.forecast import Flow
from bizlite.finance.models import Party
from bizlite.purchasing.models import OPEN, Order, OrderLine, Progress
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
    """What is still to be paid of open orders, when they are expected and with our term."""
    query = (
        Progress.select(
            Order.id, Order.number, Order.party, Party.payment_days, Order.expected, Progress.ordered,
            Progress.ordered - Progress.received - Progress.cancelled, OrderLine.net + OrderLine.tax,
        )
        .join(OrderLine).join(Order).join(Party).where(OPEN)
    )  # fmt: skip
    return expected.flows(store.tuples(query), today, "purchasing_order", -1)
