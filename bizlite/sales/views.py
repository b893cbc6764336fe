"""What the pages show of sales."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from typing import Any

from flask import Blueprint
from peewee import fn

from bizlite.core import company, registry, store
from bizlite.core.session import Session
from bizlite.finance.models import Party
from bizlite.sales import contacts, deliveries, invoices, opportunities, orders, prices, quotations, returns
from bizlite.sales import promise as promises
from bizlite.sales.lines import Wanted
from bizlite.sales.models import (
    OPEN,
    UNINVOICED,
    Contact,
    Customer,
    Delivered,
    Delivery,
    DeliveryLine,
    Group,
    Opportunity,
    Order,
    OrderLine,
    Price,
    Progress,
    Quotation,
    QuotationLine,
    Return,
    ReturnLine,
)  # fmt: skip
from bizlite.stock.models import Item
from bizlite.stock.views import item, lot_code, of_item, place_name, quantity
from bizlite.web import fields as kinds
from bizlite.web.core import Todo
from bizlite.web.fields import Area, Choice, Date, Money, Percent, Reference, Text, YesNo
from bizlite.web.resource import Action, Column, Lines, Link, Note, Resource
from bizlite.web.texts import marked as _

VALID_DAYS = 30
today = datetime.date.today


def _customer() -> Reference:
    return Reference("party", _("Customer"), to="finance.party", where=lambda: Party.is_customer)


def _contact() -> Reference:
    return Reference("contact", _("Contact"), to="sales.contact", required=False)


def _remark(name: str = "text") -> Area:
    return Area(name, _("Remark"), required=False)


def _sums() -> tuple[Column, ...]:
    return (
        Column(kind=Money("net", _("Net")), total=True), Column(kind=Money("tax", _("Tax")), total=True),
        Column(kind=Money("gross", _("Total")), value=lambda row: row.net + row.tax),
    )  # fmt: skip


LINE_FIELDS = (
    item(), quantity(),
    kinds.Price("price", _("Price"), required=False, hint=_("Empty is the price of the list.")),
    Percent("discount", _("Discount in percent"), required=False),
    Percent("rate", _("Tax in percent"), required=False),
    Text("text", _("Text on the paper"), required=False),
)  # fmt: skip
LINE_SUMS = (Column(kind=Money("net", _("Net"))), Column(kind=Money("tax", _("Tax"))))


def _members(group: Group) -> Iterable[Party]:
    return Party.select().join(Customer, on=(Customer.party == Party.id)).where(Customer.group == group)


def _versions(row: Quotation) -> Iterable[Quotation]:
    first = row.first_id or row.id
    same = (Quotation.first == first) | (Quotation.id == first)
    return Quotation.select().where(same & (Quotation.id != row.id)).order_by(Quotation.revision)


GROUP = Resource(
    name="sales.group", label=_("Customer groups"), one=_("customer group"), model=Group, view="sales.view",
    fields=(
        Text("code", _("Code"), fixed=True), Text("name", _("Name")),
        Percent("discount", _("Discount in percent"), default=0, hint=_("Off the prices that everybody pays.")),
    ),
    columns=("code", "name", "discount"), search=("name",), sorts=("code", "-id"),
    create=contacts.add_group, change=contacts.change_group,
    actions=(
        Action(name="join", label=_("Add a customer"), command=contacts.join, fields=(_customer(),)),
        Action(name="leave", label=_("Take a customer out"), command=contacts.leave, fields=(_customer(),)),
    ),
    links=(Link(label=_("Customers"), to="finance.party", rows=_members),),
    empty=_("There is no group yet. Make one when some customers pay other prices."),
)  # fmt: skip
CONTACT = Resource(
    name="sales.contact", label=_("Contacts"), one=_("contact"), model=Contact, view="sales.view",
    fields=(
        Reference("party", _("Company"), to="finance.party", fixed=True), Text("name", _("Name")),
        Text("role", _("Role"), required=False), Text("phone", _("Telephone"), required=False),
        Text("email", _("E-mail"), required=False), Area("address", _("Address for deliveries"), required=False),
        YesNo("is_active", _("In use"), default=True),
    ),
    columns=("name", "party", "role", "phone", "is_active"), exact=("name",), search=("phone", "email"),
    filters=("party", "is_active"), create=contacts.add, change=contacts.change,
    empty=_("There is no contact yet. The first one begins with “New”."),
)  # fmt: skip
PRICE = Resource(
    name="sales.price", label=_("Price lists"), one=_("price"), model=Price, view="sales.view", exact=(),
    fields=(
        Reference("item", _("Item"), to="stock.item", fixed=True),
        Reference("group", _("Customer group"), to="sales.group", required=False, fixed=True,
                  hint=_("Empty is everybody.")),
        quantity("least", _("From quantity")), kinds.Price("price", _("Price with tax")),
        Percent("rate", _("Tax in percent"), default=company.sale_rate), Date("first", _("From day"), default=today),
        Date("last", _("Until day"), required=False),
    ),
    columns=("item", "group", "least", "price", "first", "last"), filters=("item", "group"), sorts=("-id",),
    create=prices.add, change=prices.change,
    actions=(Action(name="remove", label=_("Take out of the list"), command=prices.remove),),
    empty=_("There is no price yet. Without one, each line of an order needs its own."),
)  # fmt: skip
STAGES = {
    "new": _("new"), "qualified": _("qualified"), "offered": _("offered"), "negotiating": _("negotiating"),
    "won": _("won"), "lost": _("lost"),
}  # fmt: skip
OPPORTUNITY = Resource(
    name="sales.opportunity", label=_("Opportunities"), one=_("opportunity"), model=Opportunity, view="sales.view",
    fields=(
        _customer(), _contact(), Date("date", _("Date"), default=today), Text("title", _("What about")),
        Money("amount", _("May bring"), default=0), Date("closes", _("Decided by"), required=False), _remark(),
    ),
    columns=(
        Column(kind=Text("title", _("What about"))), "party", Column(kind=Choice("stage", _("Stage"), choices=STAGES)),
        Column(kind=Money("amount", _("May bring")), total=True), "closes",
    ),
    shows=(
        Column(kind=Choice("stage", _("Stage"), choices=STAGES)),
        Column(kind=Text("lost_reason", _("Why it was lost"))),
    ),
    exact=("number",), search=("title",), filters=("party", "posted"), sorts=("-id",),
    create=opportunities.add, change=opportunities.change,
    actions=(
        Action(
            name="move", label=_("To another stage"), command=opportunities.move, when=lambda row: not row.posted,
            fields=(
                Choice("stage", _("Stage"), choices=STAGES),
                Text("lost_reason", _("Why it was lost"), required=False),
            ),
        ),
    ),
    links=(Link(label=_("Quotations"), to="sales.quotation", by="opportunity"),),
    empty=_("There is no opportunity yet. Note here whoever asks for something."),
)  # fmt: skip
QUOTATION = Resource(
    name="sales.quotation", label=_("Quotations"), one=_("quotation"), model=Quotation, view="sales.view",
    fields=(
        _customer(), _contact(), Date("date", _("Date"), default=today),
        Date("valid_until", _("Valid until"), default=lambda: today() + datetime.timedelta(days=VALID_DAYS)),
        YesNo("is_gross", _("Prices are with tax"), default=True),
        Reference("opportunity", _("Opportunity"), to="sales.opportunity", required=False), _remark(),
    ),
    lines=Lines(model=QuotationLine, of="quotation", make=Wanted, fields=LINE_FIELDS, shows=LINE_SUMS),
    columns=("number", "party", "date", "valid_until", *_sums(), "posted"),
    shows=(*_sums(), Column(kind=kinds.Whole("revision", _("Version")))),
    exact=("number",), search=("text",), filters=("party", "posted", "date"), sorts=("-id", "-date"),
    create=quotations.draft, change=quotations.change, template="sales/quotation_print.html",
    actions=(
        Action(name="send", label=_("It is sent"), command=quotations.send, when=lambda row: not row.posted),
        Action(
            name="order", label=_("Make an order of it"), command=quotations.order, when=lambda row: row.posted,
            fields=(
                Date("date", _("Date"), default=today), Date("wanted", _("Wanted on"), required=False),
                Text("their_number", _("Customer's number"), required=False),
            ),
        ),
        Action(
            name="revise", label=_("New version"), command=quotations.revise, when=lambda row: row.posted,
            fields=(
                Date("date", _("Date"), default=today),
                Date("valid_until", _("Valid until"), default=lambda: today() + datetime.timedelta(days=VALID_DAYS)),
            ),
        ),
    ),
    links=(
        Link(label=_("Orders"), to="sales.order", by="quotation"),
        Link(label=_("Other versions"), to="sales.quotation", rows=_versions),
    ),
    empty=_("There is no quotation yet. The first one begins with “New”."),
)  # fmt: skip


def _progress(value: Callable[[Progress], Any]) -> Callable[[list[OrderLine]], dict[int, Any]]:
    """How far the lines of an order are, in one question for all."""
    return lambda lines: {row.line_id: value(row) for row in store.among(Progress, "line", [x.id for x in lines])}


def _is_open(row: Order) -> bool:
    return row.posted and bool(_open_lines(row))


def _blocks(row: Order) -> str:
    """The item that makes the order later than it is wanted."""
    from bizlite.web.guard import session

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
DELIVERED_ITEM = of_item(lambda line: store.get(DeliveryLine, line).item_id, "line")
ORDER = Resource(
    name="sales.order", label=_("Sales orders"), one=_("sales order"), model=Order, view="sales.view",
    fields=(
        _customer(), _contact(), Date("date", _("Date"), default=today),
        Date("wanted", _("Wanted on"), required=False), Text("their_number", _("Customer's number"), required=False),
        YesNo("is_gross", _("Prices are with tax"), default=True), _remark(),
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
    columns=("number", "party", "date", "wanted", *_sums(), "posted"),
    shows=(
        *_sums(), Column(kind=Text("blocks", _("Waits for")), value=_blocks),
        Column(kind=Text("credit_reason", _("Why beyond the credit limit"))),
        Column(kind=Reference("quotation", _("Quotation"), to="sales.quotation")),
    ),
    exact=("number",), search=("their_number", "text"), filters=("party", "posted", "date"), sorts=("-id", "-date"),
    create=orders.draft, change=orders.change, template="sales/order_print.html",
    actions=(
        Action(name="confirm", label=_("Confirm"), command=orders.confirm, when=lambda row: not row.posted),
        Action(
            name="confirm_over", label=_("Confirm beyond the credit limit"), command=orders.confirm_over,
            when=lambda row: not row.posted, fields=(Text("credit_reason", _("Reason")),),
        ),
        Action(
            name="deliver", is_next=True, label=_("Deliver"), command=deliveries.post, when=_is_open,
            fields=(Date("date", _("Date"), default=today), _remark()),
            lines=Lines(make=deliveries.Pick, fields=ORDER_ITEM), offer=_open_lines,
        ),
        Action(
            name="invoice", is_next=True, label=_("Invoice what was delivered"), command=invoices.post,
            when=lambda row: bool(row.posted and invoices.uninvoiced(Order.id == row.id)),
            fields=(
                Date("date", _("Date"), default=today), YesNo("all_orders", _("All orders of this customer")),
                Date("until", _("Delivered until"), required=False),
            ),
        ),
        Action(name="reserve", label=_("Reserve again and say the days anew"), command=orders.reserve, when=_is_open),
        Action(
            name="credit", label=_("Credit an invoice"), command=invoices.credit_of, when=lambda row: row.posted,
            fields=(Text("invoice_number", _("Number of the invoice")), Date("date", _("Date"), default=today)),
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
    rows = Delivered.select().join(DeliveryLine).where(DeliveryLine.delivery == row).order_by(Delivered.line)
    return [{"line": d.line_id, "quantity": None} for d in rows if d.quantity > d.returned]


DELIVERY = Resource(
    name="sales.delivery", label=_("Deliveries"), one=_("delivery"), model=Delivery, view="sales.view",
    fields=(
        Reference("order", _("Sales order"), to="sales.order"), _customer(), _remark(),
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
            fields=(Date("date", _("Date"), default=today), _remark()),
            lines=Lines(make=returns.Back, fields=DELIVERED_ITEM), offer=_can_come_back,
        ),
        Action(
            name="storno", label=_("Take the delivery back"), command=deliveries.storno, when=store.stands,
            fields=(Date("date", _("Date"), required=False, hint=_("Empty is its own day.")),),
        ),
    ),
    links=(Link(label=_("Returns"), to="sales.return", by="delivery"),),
    empty=_("Nothing was delivered yet. Deliver from a confirmed order."),
)  # fmt: skip
RETURN = Resource(
    name="sales.return", label=_("Returns"), one=_("return"), model=Return, view="sales.view", in_menu=False,
    fields=(Reference("delivery", _("Delivery"), to="sales.delivery"), _customer(), _remark()),
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
            fields=(Date("date", _("Date"), required=False, hint=_("Empty is its own day.")),),
        ),
    ),
    empty=_("Nothing came back yet."),
)  # fmt: skip
bp = Blueprint("sales", __name__, template_folder="templates")
RESOURCES = (ORDER, DELIVERY, RETURN, QUOTATION, OPPORTUNITY, CONTACT, GROUP, PRICE)


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
