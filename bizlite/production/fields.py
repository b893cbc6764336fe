"""Kinds of field that production adds: times, weekdays, quantities of the order that the address names."""

from __future__ import annotations

from typing import Any

from flask import has_request_context, request

from bizlite.core import exact
from bizlite.core.errors import refuse
from bizlite.production.models import Material, Order
from bizlite.stock.fields import quantity
from bizlite.web.fields import Choice, Field, Quantity, Reference, Values, Whole
from bizlite.web.texts import marked as _

WEEKDAYS = {
    "0": _("Monday"), "1": _("Tuesday"), "2": _("Wednesday"), "3": _("Thursday"), "4": _("Friday"),
    "5": _("Saturday"), "6": _("Sunday"),
}  # fmt: skip
# Rows that many cells of a page ask for, read once for it.
ORDER, CARD = Reference("order", "", to="production.order"), Reference("card", "", to="production.card")
OF_ITEM = quantity()


class Clock(Field):
    """A time of the day: ``08:30`` is minute 510; ``24:00`` is the end of the day."""

    empty = None
    json_type = "integer"

    def parse(self, text: str, at: str, values: Values) -> Any:
        hours, colon, minutes = text.replace("：", ":").partition(":")
        if not (colon and hours.isdecimal() and minutes.isdecimal() and int(minutes) < 60 and len(hours) < 3):
            raise refuse(at, "is not a time", "Give a time as 08:30.", text[:100])
        return int(hours) * 60 + int(minutes)

    def accept(self, value: Any, at: str, values: Values) -> Any:
        return exact.whole(at, value)

    def typed(self, value: Any, values: Values) -> str:
        return "" if value is None else f"{value // 60:02}:{value % 60:02}"


class Weekday(Choice):
    """A day of the week; 0 is Monday."""

    empty = None
    json_type = "integer"

    def parse(self, text: str, at: str, values: Values) -> Any:
        return int(super().parse(text, at, values))

    def accept(self, value: Any, at: str, values: Values) -> Any:
        return exact.whole(at, value, least=0, most=6)

    def shown(self, value: Any, values: Values) -> str:
        return super().shown(None if value is None else str(value), values)

    def schema(self) -> dict[str, Any]:
        return {"type": self.json_type, "title": self.label, "minimum": 0, "maximum": 6}


class Minutes(Whole):
    """Minutes with one decimal, kept as seconds."""

    mode = "decimal"

    def parse(self, text: str, at: str, values: Values) -> Any:
        return exact.parse(at, text, 1) * 6

    def typed(self, value: Any, values: Values) -> str:
        return "" if value is None else exact.show(value // 6, 1).removesuffix(".0")


class Seconds(Whole):
    """Seconds with three decimals, kept as milliseconds."""

    mode = "decimal"

    def digits(self, values: Values) -> int | None:
        return 3


def product_quantity(name: str = "quantity", label: str = _("Quantity"), *, required: bool = True) -> Quantity:
    """A quantity of the product of the order, card or receipt that the address names."""
    return Quantity(name, label, required=required, scale=_product_scale, unit=_product_unit)


def material_quantity() -> Quantity:
    """A quantity of the material on line ``position``, a field that stands before it, of the address's order."""
    return Quantity("quantity", _("Quantity"), scale=_material_scale)


def material_item(values: Values) -> Values:
    """The item of the material on line ``position`` of the address's order."""
    order, position = _order(values), values.get("position")
    found = _material(order, position) if order and position is not None else None
    return {"item": found.item_id} if found else {}


def _order(values: Values) -> Order | None:
    """Of a row that is shown, or of the address of a button: an order's own, or a card's."""
    if values.get("order") is not None:
        found: Order | None = ORDER.row(values["order"])
        return found
    key = str((request.view_args or {}).get("key", "")) if has_request_context() else ""
    if not key.isdecimal():
        return None
    if "/card/" in request.path:
        card = CARD.row(int(key))
        return ORDER.row(card.order_id) if card else None
    return ORDER.row(int(key))  # type: ignore[no-any-return]


def _product_scale(values: Values) -> int | None:
    order = _order(values)
    return OF_ITEM.scale({"item": order.item_id}) if order else None


def _product_unit(values: Values) -> str:
    order = _order(values)
    return OF_ITEM.unit({"item": order.item_id}) if order else ""


def _material_scale(values: Values) -> int | None:
    order, position = _order(values), values.get("position")
    if order is None or position is None:
        return None
    material = _material(order, position)
    return OF_ITEM.scale({"item": material.item_id}) if material else 0


def _material(order: Order, position: int) -> Material | None:
    found: Material | None = Material.get_or_none((Material.order == order) & (Material.position == position))
    return found
