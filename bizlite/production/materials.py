"""Materials of an order: issued by hand, or by backflush when the product is received."""

from __future__ import annotations

import datetime

from bizlite.core import exact
from bizlite.core.commands import command
from bizlite.core.errors import refuse
from bizlite.core.session import Session
from bizlite.finance import ledger, periods
from bizlite.production import boms, cards, orders
from bizlite.production.models import Material, Order
from bizlite.stock import items, picking, transfers
from bizlite.stock.models import Transfer


@command("production.material.issue")
def issue(
    session: Session, order: int, position: int, quantity: int, *, lot: int | None = None, location: int | None = None,
    date: datetime.date | None = None,
) -> Transfer:  # fmt: skip
    """Issues the material on a line by hand, also more than was planned.

    Without a lot those that expire first go first, without a place it comes from the store of the order.
    """
    row = orders.open_order(order)
    material = Material.get_or_none((Material.order == row) & (Material.position == position))
    if material is None:
        raise refuse("position", "is not a material of the order", "Choose one of its lines.", position)
    day = ledger.check_date(session.today() if date is None else date)
    own = picking.reserved(orders.KIND, row.id).get(material.position, {})
    there = picking.free([material.item_id]).get(material.item_id, {})
    spots = picking.take(
        session, material.item, exact.whole("quantity", quantity, least=1), own, there, {}, day, lot=lot,
        location=row.location_id if location is None else location,
    )  # fmt: skip
    paper = transfers.move(session, "issue", day, _lines(row, material, spots), source=(orders.KIND, row.id))
    orders.plan_anew(session, row)
    return paper


@command("production.material.issue")
def storno(session: Session, order: int, number: str) -> Transfer:
    """Takes an issue by hand back, by the number of its stock paper; what it had reserved is reserved again."""
    row = orders.open_order(order)
    own = (Transfer.source_kind == orders.KIND) & (Transfer.source_id == row.id) & (Transfer.kind == "issue")
    issued = Transfer.get_or_none(own & (Transfer.number == number.strip()))
    if issued is None:
        raise refuse("number", "is not an issue to this order", "Give the number of its stock paper.", number)
    paper = transfers.reverse(session, issued)
    orders.plan_anew(session, row)
    return paper


def use_up(session: Session, order: Order) -> None:
    """Takes what the pieces used that were scrapped since the last receipt: no receipt will."""
    day = periods.day_for(session.today())
    lines = backflush(session, order, 0, day)
    if lines:
        transfers.move(session, "issue", day, lines, source=(orders.KIND, order.id))


def backflush(session: Session, order: Order, quantity: int, day: datetime.date) -> list[transfers.Line]:
    """What receiving ``quantity`` more has used, with the pieces that were scrapped, less what is issued already."""
    lines: list[transfers.Line] = []
    made, reserved, chosen = orders.received(order.id) + quantity, picking.reserved(orders.KIND, order.id), {}
    materials = [material for material in orders.materials(order.id) if material.is_backflushed]
    free = picking.free(material.item_id for material in materials)
    for material in materials:
        pieces = made + cards.scrapped(order.id, material.operation)
        missing = boms.up(material.net * pieces, order.quantity) - orders.issued(order.id, material)
        if missing > 0:
            own = reserved.get(material.position, {})
            there = free.get(material.item_id, {})
            spots = picking.take(session, material.item, missing, own, there, chosen, day, location=order.location_id)
            lines += _lines(order, material, spots)
    return lines


def _lines(order: Order, material: Material, spots: list[picking.Spot]) -> list[transfers.Line]:
    key, target = orders.key(order.id, material), items.place("PRODUCTION")
    return [
        transfers.Line(
            item=material.item_id, lot=lot, quantity=part, source=source, target=target, line=material.position,
            reserved=key,
        )
        for lot, source, part in spots
    ]  # fmt: skip
