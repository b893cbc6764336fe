"""The page of sales that is no document: who sold what."""

from __future__ import annotations

import datetime

from flask import Blueprint
from peewee import Case, ModelSelect, fn
from werkzeug.wrappers import Response as BaseResponse

from bizlite.core import exact
from bizlite.core.tables import Column, Line, Table
from bizlite.sales.models import Order, OrderLine, Progress
from bizlite.web import tables
from bizlite.web.fields import Date
from bizlite.web.guard import requires, session
from bizlite.web.texts import marked as _

bp = Blueprint("sales", __name__, template_folder="templates")


@bp.get("/sellers")
@requires("sales.view")
def sellers() -> str | BaseResponse:
    """What each person sold in a span of days, by default this month."""
    today = session().today()
    fields = (Date("first", _("From day"), default=lambda: today.replace(day=1)),
              Date("last", _("Until day"), default=lambda: today))  # fmt: skip
    asked = tables.read(fields)
    return tables.page(_("Who sold what"), [sold(asked["first"], asked["last"])], fields)


def sold(first: datetime.date, last: datetime.date) -> Table:
    """Confirmed orders by who sold them: how many, for how many customers, and what of their value is where.

    Amounts are net. Of a line of which a part was cancelled or delivered they are its share, rounded half up.
    """
    confirmed = Order.posted & Order.date.between(first, last)
    whole = [
        fn.SUM(Case(None, [(part == Progress.ordered, OrderLine.net)], 0))
        for part in (Progress.cancelled, Progress.delivered)
    ]
    counts = (fn.COUNT(fn.DISTINCT(Order.id)), fn.COUNT(fn.DISTINCT(Order.party)), fn.SUM(OrderLine.net))
    query = _lines(Order.seller, *counts, *whole).where(confirmed).group_by(Order.seller)
    sums = {seller: [int(value) for value in values] for seller, *values in query.tuples()}
    is_part = Progress.cancelled.between(1, Progress.ordered - 1) | Progress.delivered.between(1, Progress.ordered - 1)
    partly = _lines(Order.seller, OrderLine.net, Progress.ordered, Progress.cancelled, Progress.delivered)
    for seller, net, ordered, *parts in partly.where(confirmed & is_part).tuples():
        for n, part in enumerate(parts, 3):
            if part != ordered:
                sums[seller][n] += exact.half_up(net * part, ordered)
    ranked = sorted(sums.items(), key=lambda row: (-row[1][2], row[0]))
    lines = [
        Line((seller, *values),
             ("biz.sales-order-list", {"seller": seller, "date_from": first.isoformat(), "date_to": last.isoformat()}))
        for seller, values in ranked
    ]  # fmt: skip
    columns = (
        Column("seller", _("Sold by")), Column("orders", _("Orders"), "whole"),
        Column("customers", _("Customers"), "whole"), Column("net", _("Ordered, net"), "money"),
        Column("cancelled", _("of it cancelled"), "money"), Column("delivered", _("of it delivered"), "money"),
    )  # fmt: skip
    return Table("sellers", _("Who sold what"), columns, lines, ("orders", "net", "cancelled", "delivered"))


def _lines(*what: object) -> ModelSelect:
    query = Order.select(*what).join(OrderLine, on=(OrderLine.order == Order.id))
    return query.join(Progress, on=(Progress.line == OrderLine.id))
