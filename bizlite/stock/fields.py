"""Kinds of field that are about goods: items, lots, places, and quantities in the unit of the row's item."""

from __future__ import annotations

from collections.abc import Callable

from flask import g

from bizlite.core import store
from bizlite.stock.models import Location, Lot, Unit
from bizlite.web.fields import Kept, Quantity, Reference, Text, Values
from bizlite.web.resource import Column
from bizlite.web.texts import language
from bizlite.web.texts import marked as _


def all_units() -> dict[str, Unit]:
    """All units, read once for a page."""
    if "units" not in g:
        g.units = {unit.code: unit for unit in Unit.select()}
    return g.units  # type: ignore[no-any-return]


def units() -> dict[str, str]:
    return {code: unit.name_zh if language() == "zh" else unit.name_en for code, unit in all_units().items()}


def _unit(values: Values) -> Unit | None:
    found = item().row(values.get("item"))
    return None if found is None else all_units()[found.unit_id]


def _scale(values: Values) -> int | None:
    unit = _unit(values)
    return int(unit.scale) if unit else None


def _unit_name(values: Values) -> str:
    unit = _unit(values)
    return "" if unit is None else str(unit.name_zh if language() == "zh" else unit.name_en)


def quantity(name: str = "quantity", label: str = _("Quantity"), *, required: bool = True) -> Quantity:
    """A quantity in the unit of the row's ``item``, a field that stands before it."""
    return Quantity(name, label, required=required, scale=_scale, unit=_unit_name)


def item(name: str = "item", label: str = _("Item"), *, required: bool = True) -> Reference:
    """An item, typed or scanned."""
    return Reference(name, label, required=required, to="stock.item")


def lot(line_of: Callable[[Values], Values] = lambda values: values) -> Reference:
    """A lot of the row's item; ``line_of`` finds the item where the row does not name it."""

    def like(values: Values) -> Values:
        found = line_of(values).get("item")
        return {} if found is None else {"item": found}

    return Reference("lot", _("Lot"), required=False, to="stock.lot", like=like)


def own_place() -> Reference:
    """One of our own places."""
    return Reference(
        "location", _("Place"), required=False, to="stock.location", where=lambda: Location.kind == "internal"
    )


def item_by(item_of: Callable[[int], int], name: str) -> Callable[[Values], Values]:
    """Finds the item of a line that is about the line ``name`` of another document."""
    return lambda own: {"item": item_of(own[name])} if own.get(name) else {}


def of_item(item_of: Callable[[int], int], name: str) -> tuple[Kept, Quantity]:
    """A line that is about the line of another document, and a quantity of its item; ``item_of`` finds the item."""
    values = item_by(item_of, name)

    def words(line: int) -> str:
        found = item().row(item_of(line))
        return f"{found.code} {found.name}"

    return (
        Kept(name, _("Item"), words=words),
        Quantity(
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
