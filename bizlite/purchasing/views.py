"""What the pages show of purchasing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import url_for
from peewee import fn

from bizlite.core import company, registry, store
from bizlite.core.session import Session
from bizlite.finance.fields import day, remark, storno_day, sums
from bizlite.finance.models import Party
from bizlite.purchasing import invoices, orders, receipts, requests, returns, suppliers
from bizlite.purchasing.lines import Wanted
from bizlite.purchasing.models import (
    OPEN,
    Order,
    OrderLine,
    Progress,
    Receipt,
    ReceiptLine,
    Received,
    Request,
    RequestLine,
    Return,
    ReturnLine,
    SupplierItem,
)  # fmt: skip
from bizlite.purchasing.pages import bp
from bizlite.stock import items
from bizlite.stock.fields import item, lot_code, of_item, own_place, place_name, quantity
from bizlite.web import fields as kinds
from bizlite.web.addresses import address
from bizlite.web.core import Todo
from bizlite.web.fields import Date, Money, Percent, Reference, Text, Whole, YesNo
from bizlite.web.guard import today
from bizlite.web.resource import Action, Column, Lines, Link, Note, Resource
from bizlite.web.texts import marked as _

__all__ = ["RESOURCES", "bp", "todo"]


def _supplier(**more: Any) -> Reference:
    return Reference("party", _("Supplier"), to="finance.party", where=lambda: Party.is_supplier, **more)


SUPPLIER_ITEM = Resource(
    name="purchasing.supplier_item", label=_("Prices of suppliers"), one=_("price of a supplier"), model=SupplierItem,
    view="purchasing.view", exact=(),
    fields=(
        _supplier(fixed=True), Reference("item", _("Item"), to="stock.item", fixed=True),
        Text("their_number", _("Supplier's number"), required=False), kinds.Price("price", _("Price with tax")),
        Percent("rate", _("Tax in percent"), default=lambda: company.purchase_rate(today())),
        quantity("least", _("Least quantity")),
        quantity("multiple", _("In multiples of")), Whole("lead_days", _("Days until it is here"), default=0),
        Percent("tolerance", _("Takes more, in percent"), default=0),
        YesNo("is_preferred", _("Preferred")),
    ),
    columns=("item", "party", "their_number", "price", "lead_days", "is_preferred"),
    search=("their_number",), filters=("party", "item"), create=suppliers.add, change=suppliers.change,
    actions=(Action(name="remove", label=_("Does not sell it any more"), command=suppliers.remove),),
    empty=_("Nobody sells anything yet. Say who sells what: suggestions become orders then."),
)  # fmt: skip


def _state(line: RequestLine) -> str:
    order = OrderLine.get_or_none(OrderLine.request_line == line)
    if order is not None:
        return str(order.order.number or f"#{order.order_id}")
    return ""


REQUEST = Resource(
    name="purchasing.request", label=_("Purchase requests"), one=_("purchase request"), model=Request,
    view="purchasing.view", fields=(day(), remark()),
    lines=Lines(
        model=RequestLine, of="request", make=requests.Need,
        fields=(item(), quantity(), Date("needed", _("Needed by")), Text("text", _("What for"), required=False)),
        shows=(Column(kind=Text("state", _("On order")), value=_state),),
    ),
    columns=("number", "date", Column(kind=Text("created_by", _("By"))), "posted"),
    exact=("number",), search=("text",), filters=("posted", "date"), sorts=("-id", "-date"),
    create=requests.draft, change=requests.change,
    actions=(Action(name="hand_in", label=_("Hand in"), command=requests.hand_in, when=lambda row: not row.posted),),
    empty=_("There is no request yet. Whoever needs something begins with “New”."),
)  # fmt: skip


def _progress(value: Callable[[Progress], Any]) -> Callable[[list[OrderLine]], dict[int, Any]]:
    """How far the lines of an order are, in one question for all."""
    return lambda lines: {row.line_id: value(row) for row in store.among(Progress, "line", [x.id for x in lines])}


def _open_lines(row: Order) -> list[dict[str, Any]]:
    return [{"line": p.line_id, "quantity": p.open} for p in orders.progress_of(row.id) if p.open]


def _is_expected(row: Order) -> bool:
    return bool(row.posted and _open_lines(row))


def _takes_more(row: Order) -> list[dict[str, Any]]:
    found = orders.progress_of(row.id)
    main = items.place("MAIN")
    return [{"line": p.line_id, "quantity": p.open or None, "location": main} for p in found if p.room > 0]


def _to_invoice(row: Order) -> list[dict[str, Any]]:
    left: dict[int, int] = {}
    for line, done in invoices.uninvoiced(row.id):
        left[line.order_line_id] = left.get(line.order_line_id, 0) + done.uninvoiced
    prices = dict(OrderLine.select(OrderLine.id, OrderLine.price).where(OrderLine.id << list(left)).tuples())
    return [{"line": line, "quantity": quantity, "price": prices[line]} for line, quantity in left.items()]


def _to_inspect(row: Order) -> list[Note]:
    """What of the open lines must be inspected first."""
    if not row.posted or not registry.is_on("quality"):
        return []
    from bizlite.quality.notes import to_inspect

    open_ = [p for p in orders.progress_of(row.id) if p.open]
    items_of = {line.id: line.item_id for line in store.among(OrderLine, "order", [row.id])}
    lines = [(p.line_id, items_of[p.line_id], p.received + p.open) for p in open_]
    return to_inspect("receipt", orders.KIND, row.id, lines)


ORDER_ITEM = of_item(lambda line: store.get(OrderLine, line).item_id, "line")
RECEIVED_ITEM = of_item(lambda line: store.get(ReceiptLine, line).item_id, "line")
ORDER = Resource(
    name="purchasing.order", label=_("Purchase orders"), one=_("purchase order"), model=Order, view="purchasing.view",
    fields=(
        _supplier(), day(), Date("expected", _("Expected"), required=False, hint=_("Empty is by the lead time.")),
        Text("their_number", _("Supplier's number"), required=False),
        YesNo("is_gross", _("Prices are with tax"), default=True), remark(),
    ),
    lines=Lines(
        model=OrderLine, of="order", make=Wanted,
        fields=(
            item(), quantity(),
            kinds.Price("price", _("Price"), required=False, hint=_("Empty is the price of the supplier.")),
            Percent("rate", _("Tax in percent"), required=False),
            Percent("tolerance", _("Takes more, in percent"), required=False),
            Text("text", _("Text on the paper"), required=False),
        ),
        shows=(
            Column(kind=Money("net", _("Net"))),
            Column(kind=quantity("received", _("Received"), required=False),
                   many=_progress(lambda p: p.received)),
            Column(kind=quantity("open", _("Open"), required=False),
                   many=_progress(lambda p: p.open)),
        ),
    ),
    columns=("number", "party", "date", "expected", *sums(), "posted"), shows=sums(),
    exact=("number",), search=("their_number", "text"), filters=("party", "posted", "date"), sorts=("-id", "-date"),
    create=orders.draft, change=orders.change, template="purchasing/order_print.html",
    actions=(
        Action(name="send", label=_("It is sent"), command=orders.send, when=lambda row: not row.posted),
        Action(
            name="receive", is_next=True, label=_("Receive"), command=receipts.post,
            when=lambda row: bool(row.posted and _takes_more(row)), offer=_takes_more,
            fields=(day(), Text("their_number", _("Number of the delivery note"), required=False), remark()),
            lines=Lines(
                make=receipts.Got,
                fields=(
                    *ORDER_ITEM, Text("lot_code", _("Lot"), required=False),
                    Date("expires", _("Expires"), required=False), own_place(),
                ),
            ),
        ),
        Action(
            name="invoice", is_next=True, label=_("Enter the invoice"), command=invoices.post,
            when=lambda row: bool(row.posted and _to_invoice(row)), offer=_to_invoice,
            fields=(day(), Text("their_number", _("Number of the invoice")),
                    Date("due", _("Due"), required=False)),
            lines=Lines(make=invoices.Match, fields=(*ORDER_ITEM, kinds.Price("price", _("Price"), required=False))),
        ),
        Action(
            name="credit", label=_("Credit an invoice"), command=invoices.credit_of, when=lambda row: row.posted,
            fields=(Text("their_number", _("Number of the invoice")), day()),
        ),
        Action(
            name="allow", label=_("Price allowance on an invoice"), command=invoices.allow,
            when=lambda row: row.posted,
            fields=(Text("their_number", _("Number of the invoice")), day(), Money("amount", _("Amount with tax")),
                    Text("text", _("Reason"))),
        ),
        Action(
            name="cancel", label=_("Cancel what is open"), command=orders.cancel, when=_is_expected,
            fields=(Text("reason", _("Reason")),), offer=_open_lines,
            lines=Lines(make=lambda line, quantity: (line, quantity), fields=ORDER_ITEM),
        ),
    ),
    notes=_to_inspect,
    links=(Link(label=_("Receipts"), to="purchasing.receipt", by="order"),),
    empty=_("There is no order yet. The first one begins with “New”, or with what is suggested."),
)  # fmt: skip


def _can_go_back(row: Receipt) -> list[dict[str, Any]]:
    rows = Received.select(Received, ReceiptLine).join(ReceiptLine).where(ReceiptLine.receipt == row)
    lines = [d.line for d in rows.order_by(Received.line) if d.quantity > d.returned]
    return [{"line": line.id, "quantity": None, "location": line.location_id} for line in lines]


RECEIPT = Resource(
    name="purchasing.receipt", label=_("Goods received"), one=_("receipt"), model=Receipt, view="purchasing.view",
    fields=(
        Reference("order", _("Purchase order"), to="purchasing.order"), _supplier(),
        Text("their_number", _("Number of the delivery note")), remark(),
        Reference("reverses", _("Takes back"), to="purchasing.receipt", required=False),
    ),
    lines=Lines(
        model=ReceiptLine, of="receipt", fields=(item(), quantity()),
        shows=(lot_code(), place_name(), Column(kind=Money("value", _("Value")))),
    ),
    columns=("number", "party", "date", "order", "their_number"), exact=("number",), search=("their_number", "text"),
    filters=("party", "date"), sorts=("-id", "-date"),
    actions=(
        Action(
            name="send_back", label=_("Goods go back"), command=returns.post, offer=_can_go_back,
            when=lambda row: store.stands(row) and bool(_can_go_back(row)), fields=(day(), remark()),
            lines=Lines(make=returns.Back, fields=(*RECEIVED_ITEM, own_place())),
        ),
        Action(name="storno", label=_("Take the receipt back"), command=receipts.storno, when=store.stands,
               fields=storno_day()),
    ),
    links=(Link(label=_("Returns"), to="purchasing.return", by="receipt"),),
    empty=_("Nothing was received yet. Receive goods from an order that is sent."),
)  # fmt: skip
RETURN = Resource(
    name="purchasing.return", label=_("Returns to suppliers"), one=_("return to a supplier"), model=Return,
    view="purchasing.view", in_menu=False,
    fields=(Reference("receipt", _("Receipt"), to="purchasing.receipt"), _supplier(), remark()),
    lines=Lines(
        model=ReturnLine, of="goods_return",
        fields=of_item(lambda line: store.get(ReceiptLine, line).item_id, "receipt_line"), shows=(place_name(),),
    ),
    columns=("number", "party", "date", "receipt"), exact=("number",), search=("text",), filters=("party", "date"),
    sorts=("-id", "-date"),
    actions=(
        Action(name="storno", label=_("Take the return back"), command=returns.storno, when=store.stands,
               fields=storno_day()),
    ),
    empty=_("Nothing went back yet."),
)  # fmt: skip
RESOURCES = (ORDER, RECEIPT, RETURN, REQUEST, SUPPLIER_ITEM)


def todo(user: Session) -> list[Todo]:
    """What is requested and not ordered, and orders that are late."""
    if not user.may("purchasing.view"):
        return []
    late = Progress.select(fn.COUNT(fn.DISTINCT(OrderLine.order))).join(OrderLine).join(Order)
    late = late.where(OPEN & (Order.expected < user.today()))
    return [
        Todo(text=_("Purchase orders that are late"), count=late.scalar(), href=address(ORDER), is_late=True),
        Todo(
            text=_("Requested and not yet ordered"), count=len(requests.open_lines()),
            href=url_for("purchasing.suggested"),
        ),
    ]  # fmt: skip
