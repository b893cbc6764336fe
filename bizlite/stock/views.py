"""What the pages show of the stock."""

from __future__ import annotations

from typing import Any

from flask import url_for

from bizlite.core import store
from bizlite.core.session import Session
from bizlite.stock import counting, items, pages, planning, transfers
from bizlite.stock.fields import all_units, item, lot, lot_code, place_name, quantity, units
from bizlite.stock.fields import document as document_of
from bizlite.stock.models import NO_LOT, CountLine, Item, Location, Lot, Move, OnHand, Reservation, Transfer
from bizlite.stock.pages import bp
from bizlite.web.calls import figures
from bizlite.web.core import Todo
from bizlite.web.fields import Area, Choice, Date, Kept, Money, Quantity, Reference, Text, Whole, YesNo
from bizlite.web.guard import today
from bizlite.web.resource import Action, Column, Lines, Link, Note, Page, Resource, of_row
from bizlite.web.texts import gettext
from bizlite.web.texts import marked as _

__all__ = ["CALLS", "RESOURCES", "bp", "todo"]


def _move_line(
    item: int, lot: int | None, quantity: int, source: int, target: int, value: int | None
) -> transfers.Line:  # fmt: skip
    return transfers.Line(
        item=item, lot=lot or NO_LOT, quantity=quantity, source=source, target=target, value=value
    )  # fmt: skip


def papers_of(row: Item) -> list[Transfer]:
    """The last papers that moved an item."""
    numbers = Move.select(Move.transfer).where(Move.item == row).order_by(Move.date.desc(), Move.id.desc()).limit(20)
    return list(Transfer.select().where(Transfer.id << [move.transfer_id for move in numbers]).order_by(-Transfer.id))


def _source(row: Reservation) -> str:
    """The document that something is reserved for, by its number where its module shows it."""
    document = document_of(row.source_kind, row.source_id)
    return of_row(document).title(document) if document else f"{row.source_kind} {row.source_id}"  # type: ignore[union-attr]


ITEM = Resource(
    name="stock.item",
    label=_("Items"),
    one=_("item"),
    model=Item,
    view="stock.view",
    fields=(
        Text("code", _("Code"), fixed=True),
        Text("name", _("Name")),
        Text("barcode", _("Barcode"), required=False),
        Choice("unit", _("Unit"), choices=units, default="pcs"),
        Reference("account", _("Account of its value"), to="finance.account", default="1405"),
        YesNo("has_lots", _("Kept by lots")),
        YesNo("may_be_negative", _("May be negative")),
    ),
    columns=("code", "name", "barcode", "unit",
             Column(kind=Quantity("there", _("There"), scale=lambda values: int(all_units()[values["unit"]].scale)),
                    many=lambda rows: planning.on_hands([row.id for row in rows]))),
    exact=("code", "barcode"),
    search=("name",),
    filters=("unit", "has_lots"),
    sorts=("code", "-id"),
    create=items.add_item,
    change=items.change_item,
    actions=(
        Action(name="unit", label=_("Another unit of it"), command=items.set_conversion, fields=(
            Choice("unit", _("Unit"), choices=units, default="box"),
            Whole("numerator", _("One smallest unit of it is … smallest units of the item"), default=1),
            Whole("denominator", _("divided by"), default=1),
        )),
    ),
    links=(
        Link(label=_("Lots"), to="stock.lot", by="item"),
        Link(label=_("Reserved for"), to="stock.reservation", by="item"),
        Link(label=_("Last papers"), to="stock.transfer", rows=papers_of),
    ),
    pages=(Page(label=_("Stock card"), endpoint="stock.card", by="item"),
           Page(label=_("Projected stock"), endpoint="stock.plan", by="item")),
    empty=_("There is no item yet. The first one begins with “New”."),
)  # fmt: skip


LOT = Resource(
    name="stock.lot",
    label=_("Lots"),
    one=_("lot"),
    model=Lot,
    view="stock.view",
    fields=(
        Reference("item", _("Item"), to="stock.item", fixed=True),
        Text("code", _("Code"), fixed=True),
        Date("expires", _("Expires"), required=False),
    ),
    columns=("code", "item", "expires"),
    filters=("item",),
    sorts=("-id",),
    create=items.add_lot,
    change=items.change_lot,
    pages=(Page(label=_("Where it came from and went"), endpoint="stock.trace", by="lot"),),
    empty=_("There is no lot yet. Lots belong to items that are kept by lots."),
)


def _lies_at(row: Location) -> list[dict[str, Any]]:
    here = OnHand.select().where((OnHand.location == row.id) & (OnHand.quantity != 0)).order_by(OnHand.item, OnHand.lot)
    return [{"item": spot.item, "lot": spot.lot or None} for spot in here]


def _found(item: int, lot: int | None, quantity: int, value: int | None) -> counting.Found:
    return counting.Found(item=item, lot=lot or NO_LOT, quantity=quantity, value=value)


PLACES = {
    "internal": _("our own"), "supplier": _("suppliers"), "customer": _("customers"), "production": _("production"),
    "loss": _("losses"),
}  # fmt: skip
LOCATION = Resource(
    name="stock.location",
    label=_("Places"),
    one=_("place"),
    model=Location,
    view="stock.view",
    fields=(
        Text("code", _("Code"), fixed=True),
        Text("name_zh", _("Chinese name")),
        Text("name_en", _("English name")),
        Choice("kind", _("Kind"), choices=PLACES, default="internal"),
        Reference("account", _("Account of the other side"), to="finance.account", required=False,
                  hint=_("For places that are not our own.")),
    ),
    columns=("code", "name_zh", "name_en", "kind"),
    filters=("kind",),
    sorts=("code",),
    create=items.add_location,
    actions=(
        Action(
            name="count", label=_("Count what lies here"), command=counting.of_place,
            when=lambda row: row.kind == "internal", offer=_lies_at,
            fields=(Date("date", _("Date"), default=today), Area("text", _("Remark"), required=False)),
            lines=Lines(
                make=_found,
                fields=(
                    Kept("item", _("Item"), words=items.words),
                    Kept("lot", _("Lot"), required=False, words=lambda key: store.get(Lot, key).code),
                    quantity(label=_("Counted")), Money("value", _("Worth in all"), required=False),
                ),
            ),
        ),
    ),
    empty=_("There is no place."),
)  # fmt: skip


def _how_it_was_counted(row: Transfer) -> list[Note]:
    """Of a count: whether all was right, or how many places differed."""
    record = counting.record_of(row.id)
    if not record:
        return []
    words = {"count": len(record), "wrong": sum(line.counted != line.expected for line in record)}
    text = gettext("Counted: %(wrong)s of %(count)s differed and are set right.")
    if not words["wrong"]:
        text = gettext("Counted, all right: %(count)s of %(count)s are as they should be.")
    return [Note(text=text % words, label="", href="")]


PAPERS = {
    "receipt": _("receipt"), "issue": _("issue"), "transfer": _("between stores"), "count": _("count"),
    "delivery": _("delivery"), "return": _("return"), "revaluation": _("later cost"),
    "production": _("production"),
}  # fmt: skip
TRANSFER = Resource(
    name="stock.transfer",
    label=_("Stock papers"),
    one=_("stock paper"),
    model=Transfer,
    view="stock.view",
    fields=(
        Choice("kind", _("Kind"), choices=PAPERS, default="receipt"),
        Date("date", _("Date"), default=today),
        Text("text", _("Text"), required=False),
    ),
    lines=Lines(
        model=Move,
        of="transfer",
        make=_move_line,
        fields=(
            item(),
            lot(),
            quantity(),
            Reference("source", _("From"), to="stock.location", default="SUPPLIER"),
            Reference("target", _("To"), to="stock.location", default="MAIN"),
            Money("value", _("Worth in all"), required=False),
        ),
    ),
    columns=("number", "kind", "date", "text", "posted_by"),
    exact=("number",),
    search=("text",),
    filters=("kind", "date"),
    sorts=("-id", "-date"),
    create=transfers.post,
    actions=(
        Action(name="storno", label=_("Reverse"), command=transfers.storno,
               when=lambda row: not row.source_kind and store.stands(row)),
    ),
    notes=_how_it_was_counted,
    links=(Link(label=_("Counted"), to="stock.count_line", rows=lambda row: counting.record_of(row.id)),
           Link(label=_("Reversed by"), to="stock.transfer", by="reverses")),
    empty=_("Nothing was moved yet. Deliveries and receipts make their papers; others begin with “New”."),
)  # fmt: skip

COUNT_LINE = Resource(
    name="stock.count_line",
    label=_("Counted"),
    one=_("counted line"),
    model=CountLine,
    view="stock.view",
    fields=(item(), quantity("expected", _("Should be there")), quantity("counted", _("Counted"))),
    columns=("item", lot_code(), place_name(), "expected", "counted",
             Column(kind=quantity("difference", _("Difference")), value=lambda row: row.counted - row.expected),
             Column(kind=Text("paper", _("Stock paper")), value=lambda row: row.transfer.number)),
    exact=(),
    filters=("item",),
    sorts=("-id",),
    in_menu=False,
    empty=_("Nothing was counted yet."),
)  # fmt: skip

RESERVATION = Resource(
    name="stock.reservation",
    label=_("Reservations"),
    one=_("reservation"),
    model=Reservation,
    view="stock.view",
    fields=(item(), quantity(), Reference("location", _("Place"), to="stock.location")),
    columns=(Column(kind=Text("of", _("For")), value=_source), "item", "quantity", "location"),
    exact=("source_kind",),
    filters=("item",),
    sorts=("-id",),
    empty=_("Nothing is reserved. Confirmed orders reserve what they need."),
)

CALLS = (
    figures("there", pages.there, _("Stock on hand")),
    figures("card", pages.card, _("Stock card"), Text("item", _("Item")), Date("start", _("From"), required=False)),
    figures("plan", pages.plan, _("Projected stock"), Text("item", _("Item"))),
    figures("short", pages.short, _("Missing and to order")),
)
RESOURCES = (ITEM, LOT, LOCATION, TRANSFER, COUNT_LINE, RESERVATION)


def todo(session: Session) -> list[Todo]:
    """What is due in the stock."""
    if not session.may("stock.view"):
        return []
    short = len(planning.below_zero())
    return [Todo(text=_("Items that will be missing"), count=short, href=url_for("stock.short"), is_late=True)]
