"""What the pages show of sales: orders, deliveries, returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from peewee import fn

from bizlite.core import registry, store
from bizlite.core.session import Session
from bizlite.finance.fields import day, remark, storno_day, sums
from bizlite.sales import deliveries, invoices, offers, orders, returns
from bizlite.sales import promise as promises
from bizlite.sales.lines import Wanted
from bizlite.sales.models import (
    OPEN,
    UNINVOICED,
    Delivered,
    Delivery,
    DeliveryLine,
    Order,
    OrderLine,
    Progress,
    Return,
    ReturnLine,
)  # fmt: skip
from bizlite.sales.offers import LINE_FIELDS, LINE_SUMS, contact, customer
from bizlite.sales.pages import bp
from bizlite.stock.fields import item, item_by, lot, lot_code, of_item, own_place, place_name, quantity
from bizlite.stock.models import Item
from bizlite.web.core import Todo
from bizlite.web.fields import Date, Reference, Text, YesNo
from bizlite.web.guard import session, today
from bizlite.web.resource import Action, Column, Lines, Link, Note, Resource
from bizlite.web.texts import marked as _

__all__ = ["RESOURCES", "bp", "todo"]


def _progress(value: Callable[[Progress], Any]) -> Callable[[list[OrderLine]], dict[int, Any]]:
    """How far the lines of an order are, in one question for all."""
    return lambda lines: {row.line_id: value(row) for row in store.among(Progress, "line", [x.id for x in lines])}


def _is_open(row: Order) -> bool:
    return row.posted and bool(_open_lines(row))


def _blocks(row: Order) -> str:
    """The item that makes the order later than it is wanted."""
    limit = row.wanted or max(row.date, today())
    if row.posted:  # the line that was said to be the latest; looking at all of them anew takes 20 ms each
        late = [p for p in orders.progress_of(row.id) if p.open and (p.promised is None or p.promised > limit)]
        late.sort(key=lambda p: (p.promised is not None, limit - (p.promised or limit), p.line_id))
        said = (orders.promise(session(), row, p.line_id) for p in late)
    else:
        said = iter([orders.promise(session(), row)])
    found = next((worst for promised in said if (worst := promises.blocking(promised, limit))), None)
    if found is None:
        return ""
    blocked = Item.get_by_id(found.blocks)
    return f"{blocked.code} {blocked.name}: {found.date or '?'}"


def _open_lines(row: Order) -> list[dict[str, Any]]:
    return [{"line": p.line_id, "quantity": p.open} for p in orders.progress_of(row.id) if p.open]


def _proposed(row: Order) -> list[dict[str, Any]]:
    """What can be delivered now, with the lot and the place that it is taken from."""
    return [{**asdict(pick), "lot": pick.lot or None} for pick in deliveries.proposed(row, today())]


def _to_inspect(row: Order) -> list[Note]:
    """What of the open lines must be inspected first."""
    if not row.posted or not registry.is_on("quality"):
        return []
    from bizlite.quality.notes import to_inspect

    open_ = [p for p in orders.progress_of(row.id) if p.open]
    items_of = {line.id: line.item_id for line in store.among(OrderLine, "order", [row.id])}
    lines = [(p.line_id, items_of[p.line_id], p.delivered + p.open) for p in open_]
    return to_inspect("delivery", orders.KIND, row.id, lines)


ORDER_ITEM = of_item(lambda line: store.get(OrderLine, line).item_id, "line")
SOLD = item_by(lambda line: store.get(OrderLine, line).item_id, "line")
DELIVERED_ITEM = of_item(lambda line: store.get(DeliveryLine, line).item_id, "line")
ORDER = Resource(
    name="sales.order", label=_("Sales orders"), one=_("sales order"), model=Order, view="sales.view",
    fields=(
        customer(), contact(), day(),
        Date("wanted", _("Wanted on"), required=False), Text("their_number", _("Customer's number"), required=False),
        Text("seller", _("Sold by"), required=False, hint=_("Empty is who writes the order.")),
        YesNo("is_gross", _("Prices are with tax"), default=True), remark(),
    ),
    lines=Lines(
        model=OrderLine, of="order", make=Wanted, fields=LINE_FIELDS,
        shows=(
            *LINE_SUMS,
            Column(kind=quantity("delivered", _("Delivered"), required=False),
                   many=_progress(lambda p: p.delivered)),
            Column(kind=quantity("open", _("Open"), required=False),
                   many=_progress(lambda p: p.open)),
            Column(kind=Date("promised", _("Promised"), required=False),
                   many=_progress(lambda p: p.promised)),
        ),
    ),
    columns=("number", "party", "date", "wanted", *sums(), "posted"),
    shows=(
        *sums(), Column(kind=Text("blocks", _("Waits for")), value=_blocks),
        Column(kind=Text("credit_reason", _("Why beyond the credit limit"))),
        Column(kind=Reference("quotation", _("Quotation"), to="sales.quotation")),
    ),
    exact=("number",), search=("their_number", "text"), filters=("party", "seller", "posted", "date"),
    sorts=("-id", "-date"), create=orders.draft, change=orders.change, template="sales/order_print.html",
    actions=(
        Action(name="confirm", label=_("Confirm"), command=orders.confirm, when=lambda row: not row.posted),
        Action(
            name="confirm_over", label=_("Confirm beyond the credit limit"), command=orders.confirm_over,
            when=lambda row: not row.posted, fields=(Text("credit_reason", _("Reason")),),
        ),
        Action(
            name="deliver", is_next=True, label=_("Deliver"), command=deliveries.post, when=_is_open,
            fields=(day(), remark()),
            lines=Lines(make=deliveries.Pick, fields=(*ORDER_ITEM, lot(SOLD), own_place())), offer=_proposed,
        ),
        Action(
            name="invoice", is_next=True, label=_("Invoice what was delivered"), command=invoices.post,
            when=lambda row: bool(row.posted and invoices.uninvoiced(Order.id == row.id)),
            fields=(
                day(), YesNo("all_orders", _("All orders of this customer")),
                Date("until", _("Delivered until"), required=False),
            ),
        ),
        Action(name="reserve", label=_("Reserve again and say the days anew"), command=orders.reserve, when=_is_open),
        Action(
            name="credit", label=_("Credit an invoice"), command=invoices.credit_of, when=lambda row: row.posted,
            fields=(Text("invoice_number", _("Number of the invoice")), day()),
        ),
        Action(
            name="cancel", label=_("Cancel what is open"), command=orders.cancel, when=_is_open,
            fields=(Text("reason", _("Reason")),),
            lines=Lines(make=lambda line, quantity: (line, quantity), fields=ORDER_ITEM), offer=_open_lines,
        ),
    ),
    notes=_to_inspect,
    links=(Link(label=_("Deliveries"), to="sales.delivery", by="order"),),
    empty=_("There is no order yet. The first one begins with “New”."),
)  # fmt: skip


def _can_come_back(row: Delivery) -> list[dict[str, Any]]:
    rows = Delivered.select(Delivered, DeliveryLine).join(DeliveryLine).where(DeliveryLine.delivery == row)
    lines = [d.line for d in rows.order_by(Delivered.line) if d.quantity > d.returned]
    return [{"line": line.id, "quantity": None, "location": line.location_id} for line in lines]


DELIVERY = Resource(
    name="sales.delivery", label=_("Deliveries"), one=_("delivery"), model=Delivery, view="sales.view",
    fields=(
        Reference("order", _("Sales order"), to="sales.order"), customer(), remark(),
        Reference("reverses", _("Takes back"), to="sales.delivery", required=False),
    ),
    lines=Lines(
        model=DeliveryLine, of="delivery", fields=(item(), quantity()), shows=(lot_code(), place_name()),
    ),
    columns=("number", "party", "date", "order"), exact=("number",), search=("text",),
    filters=("party", "date"), sorts=("-id", "-date"), template="sales/delivery_print.html",
    actions=(
        Action(
            name="give_back", label=_("Goods come back"), command=returns.post,
            when=lambda row: store.stands(row) and bool(_can_come_back(row)),
            fields=(day(), remark()),
            lines=Lines(make=returns.Back, fields=(*DELIVERED_ITEM, own_place())), offer=_can_come_back,
        ),
        Action(
            name="storno", label=_("Take the delivery back"), command=deliveries.storno, when=store.stands,
            fields=storno_day(),
        ),
    ),
    links=(Link(label=_("Returns"), to="sales.return", by="delivery"),),
    empty=_("Nothing was delivered yet. Deliver from a confirmed order."),
)  # fmt: skip
RETURN = Resource(
    name="sales.return", label=_("Returns"), one=_("return"), model=Return, view="sales.view", in_menu=False,
    fields=(Reference("delivery", _("Delivery"), to="sales.delivery"), customer(), remark()),
    lines=Lines(
        model=ReturnLine, of="goods_return",
        fields=(*of_item(lambda line: store.get(DeliveryLine, line).item_id, "delivery_line"),),
        shows=(place_name(),),
    ),
    columns=("number", "party", "date", "delivery"), exact=("number",), search=("text",), filters=("party", "date"),
    sorts=("-id", "-date"),
    actions=(
        Action(
            name="storno", label=_("Take the return back"), command=returns.storno, when=store.stands,
            fields=storno_day(),
        ),
    ),
    empty=_("Nothing came back yet."),
)  # fmt: skip
RESOURCES = (ORDER, DELIVERY, RETURN, *offers.RESOURCES)


def todo(session: Session) -> list[Todo]:
    """Orders that are late, and deliveries that are on no invoice."""
    from bizlite.web.addresses import address

    if not session.may("sales.view"):
        return []
    late = Progress.select(fn.COUNT(fn.DISTINCT(OrderLine.order))).join(OrderLine)
    late = late.where(OPEN & (Progress.promised < session.today()))
    bills = Delivered.select(fn.COUNT(fn.DISTINCT(DeliveryLine.delivery))).join(DeliveryLine).where(UNINVOICED)
    return [
        Todo(text=_("Orders that are late"), count=late.scalar(), href=address(ORDER), is_late=True),
        Todo(text=_("Deliveries not yet invoiced"), count=bills.scalar(), href=address(DELIVERY)),
    ]
