"""What production knows: work orders that are late with their cards, and who worked how long on an order."""

from __future__ import annotations

import datetime

from peewee import Case, fn

from bizlite.core import store, tables
from bizlite.core.errors import marked as _
from bizlite.core.tables import Column, Line, Table
from bizlite.production.models import Card, Centre, Closing, Count, Operation, Order, Report, Tally, Worker
from bizlite.stock.models import Item, Unit

MINUTE_MS = 60_000


def late_cards(today: datetime.date, most: int | None = None) -> Table:
    """Job cards that are not done of orders whose due day is over, the oldest first; a row leads to the order.

    Open is what was begun with and not yet reported; of a rework card what was set aside for it.
    """
    begun = Case(None, ((Card.parent.is_null(), Card.quantity),), Tally.received)
    left = begun - Tally.good - Tally.scrap - Tally.rework
    query = (
        Card.select(Order.due, Order.id, Card.code, Item.code, Operation.name, Centre.name, Unit.scale, left)
        .join(Order).join(Item).join(Unit).switch(Card).join(Operation).join(Centre)
        .switch(Card).join(Tally, on=(Tally.card == Card.id))
        .switch(Order).join(Closing, "LEFT JOIN", on=(Closing.order == Order.id))
        .where(Order.posted & (Order.due < today) & Closing.order.is_null() & (Tally.finished == 0) & (left > 0))
        .order_by(Order.due, Order.id, Card.batch, Card.position)
    )  # fmt: skip
    rows, rest = tables.part(query, query, most)
    lines = [
        Line((code, item, operation, centre, due, (left, scale), (today - due).days), ("reports.work", {"key": order}))
        for due, order, code, item, operation, centre, scale, left in rows
    ]
    columns = (
        Column("card", _("Job card")), Column("item", _("Item")), Column("operation", _("Operation")),
        Column("centre", _("Work centre")), Column("date", _("Due"), "date"), Column("open", _("Open"), "quantity"),
        Column("days", _("Days late"), "whole"),
    )  # fmt: skip
    return Table("late-cards", _("Job cards of orders that are late"), columns, lines, rest=rest)


def work_orders(kind: str, document: int) -> list[Order]:
    """The work orders that were made for a document."""
    own = (Order.source_kind == kind) & (Order.source_id == document)
    return list(Order.select().where(own).order_by(Order.id))


def cards(order: int, zone: datetime.tzinfo) -> Table:
    """The cards of a work order, with what was counted and the minutes that people were at them."""
    minutes = _minutes(order, zone)
    query = (
        Card.select(Card.id, Card.code, Operation.name, Centre.name, Unit.scale, Card.quantity,
                    fn.COALESCE(Tally.good, 0), fn.COALESCE(Tally.scrap, 0))
        .join(Order).join(Item).join(Unit).switch(Card).join(Operation).join(Centre)
        .switch(Card).join(Tally, "LEFT JOIN", on=(Tally.card == Card.id))
        .where(Card.order == order).order_by(Card.batch, Card.position, Card.id)
    )  # fmt: skip
    lines = [
        Line((code, operation, centre, (quantity, scale), (good, scale), (scrap, scale),
              sum(spent for (at, _worker), spent in minutes.items() if at == card)))
        for card, code, operation, centre, scale, quantity, good, scrap in query.tuples()
    ]  # fmt: skip
    columns = (
        Column("card", _("Job card")), Column("operation", _("Operation")), Column("centre", _("Work centre")),
        Column("quantity", _("Quantity"), "quantity"), Column("good", _("Good"), "quantity"),
        Column("scrap", _("Scrap"), "quantity"), Column("minutes", _("Minutes"), "whole"),
    )  # fmt: skip
    return Table(f"cards-{order}", _("Job cards of the order"), columns, lines, ("minutes",))


def people(order: int, zone: datetime.tzinfo) -> Table:
    """Who worked on an order: what they counted good, and for how many minutes."""
    minutes = _minutes(order, zone)
    sums = Count.select(Report.worker, fn.SUM(Count.good), fn.SUM(Count.scrap)).join(Report).join(Card)
    made = {w: (int(g), int(s)) for w, g, s in sums.where(Card.order == order).group_by(Report.worker).tuples()}
    workers = sorted({*made, *(worker for _card, worker in minutes)})
    names = dict(Worker.select(Worker.id, Worker.name).where(Worker.id << workers).tuples())
    scale = int(store.get(Order, order).item.unit.scale)
    lines = [
        Line((names[worker], *((amount, scale) for amount in made.get(worker, (0, 0))),
              sum(spent for (_card, who), spent in minutes.items() if who == worker)))
        for worker in workers
    ]  # fmt: skip
    columns = (
        Column("worker", _("Worker")), Column("good", _("Good"), "quantity"), Column("scrap", _("Scrap"), "quantity"),
        Column("minutes", _("Minutes"), "whole"),
    )  # fmt: skip
    return Table(f"people-{order}", _("Who worked on it"), columns, lines, ("minutes",))


def _minutes(order: int, zone: datetime.tzinfo) -> dict[tuple[int, int], int]:
    """Minutes from the first to the last report, by card and worker; each day of the site by itself: no night is
    counted."""
    rows = Report.select(Report.card, Report.worker, Report.reported_ms).join(Card)
    rows = rows.where((Card.order == order) & (Report.kind != "storno"))
    days: dict[tuple[int, int, datetime.date], list[int]] = {}
    for card, worker, moment in rows.tuples():
        day = datetime.datetime.fromtimestamp(moment / 1000, zone).date()
        days.setdefault((card, worker, day), []).append(moment)
    found: dict[tuple[int, int], int] = {}
    for (card, worker, _day), moments in days.items():
        found[card, worker] = found.get((card, worker), 0) + (max(moments) - min(moments)) // MINUTE_MS
    return found
