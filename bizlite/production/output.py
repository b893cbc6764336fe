"""The product of an order comes into stock, never more than the last operation made good."""

from __future__ import annotations

import datetime

from bizlite.core import exact, store
from bizlite.core.commands import command
from bizlite.core.errors import refuse
from bizlite.core.session import Session
from bizlite.finance import ledger
from bizlite.production import boms, cards, materials, orders, routings, suborders
from bizlite.production.models import Order, Output
from bizlite.stock import costing, items, transfers
from bizlite.stock.models import Transfer


@command("production.output.receive")
def receive(
    session: Session, order: int, quantity: int, *, lot_code: str = "", expires: datetime.date | None = None,
    date: datetime.date | None = None,
) -> Output:  # fmt: skip
    """Receives good product, and takes the materials that are issued by backflush, on one stock paper.

    Its value is the planned cost until the order is closed. It is of the order's lot unless another is named, as where
    each batch is a lot of its own. What it is a part of, has it reserved.
    """
    row = orders.open_order(order)
    day = ledger.check_date(session.today() if date is None else date)
    left = cards.output(row.id) - orders.received(row.id)
    exact.whole("quantity", quantity, least=1)
    if quantity > left:
        raise refuse(
            "quantity", "only %(left)s good ones are not yet received", "Report them at the last operation first.",
            quantity, left=left,
        )  # fmt: skip
    lot = row.lot
    if lot_code or expires:
        lot = items.lot_named(session, row.item, lot_code or row.lot_code or row.number, "lot_code", expires=expires)
    lines = materials.backflush(session, row, quantity, day)
    product = transfers.Line(
        item=row.item_id, lot=lot, quantity=quantity, source=items.place("PRODUCTION"), target=row.location_id,
        value=planned(row, quantity, day),
    )  # fmt: skip
    paper = transfers.move(session, "production", day, [*lines, product], source=(orders.KIND, row.id))
    suborders.hand_over(session, row, quantity)
    return _keep(session, row, paper, quantity)


@command("production.output.receive")
def storno(session: Session, output: int) -> Output:
    """Takes a receipt back, with the materials that it used."""
    found: Output = store.get(Output, output, "output")
    if found.quantity < 0:
        raise refuse("output", "is a storno", "Choose what it took back.", output)
    order = orders.open_order(found.order_id)
    suborders.take_back(session, order, found.quantity)
    paper = transfers.reverse(session, store.get(Transfer, found.transfer))
    suborders.hand_over(session, order, found.quantity)
    return _keep(session, order, paper, -found.quantity)


def _keep(session: Session, order: Order, paper: Transfer, quantity: int) -> Output:
    (number,) = store.append(
        Output, [{"order": order.id, "transfer": paper.id, "number": paper.number, "quantity": quantity}]
    )
    orders.plan_anew(session, order)
    return Output.get_by_id(number)


def planned(order: Order, quantity: int, date: datetime.date) -> int:
    """What a quantity should cost, in fen: its materials at today's average and its piece rates."""
    total = 0
    for material in orders.materials(order.id):
        part = boms.up(material.net * quantity, order.quantity)
        total += costing.state_at(material.item_id, date).worth(part)
    scale = order.item.unit.scale
    return max(0, total) + sum(
        exact.amount(quantity, scale, step.rate) for step in routings.operations(order.routing_id)
    )
