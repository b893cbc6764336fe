"""What sales know: orders that are late, the money that open orders will bring, deliveries without an invoice."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from itertools import chain

from peewee import fn

from bizlite.core import store, tables
from bizlite.core.errors import marked as _
from bizlite.core.tables import Column, Line, Table
from bizlite.finance import closing
from bizlite.finance.forecast import Flow
from bizlite.finance.models import Party
from bizlite.reports import expected
from bizlite.sales.models import OPEN, UNINVOICED, Delivered, Delivery, DeliveryLine, Order, OrderLine, Progress
from bizlite.stock.models import Item, Unit


def late_orders(today: datetime.date, most: int | None = None) -> Table:
    """Lines of orders whose promised day is over, the oldest first; a row leads to the order."""
    late = OPEN & (Progress.promised < today)
    query = (
        Progress.select(
            Progress.promised, Order.id, Order.number, Party.name, Item.code, Unit.scale,
            Progress.ordered - Progress.delivered - Progress.cancelled,
        )
        .join(OrderLine).join(Order).join(Party).switch(OrderLine).join(Item).join(Unit)
        .where(late).order_by(Progress.promised, Progress.line)  # as the index has them
    )  # fmt: skip
    rows, rest = tables.part(query, Progress.select().where(late), most)
    lines = [
        Line((number, name, code, promised, (left, scale), (today - promised).days),
             ("reports.order", {"key": order}))
        for promised, order, number, name, code, scale, left in rows
    ]  # fmt: skip
    columns = (
        Column("order", _("Sales order")), Column("customer", _("Customer")), Column("item", _("Item")),
        Column("date", _("Promised"), "date"), Column("open", _("Open"), "quantity"),
        Column("days", _("Days late"), "whole"),
    )  # fmt: skip
    return Table("late-orders", _("Sales orders that are late"), columns, lines, rest=rest)


def flows(today: datetime.date) -> Iterator[Flow]:
    """What is still to be invoiced of orders with the customer's term: what is open when it is promised, and what was
    delivered and is on no invoice."""
    of, gross = (Order.id, Order.number, Order.party, Party.payment_days), OrderLine.net + OrderLine.tax
    coming = (
        Progress.select(
            *of, Progress.promised, Progress.ordered, Progress.ordered - Progress.delivered - Progress.cancelled, gross
        )
        .join(OrderLine).join(Order).join(Party).where(OPEN)
    )  # fmt: skip
    left = Delivered.quantity - Delivered.returned - Delivered.invoiced
    gone = (
        Delivered.select(*of, Delivery.date, OrderLine.quantity, left, gross)
        .join(DeliveryLine).join(Delivery).switch(DeliveryLine).join(OrderLine).join(Order).join(Party)
        .where(UNINVOICED)
    )  # fmt: skip
    return expected.flows(chain(store.tuples(coming), store.tuples(gone)), today, "sales_order", 1)


def closing_points(period: int) -> list[closing.Point]:
    """Lines of deliveries of the month and before that no invoice names."""
    query = Delivered.select(fn.COUNT(Delivered.line)).join(DeliveryLine).join(Delivery)
    count = int(query.where(UNINVOICED & (Delivery.date <= closing.last_day(period))).scalar())
    return [closing.Point(name="deliveries_not_invoiced", count=count)]
