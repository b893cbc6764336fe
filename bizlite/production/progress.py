"""How things stand, live: by order, by work centre, by person; and first-pass yield from the job cards."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from peewee import fn

from bizlite.core.session import Session
from bizlite.production import cards, counting, orders
from bizlite.production.models import Card, Count, Operation, Order, Report, Tally, Worker
from bizlite.stock.models import Item, Unit


@dataclass(frozen=True, slots=True)
class OrderProgress:
    """How far an order is, in basis points of the pieces at all its operations; late is behind its due day."""

    order: Order
    good: int
    scrap: int
    received: int
    basis_points: int
    is_late: bool


@dataclass(frozen=True, slots=True)
class CardProgress:
    """A card with pieces at it: ``left`` are here and not reported, ``waiting`` reports wait for earlier ones."""

    card: Card
    received: int
    good: int
    scrap: int
    rework: int
    left: int
    waiting: int
    is_started: bool


@dataclass(frozen=True, slots=True)
class PersonProgress:
    """What a worker reported on a day in one unit of ``scale`` decimals, and the minutes from start to the last report,
    card by card; those stand once, beside the first unit."""

    worker: int
    name: str
    unit: str
    scale: int
    good: int
    scrap: int
    rework: int
    minutes: int | None


@dataclass(frozen=True, slots=True)
class Yield:
    """Of the pieces done at an operation of an item in a month, those good the first time (not scrap, not rework)."""

    month: int
    item: int
    operation: str
    done: int
    good: int

    @property
    def basis_points(self) -> int:
        """10,000 is all; rounded down, so that only all is all."""
        return self.good * 10_000 // self.done


def by_order(session: Session) -> list[OrderProgress]:
    """Every order in work, the most urgent first."""
    found = []
    for order in orders.in_work():
        own = Tally.select(fn.SUM(Tally.good + Tally.scrap + Tally.rework)).join(Card, on=(Tally.card == Card.id))
        done = int(own.where((Card.order == order) & Card.parent.is_null()).scalar() or 0)
        whole = sum(card.quantity for card in cards.of_order(order.id))
        made, scrap, received = cards.output(order.id), cards.scrapped(order.id), orders.received(order.id)
        is_late = order.due < session.today()
        found.append(OrderProgress(order, made, scrap, received, min(done * 10_000 // whole, 10_000), is_late))
    return found


def by_centre() -> dict[int, list[CardProgress]]:
    """The cards that have pieces or waiting reports, by work centre, the most urgent order first."""
    found: dict[int, list[CardProgress]] = {}
    for order in orders.in_work():
        for card in cards.of_order(order.id):
            state = of_card(card)
            if state.left or state.waiting:
                found.setdefault(Operation.get_by_id(card.operation_id).centre_id, []).append(state)
    return found


def of_card(card: Card) -> CardProgress:
    """How a card stands."""
    state = cards.tally(card.id)
    left = state.received - state.good - state.scrap - state.rework
    waits = len(counting.waiting(card.id))
    started = Report.get_or_none(Report.card == card) is not None
    return CardProgress(card, state.received, state.good, state.scrap, state.rework, left, waits, started)


def by_person(session: Session, day: datetime.date) -> list[PersonProgress]:
    """Every worker who reported something on a day of the site, by unit."""
    midnight = datetime.datetime.combine(day, datetime.time(), session.zone)
    first = int(midnight.timestamp() * 1000)
    where = (Report.reported_ms >= first) & (Report.reported_ms < first + 24 * 3600 * 1000) & (Report.kind != "storno")
    minutes: dict[int, int] = {}
    spans = Report.select(Report.worker, fn.MIN(Report.reported_ms), fn.MAX(Report.reported_ms)).where(where)
    for worker, begin, end in spans.group_by(Report.worker, Report.card).tuples():
        minutes[worker] = minutes.get(worker, 0) + (end - begin) // 60_000
    whose = (Report.worker, Unit.code, Unit.scale)
    sums = Count.select(*whose, fn.SUM(Count.good), fn.SUM(Count.scrap), fn.SUM(Count.rework)).join(Report)
    counted = sums.switch(Count).join(Card).join(Order).join(Item).join(Unit).where(Count.date == day)
    pieces: dict[int, list[tuple[str, int, int, int, int]]] = {}
    for worker, unit, scale, *amounts in counted.group_by(*whose).order_by(*whose).tuples():
        good, scrap, rework = map(int, amounts)
        pieces.setdefault(worker, []).append((unit, scale, good, scrap, rework))
    names = dict(Worker.select(Worker.id, Worker.name).where(Worker.id << sorted({*minutes, *pieces})).tuples())
    return [
        PersonProgress(worker, name, *line, None if n else minutes.get(worker, 0))
        for worker, name in sorted(names.items(), key=lambda pair: pair[1])
        for n, line in enumerate(pieces.get(worker, [("", 0, 0, 0, 0)]))
    ]


def first_pass(first: datetime.date, last: datetime.date) -> list[Yield]:
    """By month, item and operation; what was done on rework cards is no first time."""
    month = (Count.date.year * 100 + Count.date.month).alias("month")
    done, good = fn.SUM(Count.good + Count.scrap + Count.rework), fn.SUM(Count.good)
    query = Count.select(month, Order.item, Operation.code, done, good).join(Card).join(Order)
    query = query.switch(Card).join(Operation)
    where = Card.parent.is_null() & Count.date.between(first, last)
    rows = query.where(where).group_by(month, Order.item, Operation.code).tuples()
    found = [Yield(int(m), item, code, int(all_), int(good)) for m, item, code, all_, good in rows]
    return sorted((line for line in found if line.done), key=lambda line: (line.month, line.item, line.operation))
