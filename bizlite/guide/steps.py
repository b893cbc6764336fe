"""The steps from an empty company to the first order that is delivered and paid; what is done is read from the data.

So a step is done whoever did it and wherever, and the guide can be left and taken up again at any time. Only whether it
is shown on every page is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flask import url_for

from bizlite.core import company, registry
from bizlite.core.commands import command
from bizlite.core.errors import refuse
from bizlite.core.exact import MINOR, show
from bizlite.core.models import Setting
from bizlite.core.session import Session
from bizlite.core.store import change, insert, read
from bizlite.finance.models import Invoice, Open, Party, Payment
from bizlite.sales.models import Delivery, Order
from bizlite.stock.models import Item, Move
from bizlite.web.texts import marked as _

SETTING = "guide"
STATES = ("shown", "left")
NEEDS = ("finance", "stock", "sales")  # modules


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step: what to do, where, and whether it is done."""

    title: str
    text: str
    is_done: Callable[[], bool]
    href: Callable[[], str]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far the firm is: ``number`` counts from 1; behind the last step there is none to do."""

    number: int
    step: Step | None


def state() -> str:
    """``shown``, ``left``, or nothing when nobody began."""
    row = next(iter(read(Setting, "name = ?", SETTING)), None)
    return str(json.loads(row.value)) if row else ""


@command("core.company.change")
def switch(session: Session, wanted: str) -> Setting:
    """Shows the guide on every page, or leaves it."""
    if wanted not in STATES:
        raise refuse("state", "is not one of the choices", "Choose one of the list.", wanted)
    row = Setting.get_or_none(Setting.name == SETTING)
    value = json.dumps(wanted)
    return change(session, row, value=value) if row else insert(session, Setting(name=SETTING, value=value))


def is_possible() -> bool:
    """Whether the modules that it leads through are on."""
    return set(NEEDS) <= registry.names_on()


def progress() -> Progress:
    """The first step that is not done."""
    for number, step in enumerate(STEPS, 1):
        if not step.is_done():
            return Progress(number=number, step=step)
    return Progress(number=len(STEPS) + 1, step=None)


def _list(noun: str, action: str, **values: object) -> str:
    return url_for(f"biz.{noun}-{action}", **values)


def _stock() -> str:
    item = Item.select().order_by(Item.id).first()
    return url_for("stock.count", item=item.code if item else "")


def _order() -> str:
    """The order that was begun, else a new one of the first item for the first customer."""
    draft = Order.select().where(~Order.posted).order_by(Order.id).first()
    if draft:
        return _list("sales-order", "show", key=draft.id)
    party = Party.select().where(Party.is_customer).order_by(Party.id).first()
    item = Item.select().order_by(Item.id).first()
    first = {"party": party.code if party else "", "lines.0.item": item.code if item else ""}
    return _list("sales-order", "new", **first)


def _first_order() -> str:
    order = Order.select().where(Order.posted).order_by(Order.id).first()
    return _list("sales-order", "show", key=order.id) if order else _order()


def _payment() -> str:
    """A payment of what the first invoice has open."""
    invoice = Invoice.select().where(Invoice.kind == "sale").order_by(Invoice.id).first()
    if invoice is None:
        return _list("finance-payment", "new")
    own = (Open.document_kind == "finance_invoice") & (Open.document_id == invoice.id)
    rest = Open.select().where(own).get().rest
    return _list("finance-payment", "new", party=invoice.party.code, amount=show(rest, MINOR), kind="in")


STEPS: tuple[Step, ...] = (
    Step(
        title=_("Who you are"), text=_("The name of your firm, and which taxpayer it is. It stands on your papers."),
        is_done=lambda: bool(company.read()["name"]), href=lambda: url_for("biz.company"),
    ),
    Step(
        title=_("The first item"), text=_("Something that you sell: a code, a name and its unit are enough."),
        is_done=lambda: Item.select().exists(), href=lambda: _list("stock-item", "new"),
    ),
    Step(
        title=_("The first customer"), text=_("A short code, the name, and in how many days they pay."),
        is_done=lambda: Party.select().where(Party.is_customer).exists(),
        href=lambda: _list("finance-party", "new", is_customer="1"),
    ),
    Step(
        title=_("What is in the store"),
        text=_("Count what is there of the item, and say below “Something else was found” what it is worth in all."),
        is_done=lambda: Move.select().exists(), href=_stock,
    ),
    Step(
        title=_("The first order"), text=_("Type quantity and price, save it, then press “Confirm”."),
        is_done=lambda: Order.select().where(Order.posted).exists(), href=_order,
    ),
    Step(
        title=_("Deliver it"),
        text=_("On the order press “Deliver”. The stock is right at once."),
        is_done=lambda: Delivery.select().exists(), href=_first_order,
    ),
    Step(
        title=_("Write the invoice"),
        text=_("On the order press “Invoice what was delivered”."),
        is_done=lambda: Invoice.select().where(Invoice.kind == "sale").exists(), href=_first_order,
    ),
    Step(
        title=_("The money comes"),
        text=_("When the customer has paid: the amount, and it settles the invoice by itself."),
        is_done=lambda: Payment.select().where(Payment.kind == "in").exists(), href=_payment,
    ),
)  # fmt: skip


def listed() -> Iterator[tuple[int, Step, bool]]:
    """Every step with its number and whether it is done."""
    for number, step in enumerate(STEPS, 1):
        yield number, step, step.is_done()
