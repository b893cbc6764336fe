"""What the pages show of the stock."""

from __future__ import annotations

import datetime
from collections.abc import Callable

from flask import g, url_for

from bizlite.core import store
from bizlite.core.session import Session
from bizlite.stock import items, planning, transfers
from bizlite.stock.models import NO_LOT, Item, Location, Lot, Move, Reservation, Transfer, Unit
from bizlite.stock.pages import bp
from bizlite.web.core import Todo
from bizlite.web.fields import Choice, Date, Kept, Money, Reference, Text, Values, Whole, YesNo, known
from bizlite.web.fields import Quantity as _Quantity
from bizlite.web.resource import Action, Column, Lines, Link, Page, Resource
from bizlite.web.resource import every as resources
from bizlite.web.texts import language
from bizlite.web.texts import marked as _

__all__ = ["RESOURCES", "bp", "item", "quantity", "todo"]


def _all_units() -> dict[str, Unit]:
    """All units, read once for a page."""
    if "units" not in g:
        g.units = {unit.code: unit for unit in Unit.select()}
    return g.units  # type: ignore[no-any-return]


def _units() -> dict[str, str]:
    return {code: unit.name_zh if language() == "zh" else unit.name_en for code, unit in _all_units().items()}


def _unit(values: Values) -> Unit | None:
    found = item().row(values.get("item"))
    return None if found is None else _all_units()[found.unit_id]


def _scale(values: Values) -> int | None:
    unit = _unit(values)
    return int(unit.scale) if unit else None


def _unit_name(values: Values) -> str:
    unit = _unit(values)
    return "" if unit is None else str(unit.name_zh if language() == "zh" else unit.name_en)


def quantity(name: str = "quantity", label: str = _("Quantity"), *, required: bool = True) -> _Quantity:
    """A quantity in the unit of the row's ``item``, a field that stands before it."""
    return _Quantity(name, label, required=required, scale=_scale, unit=_unit_name)


def item(name: str = "item", label: str = _("Item"), *, required: bool = True) -> Reference:
    """An item, typed or scanned."""
    return Reference(name, label, required=required, to="stock.item")


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
    shown = next((r for r in resources().values() if r.model._meta.table_name == row.source_kind), None)
    document = shown.model.get_or_none(shown.key == row.source_id) if shown else None
    return shown.title(document) if shown and document else f"{row.source_kind} {row.source_id}"


def of_item(item_of: Callable[[int], int], name: str) -> tuple[Kept, _Quantity]:
    """A line that is about the line of another document, and a quantity of its item; ``item_of`` finds the item."""

    def once(line: int) -> int:  # every cell of the line asks
        asked = known()
        if (item_of, line) not in asked:
            asked[item_of, line] = item_of(line)
        return int(asked[item_of, line])

    def values(own: Values) -> Values:
        return {"item": once(own[name])} if own.get(name) else {}

    def words(line: int) -> str:
        found = item().row(once(line))
        return f"{found.code} {found.name}"

    return (
        Kept(name, _("Item"), words=words),
        _Quantity(
            "quantity", _("Quantity"), scale=lambda own: _scale(values(own)), unit=lambda own: _unit_name(values(own))
        ),
    )


def lot_code() -> Column:
    """The lot of a line, by its code."""
    return Column(kind=Text("lot", _("Lot")), value=lambda line: store.get(Lot, line.lot).code if line.lot else "")


def place_name() -> Column:
    """The place of a line."""
    return Column(
        kind=Text("location", _("Place")),
        value=lambda line: line.location.name_zh if language() == "zh" else line.location.name_en,
    )


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
        Choice("unit", _("Unit"), choices=_units, default="pcs"),
        Reference("account", _("Account of its value"), to="finance.account", default="1405"),
        YesNo("has_lots", _("Kept by lots")),
        YesNo("may_be_negative", _("May be negative")),
    ),
    columns=("code", "name", "barcode", "unit",
             Column(kind=_Quantity("there", _("There"), scale=lambda values: int(_all_units()[values["unit"]].scale)),
                    many=lambda rows: planning.on_hands([row.id for row in rows]))),
    exact=("code", "barcode"),
    search=("name",),
    filters=("unit", "has_lots"),
    sorts=("code", "-id"),
    create=items.add_item,
    change=items.change_item,
    actions=(
        Action(name="unit", label=_("Another unit of it"), command=items.set_conversion, fields=(
            Choice("unit", _("Unit"), choices=_units, default="box"),
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
    fields=(item(), Text("code", _("Code")), Date("expires", _("Expires"), required=False)),
    columns=("code", "item", "expires"),
    filters=("item",),
    sorts=("-id",),
    create=items.add_lot,
    empty=_("There is no lot yet. Lots belong to items that are kept by lots."),
)

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
    empty=_("There is no place."),
)  # fmt: skip

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
        Date("date", _("Date"), default=datetime.date.today),
        Text("text", _("Text"), required=False),
    ),
    lines=Lines(
        model=Move,
        of="transfer",
        make=_move_line,
        fields=(
            item(),
            Reference("lot", _("Lot"), to="stock.lot", required=False),
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
    links=(Link(label=_("Reversed by"), to="stock.transfer", by="reverses"),),
    empty=_("Nothing was moved yet. Deliveries and receipts make their papers; others begin with “New”."),
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

RESOURCES = (ITEM, LOT, LOCATION, TRANSFER, RESERVATION)


def todo(session: Session) -> list[Todo]:
    """What is due in the stock."""
    if not session.may("stock.view"):
        return []
    short = len(planning.below_zero())
    return [Todo(text=_("Items that will be missing"), count=short, href=url_for("stock.short"), is_late=True)]
