"""What the pages and REST know of production's documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bizlite.core import registry, store
from bizlite.production import (
    boms,
    cards,
    causes,
    centres,
    materials,
    orders,
    output,
    promise,
    reports,
    routings,
    suborders,
    workers,
)
from bizlite.production.fields import (
    WEEKDAYS,
    Clock,
    Minutes,
    Seconds,
    Weekday,
    material_item,
    material_quantity,
    product_quantity,
)
from bizlite.production.models import (
    Bom,
    BomLine,
    Card,
    Cause,
    Centre,
    Closing,
    Day,
    Operation,
    Order,
    Output,
    Routing,
    Shift,
    Tally,
    Worker,
)
from bizlite.stock import items as part_of
from bizlite.stock.fields import item, lot, own_place, quantity
from bizlite.web.fields import Area, Choice, Date, Percent, Price, Reference, Text, Whole, YesNo
from bizlite.web.guard import session, today
from bizlite.web.resource import Action, Column, Lines, Link, Note, Resource
from bizlite.web.texts import gettext
from bizlite.web.texts import marked as _

STATES = {"draft": _("draft"), "in_work": _("in work"), "closed": _("closed"), "cancelled": _("cancelled")}
KINDS = {
    "start": _("Begin"), "good": _("Good"), "scrap": _("Scrap"), "rework": _("Rework"), "finish": _("Finish"),
    "cut": _("Cut"),
}  # fmt: skip


def _is_draft(row: Bom | Routing | Order) -> bool:
    return not row.posted


def _needs(order: Order) -> str:
    """The materials in one sentence: what is needed, and how much of it went in."""
    shown = []
    for line in orders.materials(order.id):
        unit, row = quantity(), {"item": line.item_id}
        words = {
            "line": line.position, "item": item().row(line.item_id).code, "needed": unit.shown(line.quantity, row),
            "issued": unit.typed(orders.issued(order.id, line), row),
        }  # fmt: skip
        shown.append(gettext("%(line)s: %(item)s %(needed)s (issued: %(issued)s)") % words)
    return "; ".join(shown)


def _lacks(order: Order) -> str:
    """The parts that are made here and lacking, with the days on which they are due, in one sentence."""
    unit = quantity()
    return "; ".join(
        f"{part_of.words(part.item)} {unit.shown(part.quantity, {'item': part.item})} → {part.due}"
        for part in suborders.proposed(session(), order)
    )


def _ready(order: Order) -> str:
    """The day on which an order is ready, and what it waits for."""
    if orders.state(order) not in ("draft", "in_work"):
        return ""
    found = promise.of_order(session(), order)
    waits = "" if found.blocks == order.item_id else f" ({part_of.words(found.blocks)})"
    return f"{found.date or '?'}{waits}"


def _is_in_work(order: Order) -> bool:
    return orders.state(order) == "in_work"


def _card_waits(card: Card) -> list[Note]:
    """What of its good pieces must be inspected before it is finished."""
    if not registry.is_on("quality"):
        return []
    from bizlite.quality import notes, plans

    item_, state = store.get(Order, card.order_id).item_id, cards.tally(card.id)
    if state.finished or not plans.watched("operation", {item_}):
        return []
    return notes.to_inspect("operation", "production_card", card.id, [(0, item_, state.good)], card.operation.code)


def _waits(order: Order) -> list[Note]:
    return [note for card in cards.of_order(order.id) for note in _card_waits(card)] if order.posted else []


def _tallied(name: str) -> Callable[[list[Card]], dict[int, Any]]:
    """A figure of how cards stand, in one question for all."""
    return lambda rows: {row.card_id: getattr(row, name) for row in store.among(Tally, "card", [c.id for c in rows])}


def _operations(rows: list[Card]) -> dict[int, str]:
    """The names of the operations of cards."""
    names = {row.id: row.name for row in store.among(Operation, "id", {card.operation_id for card in rows})}
    return {card.id: names[card.operation_id] for card in rows}


def _is_made(order: Order) -> bool:
    """Whether something good is still to be received."""
    return _is_in_work(order) and cards.output(order.id) > orders.received(order.id)


def _card_is_open(card: Card) -> bool:
    return _is_in_work(card.order)


def _can_take_back(row: Output) -> bool:
    return row.quantity > 0 and Closing.get_or_none(Closing.order == row.order_id) is None


CENTRE = Resource(
    name="production.centre", label=_("Work centres"), one=_("work centre"), model=Centre, view="production.view",
    fields=(Text("code", _("Code"), fixed=True), Text("name", _("Name")),
            Whole("machines", _("Machines side by side"), default=1)),
    lines=Lines(
        model=Shift, of="centre", name="shifts", argument="shifts", label=_("Shifts"),
        make=lambda weekday, start_minute, end_minute: (weekday, start_minute, end_minute),
        fields=(Weekday("weekday", _("Weekday"), choices=WEEKDAYS), Clock("start_minute", _("From")),
                Clock("end_minute", _("Until"))),
    ),
    columns=("code", "name", "machines"), search=("name",), sorts=("code", "-id"),
    create=centres.add, change=centres.change,
    empty=_("There is no work centre yet. Without shifts it works from Monday to Saturday, 8 to 12 and 13 to 17."),
)  # fmt: skip
DAY = Resource(
    name="production.day", label=_("Holidays"), one=_("holiday"), model=Day, view="production.view", exact=("name",),
    fields=(Text("name", _("Name")), Date("date", _("Date")),
            Weekday("works_as", _("Worked as"), choices=WEEKDAYS, required=False,
                    hint=_("Empty is a holiday; its own weekday makes it a day like others."))),
    columns=("name", "date", "works_as"), sorts=("-id",), create=centres.set_day,
    empty=_("No day is different yet."),
)  # fmt: skip
WORKER = Resource(
    name="production.worker", label=_("Workers"), one=_("worker"), model=Worker, view="production.view",
    fields=(Text("code", _("Code"), fixed=True), Text("name", _("Name")),
            Text("user", _("Login"), required=False, hint=_("Who logs in needs no PIN."))),
    columns=("code", "name", "user"), search=("name",), sorts=("code", "-id"),
    create=workers.add, change=workers.change,
    actions=(Action(name="pin", label=_("Set the PIN"), command=workers.set_pin, fields=(Text("pin", _("PIN")),)),),
    empty=_("There is no worker yet."),
)  # fmt: skip
BOM = Resource(
    name="production.bom", label=_("Bills of material"), one=_("bill of material"), model=Bom, view="production.view",
    fields=(item(), Text("revision", _("Revision"), default="A"), quantity(label=_("Makes")),
            Date("date", _("Valid from"), default=today), Area("text", _("Remark"), required=False)),
    lines=Lines(
        model=BomLine, of="bom", make=boms.Component,
        fields=(item(), quantity(), Percent("scrap", _("Scrap allowance, percent"), default=0),
                Whole("operation", _("Used at operation"), default=1),
                YesNo("is_backflushed", _("Taken when the product is received"), default=True),
                YesNo("is_phantom", _("Phantom"))),
    ),
    columns=("number", "item", "revision", "date", "posted"), exact=("number",), search=("revision", "text"),
    filters=("item", "posted"), sorts=("-id",), create=boms.draft, change=boms.change_draft,
    actions=(Action(name="release", label=_("Release"), command=boms.release, when=_is_draft),),
    empty=_("There is no bill of material yet. It says what an item is made of."),
)  # fmt: skip
ROUTING = Resource(
    name="production.routing", label=_("Routings"), one=_("routing"), model=Routing, view="production.view",
    fields=(item(), Text("revision", _("Revision"), default="A"),
            Date("date", _("Valid from"), default=today), Area("text", _("Remark"), required=False)),
    lines=Lines(
        model=Operation, of="routing", make=routings.Step,
        fields=(Text("code", _("Code")), Text("name", _("Operation")),
                Reference("centre", _("Work centre"), to="production.centre"),
                Minutes("setup_s", _("Set-up, minutes"), default=0), Seconds("run_ms", _("A piece, seconds")),
                Price("rate", _("Piece rate, yuan"), default=0)),
    ),
    columns=("number", "item", "revision", "date", "posted"), exact=("number",), search=("revision", "text"),
    filters=("item", "posted"), sorts=("-id",), create=routings.draft, change=routings.change_draft,
    actions=(Action(name="release", label=_("Release"), command=routings.release, when=_is_draft),),
    empty=_("There is no routing yet. It says in which steps an item is made."),
)  # fmt: skip
STATE = Column(kind=Choice("state", _("State"), choices=STATES), many=orders.states)
ORDER = Resource(
    name="production.order", label=_("Work orders"), one=_("work order"), model=Order, view="production.view",
    fields=(item(), quantity(), Date("due", _("Due")), Date("date", _("Date"), default=today),
            quantity("batch_size", _("Pieces on a job card"), required=False),
            Text("lot_code", _("Lot of the product"), required=False,
                 hint=_("Empty is the number of the order, where the product has lots.")),
            Whole("priority", _("Priority, 1 to 9"), default=5, hint=_("1 goes first.")),
            Area("text", _("Remark"), required=False)),
    columns=("number", "item", "quantity", "due", "priority",
             STATE),
    shows=(STATE, Column(kind=Text("ready", _("Ready on")), value=_ready),
           Column(kind=Text("parts", _("Parts still to be made")), value=_lacks),
           Column(kind=Text("materials", _("Materials")), value=_needs),
           Column(kind=product_quantity("good", _("Good")), value=lambda row: cards.output(row.id)),
           Column(kind=product_quantity("received", _("Received")), value=lambda row: orders.received(row.id))),
    exact=("number",), search=("text",), filters=("item", "due", "posted"), sorts=("-id", "due"),
    create=orders.draft, change=orders.change_draft,
    actions=(
        Action(name="release", label=_("Release"), command=orders.release, when=_is_draft, undo="cancel"),
        Action(name="receive", is_next=True, label=_("Receive the product"), command=output.receive, when=_is_made,
               fields=(product_quantity(),
                       Text("lot_code", _("Lot"), required=False, hint=_("Empty is the lot of the order.")),
                       Date("expires", _("Expires"), required=False), Date("date", _("Date"), required=False))),
        Action(name="parts", label=_("Make the orders for its parts"), command=suborders.make,
               when=lambda row: bool(suborders.proposed(session(), row))),
        Action(name="issue", label=_("Issue material"), command=materials.issue, when=_is_in_work,
               fields=(Whole("position", _("Line of the material"), default=1), material_quantity(),
                       lot(material_item), own_place(), Date("date", _("Date"), required=False))),
        Action(name="return", label=_("Take back an issue"), command=materials.storno, when=_is_in_work,
               fields=(Text("number", _("Number of the stock paper")),)),
        Action(name="close", label=_("Close"), command=orders.close, when=_is_in_work),
        Action(name="cancel", label=_("Cancel the order"), command=orders.cancel, when=_is_in_work),
        Action(name="settle", label=_("Settle again"), command=orders.settle,
               when=lambda row: orders.state(row) == "closed"),
    ),
    notes=_waits,
    links=(Link(label=_("Orders for its parts"), to="production.order", rows=lambda row: suborders.of(row.id)),
           Link(label=_("It is a part of"), to="production.order", rows=suborders.whole),
           Link(label=_("Job cards"), to="production.card", by="order"),
           Link(label=_("Receipts"), to="production.output", by="order")),
    template="production/cards.html", empty=_("There is no work order yet. The first one begins with “New”."),
)  # fmt: skip
CARD = Resource(
    name="production.card", label=_("Job cards"), one=_("job card"), model=Card, view="production.view",
    fields=(Text("code", _("Code")), Reference("order", _("Work order"), to="production.order")),
    columns=("code", "order",
             Column(kind=Text("operation", _("Operation")), many=_operations),
             Column(kind=product_quantity("came", _("Came")), many=_tallied("received")),
             Column(kind=product_quantity("good", _("Good")), many=_tallied("good")),
             Column(kind=product_quantity("scrap", _("Scrap")), many=_tallied("scrap")),
             Column(kind=product_quantity("rework", _("Rework")), many=_tallied("rework")),
             Column(kind=YesNo("finished", _("Finished")), many=_tallied("finished"))),
    exact=("code",), filters=("order",), sorts=("-id",),
    actions=(
        Action(name="report", label=_("Report"), command=reports.report, when=_card_is_open,
               fields=(Choice("kind", _("What"), choices=KINDS),
                       Reference("worker", _("Worker"), to="production.worker"),
                       product_quantity(required=False), Text("cause", _("Cause"), required=False,
                                                              hint=_("Of the list of causes, where there is one.")))),
        Action(name="take-back", label=_("Take back a report"), command=reports.storno, when=_card_is_open,
               fields=(Whole("report", _("Number of the report")),)),
    ),
    notes=_card_waits, template="production/cards.html", in_menu=False,
    empty=_("There is no job card. They are made when an order is released."),
)  # fmt: skip
OUTPUT = Resource(
    name="production.output", label=_("Receipts from production"), one=_("receipt from production"), model=Output,
    view="production.view",
    fields=(Text("number", _("Number")), Reference("order", _("Work order"), to="production.order"),
            product_quantity()),
    columns=("number", "order", "quantity"), exact=("number",), filters=("order",), sorts=("-id",),
    actions=(Action(name="take-back", label=_("Take back"), command=output.storno, when=_can_take_back),),
    in_menu=False, empty=_("Nothing was received from production yet."),
)  # fmt: skip
CAUSE = Resource(
    name="production.cause", label=_("Causes of scrap"), one=_("cause of scrap"), model=Cause, view="production.view",
    fields=(Text("name", _("Name"), fixed=True),),
    columns=("name", Column(kind=YesNo("is_active", _("In use")))), exact=("name",), sorts=("name", "-id"),
    create=causes.add,
    actions=(
        Action(name="retire", label=_("Take out of use"), command=causes.retire, when=lambda row: row.is_active,
               undo="restore"),
        Action(name="restore", label=_("Take into use again"), command=causes.restore,
               when=lambda row: not row.is_active),
    ),
    empty=_("There is no list yet: workers say why in their own words. With a list they choose one of it."),
)  # fmt: skip
RESOURCES = (ORDER, CARD, OUTPUT, BOM, ROUTING, CENTRE, DAY, WORKER, CAUSE)
