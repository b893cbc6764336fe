"""Delivery notes (送货单): goods go out for an order, in parts, first from what is reserved for it."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bizlite.core import exact, numbers, registry, store
from bizlite.core.commands import command
from bizlite.core.errors import marked, refuse
from bizlite.core.session import Session
from bizlite.finance import ledger
from bizlite.sales import orders
from bizlite.sales.models import Delivered, Delivery, DeliveryLine, Order, OrderLine, Progress
from bizlite.stock import items, parts, picking, transfers
from bizlite.stock.items import check_note
from bizlite.stock.models import Item, Move

SOURCE = "sales_delivery"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pick:
    """What goes out for a line of the order; without lot and place they are chosen."""

    line: int
    quantity: int
    lot: int | None = None
    location: int | None = None


@command("sales.delivery.post")
def post(
    session: Session, order: int, date: datetime.date, lines: Sequence[Pick] | None = None, *, text: str = ""
) -> Delivery:
    """Posts a delivery of an order: what is given, or all that is open."""
    row = orders.confirmed(order)
    if ledger.check_date(date) < row.date:
        raise refuse("date", "lies before the order", "Choose %(first)s or later.", date, first=row.date)
    spots = _spots(session, row, date, _all_open(row) if lines is None else lines)
    _inspected(spots)
    delivery = Delivery(
        order=row, party=row.party_id, date=date, text=check_note("text", text), created_by=session.user,
        created_ms=session.now_ms(),
    )  # fmt: skip
    store.insert(session, delivery)
    numbers_ = store.append(DeliveryLine, [_row(delivery, line, pick, pick.quantity) for line, pick in spots])
    customer = items.place("CUSTOMER")
    moves = [
        transfers.Line(
            item=line.item_id, lot=pick.lot, quantity=pick.quantity, source=pick.location, target=customer,
            line=number, reserved=orders.key_of(line),
        )
        for number, (line, pick) in zip(numbers_, spots, strict=True)
    ]  # fmt: skip
    transfers.move(session, "delivery", date, moves, text=text, source=(SOURCE, delivery.id))
    store.change(session, delivery, **numbers.stamp(session, delivery))
    orders.settle(session, row)
    return delivery


@command("sales.delivery.post")
def storno(session: Session, delivery: int, *, date: datetime.date | None = None) -> Delivery:
    """Takes a delivery back as if it had never been: what was open and reserved is so again."""
    row = store.get(Delivery, delivery, "delivery")
    if not store.stands(row):
        raise refuse("delivery", "cannot be reversed", "Choose a delivery that stands.", row.number)
    lines = list(DeliveryLine.select().where(DeliveryLine.delivery == row).order_by(DeliveryLine.id))
    for line in lines:
        done = Delivered.get_by_id(line.id)
        if done.invoiced or done.returned:
            remedy = marked("Credit its invoice, or take the return back, first.")
            raise refuse("delivery", "was invoiced or returned", remedy, row.number)
    paper = transfers.reverse(session, parts.paper_of(SOURCE, row.id), date=date)
    red = Delivery(
        order=row.order_id, party=row.party_id, date=paper.date, text=row.text, reverses=row, created_by=session.user,
        created_ms=session.now_ms(),
    )  # fmt: skip
    store.insert(session, red)
    store.append(
        DeliveryLine,
        [
            {
                "delivery": red.id, "order_line": line.order_line_id, "item": line.item_id, "lot": line.lot,
                "location": line.location_id, "quantity": -line.quantity,
            }
            for line in lines
        ],
    )  # fmt: skip
    store.change(session, red, **numbers.stamp(session, red))
    orders.settle(session, row.order)
    return red


def move_of(line: DeliveryLine) -> Move:
    """What moved for a line."""
    return parts.move_of(SOURCE, line.delivery_id, line.id)


def _inspected(spots: list[tuple[OrderLine, Pick]]) -> None:
    """Where there is a plan for it, goods go out only when they were inspected for this line of the order."""
    if not registry.is_on("quality"):
        return
    from bizlite.quality import inspections, plans

    watched = plans.watched("delivery", [line.item_id for line, _ in spots])
    going: dict[int, int] = {}
    for line, pick in spots:
        going[line.id] = going.get(line.id, 0) + pick.quantity
    for line in dict.fromkeys(line for line, _ in spots if line.item_id in watched):
        quantity = Progress.get_by_id(line.id).delivered + going[line.id]
        inspections.require("delivery", line.item_id, quantity, orders.key_of(line))


def proposed(order: Order, day: datetime.date) -> list[Pick]:
    """What can go out on a day of each line that is open, and from where; of what is not there the line alone."""
    reserved, chosen, found = picking.reserved(orders.KIND, order.id), {}, []
    rows = [row for row in orders.progress_of(order.id) if row.open]
    free = picking.free(row.line.item_id for row in rows)
    for row in rows:
        there = free.get(row.line.item_id, {})
        spots = picking.choose(row.line.item, row.open, reserved.get(row.line_id, {}), there, chosen, day)
        found += [Pick(line=row.line_id, quantity=part, lot=lot, location=at) for lot, at, part in spots] or [
            Pick(line=row.line_id, quantity=row.open)
        ]
    return found


def _all_open(order: Order) -> list[Pick]:
    return [Pick(line=row.line_id, quantity=row.open) for row in orders.progress_of(order.id) if row.open]


def _spots(session: Session, order: Order, day: datetime.date, lines: Sequence[Pick]) -> list[tuple[OrderLine, Pick]]:
    """Each pick at the spots that it is taken from. :raise Refused: naming the line."""
    if not 0 < len(lines) <= transfers.MOST_LINES:
        raise refuse("lines", "nothing is to be delivered", "Give a quantity of a line that is open.", order.number)
    known = {line.id: line for line in OrderLine.select(OrderLine, Item).join(Item).where(OrderLine.order == order)}
    left = {row.line_id: row.open for row in Progress.select().where(Progress.line << list(known))}
    reserved, free = picking.reserved(orders.KIND, order.id), picking.free(line.item_id for line in known.values())
    found = []
    chosen: dict[tuple[int, int, int], int] = {}  # what earlier lines of this paper take from a spot
    for n, pick in enumerate(lines):
        if pick.line not in known:
            raise refuse(f"lines.{n}.line", "is no line of this order", "Choose one of its lines.", pick.line)
        line = known[pick.line]
        exact.whole(f"lines.{n}.quantity", pick.quantity, least=1)
        if pick.quantity > left[pick.line]:
            remedy = marked("Give at most %(most)s.")
            most = items.shown(line.item_id, left[pick.line])
            raise refuse(f"lines.{n}.quantity", "is more than is open", remedy, pick.quantity, most=most)
        left[pick.line] -= pick.quantity
        own = reserved.setdefault(line.id, {})
        spots = picking.take(
            session, line.item, pick.quantity, own, free.get(line.item_id, {}), chosen, day, lot=pick.lot,
            location=pick.location, at=f"lines.{n}.",
        )  # fmt: skip
        for lot, at, part in spots:  # what is reserved can be taken once, also by two lines of the paper
            own[lot, at] = max(0, own.get((lot, at), 0) - part)
        found += [(line, replace(pick, lot=lot, location=at, quantity=part)) for lot, at, part in spots]
    return found


def _row(delivery: Delivery, line: OrderLine, pick: Pick, quantity: int) -> dict[str, object]:
    return {
        "delivery": delivery.id, "order_line": line.id, "item": line.item_id, "lot": pick.lot,
        "location": pick.location, "quantity": quantity,
    }  # fmt: skip
