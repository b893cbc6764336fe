"""Kinds of field that are about goods: items, lots, places, and quantities in the unit of the row's item."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import g

from bizlite.core import exact, store
from bizlite.core.errors import refuse
from bizlite.stock import items
from bizlite.stock.models import Location, Lot, Unit
from bizlite.web.fields import Kept, Quantity, Reference, Text, Values, known
from bizlite.web.resource import Column, every
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
    return Quantity(name, label, required=required, scale=_scale, unit=_unit_name, convert=_convert)


def _convert(at: str, number: str, unit: str, values: Values) -> int | None:
    """``2 box`` in smallest units of the row's item; nothing while that is not known. :raise Refused:"""
    found = item().row(values.get("item"))
    if found is None:
        return None
    names = ((other, {other.code, other.name_zh, other.name_en.casefold()}) for other in all_units().values())
    meant = next((other for other, known in names if unit.casefold() in known), None)
    if meant is None:
        raise refuse(at, "is not a unit of this item", "Choose its unit, or add a conversion.", unit[:100])
    return items.to_item_unit(found, exact.parse(at, number, int(meant.scale)), meant.code, at)


def item(name: str = "item", label: str = _("Item"), *, required: bool = True) -> Reference:
    """An item, typed or scanned."""
    return Reference(name, label, required=required, to="stock.item")


def lot(line_of: Callable[[Values], Values] = lambda values: values) -> Reference:
    """A lot of the row's item; ``line_of`` finds the item where the row does not name it."""

    def like(values: Values) -> Values:
        found = line_of(values).get("item")
        return {} if found is None else {"item": found}

    return Reference("lot", _("Lot"), required=False, to="stock.lot", is_whole=True, like=like)


def own_place() -> Reference:
    """One of our own places."""
    return Reference(
        "location", _("Place"), required=False, to="stock.location", where=lambda: Location.kind == "internal"
    )


def item_by(item_of: Callable[[int], int], name: str) -> Callable[[Values], Values]:
    """Finds the item of a line that is about the line ``name`` of another document."""
    once = _once(item_of)
    return lambda own: {"item": once(own[name])} if own.get(name) else {}


def _once(item_of: Callable[[int], int]) -> Callable[[int], int]:
    """Asks once for each line of a page: every cell of it wants to know."""

    def item_of_line(line: int) -> int:
        asked = known()
        if (item_of, line) not in asked:
            asked[item_of, line] = item_of(line)
        return int(asked[item_of, line])

    return item_of_line


def of_item(item_of: Callable[[int], int], name: str) -> tuple[Kept, Quantity]:
    """A line that is about the line of another document, and a quantity of its item; ``item_of`` finds the item."""
    values, once = item_by(item_of, name), _once(item_of)

    def words(line: int) -> str:
        found = item().row(once(line))
        return f"{found.code} {found.name}"

    return (
        Kept(name, _("Item"), words=words),
        Quantity(
            "quantity",
            _("Quantity"),
            scale=lambda own: _scale(values(own)),
            unit=lambda own: _unit_name(values(own)),
            convert=lambda at, number, unit, own: _convert(at, number, unit, values(own)),
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


def document(kind: str, number: int) -> Any:
    """The document of a table that a stock paper or a reservation names, where its module shows it; else nothing."""
    shown = next((r for r in every().values() if r.model._meta.table_name == kind), None)
    return shown.model.get_or_none(shown.key == number) if shown else None
