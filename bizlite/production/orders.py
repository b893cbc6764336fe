"""Work orders: a draft becomes released, with its materials and job cards, and ends closed or cancelled."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

from peewee import JOIN, fn

from bizlite.core import exact, numbers, store
from bizlite.core.commands import command
from bizlite.core.errors import refuse
from bizlite.core.session import Session
from bizlite.finance import ledger
from bizlite.production import boms, cards, costs, routings
from bizlite.production.models import Closing, Material, Order, Output
from bizlite.stock import items, planning, reservations
from bizlite.stock.models import NO_LOT, Item, Move, Transfer

KIND = "production_order"
MOST_CARDS = 2000


@command("production.order.change")
def draft(
    session: Session, item: int, quantity: int, due: datetime.date, *, date: datetime.date | None = None,
    batch_size: int | None = None, lot_code: str = "", priority: int = 5, location: int | None = None,
    source: tuple[str, int, int] = ("", 0, 0), text: str = "",
) -> Order:  # fmt: skip
    """A new order by what is valid on its day, not yet released; without ``batch_size`` it is one batch.

    ``lot_code`` is the lot that a product with lots becomes, without it the lot is called as the order.
    """
    kind, document_id, line = source
    row = Order(
        source_kind=kind, source_id=document_id, source_line=line, created_by=session.user,
        created_ms=session.now_ms(), location=items.place("MAIN") if location is None else location,
        **_values(item, session.today() if date is None else date, quantity, due, batch_size, lot_code, priority, text),
    )  # fmt: skip
    items.own_place(row.location_id)
    return store.insert(session, row)


@command("production.order.change")
def change_draft(session: Session, order: int, version: int, **values: Any) -> Order:
    """Changes a draft. :raise Stale: when somebody else did so since ``version``."""
    row = _draft(order)
    names = ("item", "date", "quantity", "due", "batch_size", "lot_code", "priority", "text")
    now = {name: row.__data__[name] for name in names}
    if now["batch_size"] == now["quantity"]:  # one batch, and so it stays
        now["batch_size"] = None
    return store.change(session, row, version=version, **_values(**{**now, **values}))


@command("production.order.release")
def release(session: Session, order: int, version: int) -> Order:
    """Explodes bill and routing, reserves what is free of the materials, and makes the job cards."""
    row = _draft(order)
    steps = routings.operations(row.routing_id)
    batches = boms.up(row.quantity, row.batch_size)
    if batches * len(steps) > MOST_CARDS:
        raise refuse("batch_size", "makes %(cards)s job cards", "Give larger batches.", "", cards=batches * len(steps))
    needs = boms.explode(row.bom, row.quantity, row.date)
    rows = [
        {
            "order": row.id, "position": n, "item": need.item, "net": need.net, "quantity": need.quantity,
            "operation": min(need.operation, len(steps)), "is_backflushed": need.is_backflushed,
        }
        for n, need in enumerate(needs, 1)
    ]  # fmt: skip
    store.append(Material, rows)
    stamp = numbers.stamp(session, row)
    lot = NO_LOT
    if row.item.has_lots:
        lot = items.lot_named(session, row.item, row.lot_code or str(stamp["number"]), "lot_code")
    store.change(session, row, version=version, lot=lot, **stamp)
    cards.make(row, steps)
    for material in materials(row.id):
        reservations.reserve(session, key(row.id, material), material.item_id, material.quantity, row.location_id)
    plan_anew(session, row)
    return row


@command("production.order.close")
def cancel(session: Session, order: int) -> Order:
    """Ends an order of which nothing was made or issued, and gives back what it reserved."""
    row = open_order(order)
    if cards.has_counts(row.id) or any(issued(row.id, material) for material in materials(row.id)):
        raise refuse("order", "was begun", "Take back its reports and issues, or finish and close it.", row.number)
    return _end(session, row, "cancelled")


@command("production.order.close")
def close(session: Session, order: int) -> Order:
    """Ends an order that is made and received: its product gets its final cost, nothing of it stays in 4001."""
    from bizlite.production import materials as used  # which asks this module

    row = open_order(order)
    unfinished = [card for card in cards.of_order(row.id) if not cards.is_done(card)]
    if unfinished:
        raise refuse(
            "order", "%(count)s job cards are not finished", "Finish them first, or cut what is not made.", row.number,
            count=len(unfinished),
        )  # fmt: skip
    left = cards.output(row.id) - received(row.id)
    if left:
        raise refuse("order", "%(left)s good ones are not received", "Receive them first.", row.number, left=left)
    used.use_up(session, row)
    costs.settle(session, row)
    return _end(session, row, "closed")


@command("production.order.close")
def settle(session: Session, order: int) -> Order:
    """Settles a closed order again, when a back-dated receipt made its materials dearer or cheaper since."""
    row: Order = store.get(Order, order, "order")
    ending = Closing.get_or_none(Closing.order == row)
    if ending is None or ending.kind != "closed":
        raise refuse("order", "is not closed", "It is settled when it is closed.", row.number or "")
    costs.settle(session, row)
    return row


def open_order(order: int) -> Order:
    """A released order that has not ended. :raise Refused: for any other."""
    row: Order = store.get(Order, order, "order")
    if not row.posted or Closing.get_or_none(Closing.order == row):
        raise refuse("order", "is not in work", "Choose one that is released and not ended.", row.number or "")
    return row


def state(order: Order) -> str:
    """``draft``, ``in_work``, ``closed`` or ``cancelled``."""
    return states([order])[order.id]


def states(orders: Iterable[Order]) -> dict[int, str]:
    """The state of each of several orders, in one question."""
    posted = {order.id: order.posted for order in orders}
    ended = {row.order_id: str(row.kind) for row in store.among(Closing, "order", posted)}
    return {key: ended.get(key, "in_work") if is_posted else "draft" for key, is_posted in posted.items()}


def in_work() -> list[Order]:
    """Every released order that has not ended, the most urgent first."""
    query = Order.select().join(Closing, JOIN.LEFT_OUTER, on=(Closing.order == Order.id))
    rows = query.where(Order.posted & Closing.order.is_null())
    return list(rows.order_by(Order.priority, Order.due, Order.id))


def materials(order: int) -> list[Material]:
    """What an order needs, by line."""
    return list(Material.select().where(Material.order == order).order_by(Material.position))


def key(order: int, material: Material) -> tuple[str, int, int]:
    """How reservations name the line of a material."""
    return (KIND, order, material.position)


def issued(order: int, material: Material) -> int:
    """How much of a material went into an order, without what came back."""
    own = (Transfer.source_kind == KIND) & (Transfer.source_id == order) & (Move.line == material.position)
    query = Move.select(Move.direction, fn.COALESCE(fn.SUM(Move.quantity), 0)).join(Transfer).where(own)
    sums = dict(query.group_by(Move.direction).tuples())
    return int(sums.get("out", 0) - sums.get("in", 0))


def received(order: int) -> int:
    """How much of the product came into stock."""
    query = Output.select(fn.COALESCE(fn.SUM(Output.quantity), 0))
    return int(query.where(Output.order == order).scalar())


def plan_anew(session: Session, order: Order) -> None:
    """Says what the order will still bring and take: called whenever that changes."""
    lines = []
    rest = cards.expected(order.id) - received(order.id)
    if rest > 0:
        lines.append(planning.Planned(line=0, item=order.item_id, date=order.due, quantity=rest))
    arrivals = _arrivals(order)
    for material in materials(order.id):
        missing = material.quantity - issued(order.id, material)
        if missing > 0:
            date = max(order.date, arrivals.get(material.item_id, order.date))
            line = {"line": material.position, "item": material.item_id, "date": date}
            lines.append(planning.Planned(**line, quantity=-missing))
    planning.plan(session, KIND, order.id, lines)


def _arrivals(order: Order) -> dict[int, datetime.date]:
    """When the last part that is made for an order comes, by item: until then nobody lacks it."""
    own = Order.posted & (Order.source_kind == KIND) & (Order.source_id == order.id)
    query = Order.select(Order.item, fn.MAX(Order.due)).join(Closing, JOIN.LEFT_OUTER, on=(Closing.order == Order.id))
    rows = query.where(own & Closing.order.is_null()).group_by(Order.item).tuples()
    return {item: Order.due.python_value(day) for item, day in rows}


def _end(session: Session, order: Order, kind: str) -> Order:
    for material in materials(order.id):
        reservations.release(session, key(order.id, material))
    planning.plan(session, KIND, order.id, [])
    values = {"date": session.today(), "user": session.user, "at_ms": session.now_ms()}
    store.append(Closing, [{"order": order.id, "kind": kind, **values}])
    whole = Order.get_or_none(Order.id == order.source_id) if order.source_kind == KIND else None
    if whole is not None and state(whole) == "in_work":
        plan_anew(session, whole)
    return order


def _values(
    item: int, date: datetime.date, quantity: int, due: datetime.date, batch_size: int | None, lot_code: str,
    priority: int, text: str,
) -> dict[str, object]:  # fmt: skip
    """The columns of a draft, checked."""
    found: Item = store.get(Item, item, "item")
    if not found.is_active:
        raise refuse("item", "is out of use", "Choose another item.", found.code)
    lot_code = items.check_note("lot_code", lot_code, items.LONGEST_CODE)
    if lot_code and not found.has_lots:
        raise refuse("lot_code", "the item has no lots", "Leave the lot out.", lot_code)
    if ledger.check_date(due, "due") < ledger.check_date(date):
        raise refuse("due", "lies before the order", "Choose %(first)s or later.", due, first=date)
    bom, routing = boms.valid(item, date), routings.valid(item, date)
    for field, document in (("bom", bom), ("routing", routing)):
        if document is None:
            raise refuse(field, "%(item)s has none that is released", "Release one first.", "", item=found.code)
    exact.whole("quantity", quantity, least=1)
    batch = quantity if batch_size is None else exact.whole("batch_size", batch_size, least=1)
    return {
        "item": found, "date": date, "quantity": quantity, "due": due, "batch_size": min(batch, quantity),
        "lot_code": lot_code, "priority": exact.whole("priority", priority, least=1, most=9), "text": text,
        "bom": bom, "routing": routing,
    }  # fmt: skip


def _draft(order: int) -> Order:
    row: Order = store.get(Order, order, "order")
    if row.posted:
        raise refuse("order", "is released", "Cancel it, or make another order.", row.number)
    return row
