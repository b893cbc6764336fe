"""Materials of an order: issued by hand, or by backflush when the product is received."""

from __future__ import annotations

import datetime

from bizlite.core import exact
from bizlite.core.commands import command
from bizlite.core.errors import refuse
from bizlite.core.session import Session
from bizlite.finance import ledger
from bizlite.production import boms, cards, orders
from bizlite.production.models import Material, Order
from bizlite.stock import items, reservations, transfers
from bizlite.stock.models import NO_LOT, Reservation, Transfer


@command("production.material.issue")
def issue(session: Session, order: int, position: int, quantity: int, *, date: datetime.date | None = None) -> Transfer:
    """Issues the material on a line by hand, also more than was planned; lots that expire first go first."""
    row = orders.open_order(order)
    material = Material.get_or_none((Material.order == row) & (Material.position == position))
    if material is None:
        raise refuse("position", "is not a material of the order", "Choose one of its lines.", position)
    day = ledger.check_date(session.today() if date is None else date)
    lines = take(session, row, material, exact.whole("quantity", quantity, least=1))
    paper = transfers.move(session, "issue", day, lines, source=(orders.KIND, row.id))
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


def backflush(session: Session, order: Order, quantity: int) -> list[transfers.Line]:
    """What receiving ``quantity`` more has used, with the pieces that were scrapped, less what is issued already."""
    lines: list[transfers.Line] = []
    made = orders.received(order.id) + quantity
    for material in orders.materials(order.id):
        if not material.is_backflushed:
            continue
        pieces = made + cards.scrapped(order.id, material.operation)
        missing = boms.up(material.net * pieces, order.quantity) - orders.issued(order.id, material)
        if missing > 0:
            lines += take(session, order, material, missing)
    return lines


def take(session: Session, order: Order, material: Material, quantity: int) -> list[transfers.Line]:
    """Lines that take a material from what is reserved for the order, and what is free beside."""
    key, item = orders.key(order.id, material), material.item
    missing = quantity - reservations.held(key)
    if missing > 0:
        missing -= reservations.reserve(session, key, item.id, missing, order.location_id)
    may_be_below = item.may_be_negative and not item.has_lots
    if missing > 0 and not may_be_below:
        raise refuse(
            "quantity", "%(missing)s of %(item)s are missing", "Receive or move some first.", quantity,
            missing=missing, item=item.code,
        )  # fmt: skip
    own = (Reservation.source_kind == key[0]) & (Reservation.source_id == key[1]) & (Reservation.source_line == key[2])
    target, lines, left = items.place("PRODUCTION"), [], quantity
    for row in Reservation.select().where(own).order_by(Reservation.id):
        part = min(left, row.quantity)
        if part:
            lines.append(_line(material, row.lot, part, row.location_id, target, key))
            left -= part
    if left:
        lines.append(_line(material, NO_LOT, left, order.location_id, target, key))
    return lines


def _line(
    material: Material, lot: int, quantity: int, source: int, target: int, key: tuple[str, int, int]
) -> transfers.Line:
    return transfers.Line(
        item=material.item_id, lot=lot, quantity=quantity, source=source, target=target, line=material.position,
        reserved=key,
    )  # fmt: skip
