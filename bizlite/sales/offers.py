"""What the pages show of sales before there is an order: who buys at which prices, and what was offered."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from bizlite.core import company
from bizlite.finance.fields import day, remark, sums
from bizlite.finance.models import Party
from bizlite.sales import contacts, opportunities, prices, quotations
from bizlite.sales.lines import Wanted
from bizlite.sales.models import Contact, Customer, Group, Opportunity, Price, Quotation, QuotationLine
from bizlite.stock.fields import item, quantity
from bizlite.web import fields as kinds
from bizlite.web.fields import Area, Choice, Date, Money, Percent, Reference, Text, Values, YesNo
from bizlite.web.guard import today
from bizlite.web.resource import Action, Column, Lines, Link, Resource
from bizlite.web.texts import marked as _

VALID_DAYS = 30


def customer() -> Reference:
    """Whoever buys."""
    return Reference("party", _("Customer"), to="finance.party", where=lambda: Party.is_customer)


def contact() -> Reference:
    """A person at the customer, a field that stands before it: others may have people of the same name."""

    def like(values: Values) -> Values:
        return {"party": values["party"]} if values.get("party") else {}

    return Reference("contact", _("Contact"), required=False, to="sales.contact", like=like)


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
        Action(name="join", label=_("Add a customer"), command=contacts.join, fields=(customer(),)),
        Action(name="leave", label=_("Take a customer out"), command=contacts.leave, fields=(customer(),)),
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
        Percent("rate", _("Tax in percent"), default=lambda: company.sale_rate(today())),
        Date("first", _("From day"), default=today),
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
        customer(), contact(), day(), Text("title", _("What about")),
        Money("amount", _("May bring"), default=0), Date("closes", _("Decided by"), required=False), remark(),
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
        customer(), contact(), day(),
        Date("valid_until", _("Valid until"), default=lambda: today() + datetime.timedelta(days=VALID_DAYS)),
        YesNo("is_gross", _("Prices are with tax"), default=True),
        Reference("opportunity", _("Opportunity"), to="sales.opportunity", required=False), remark(),
    ),
    lines=Lines(model=QuotationLine, of="quotation", make=Wanted, fields=LINE_FIELDS, shows=LINE_SUMS),
    columns=("number", "party", "date", "valid_until", *sums(), "posted"),
    shows=(*sums(), Column(kind=kinds.Whole("revision", _("Version")))),
    exact=("number",), search=("text",), filters=("party", "posted", "date"), sorts=("-id", "-date"),
    create=quotations.draft, change=quotations.change, template="sales/quotation_print.html",
    actions=(
        Action(name="send", label=_("It is sent"), command=quotations.send, when=lambda row: not row.posted),
        Action(
            name="order", label=_("Make an order of it"), command=quotations.order, when=lambda row: row.posted,
            fields=(
                day(), Date("wanted", _("Wanted on"), required=False),
                Text("their_number", _("Customer's number"), required=False),
            ),
        ),
        Action(
            name="revise", label=_("New version"), command=quotations.revise, when=lambda row: row.posted,
            fields=(
                day(),
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
RESOURCES = (QUOTATION, OPPORTUNITY, CONTACT, GROUP, PRICE)
