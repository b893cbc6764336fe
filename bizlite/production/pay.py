"""Piece-rate pay from what was counted good at the job cards, each count rounded to the fen."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from peewee import Query

from bizlite.core import exact
from bizlite.production.models import Card, Count, Operation, Order, Report, Worker
from bizlite.stock.models import Item, Unit


@dataclass(frozen=True, slots=True)
class Pay:
    """What a worker earned at an operation of an order: ``quantity`` smallest units, ``amount`` fen."""

    worker: int
    code: str
    name: str
    order: str
    operation: str
    quantity: int
    scale: int
    amount: int


def list_(first: datetime.date, last: datetime.date, worker: int | None = None) -> list[Pay]:
    """By worker, order and operation, of the days on which the pieces were counted.

    A report that came late counts on the day it came, and a storno on its own day, so that a month that is paid does
    not change any more.
    """
    where = Count.date.between(first, last)
    if worker is not None:
        where &= Report.worker == worker
    sums: dict[tuple[int, str, str, str, str, int], list[int]] = {}
    columns = (
        Worker.id,
        Worker.code,
        Worker.name,
        Order.number,
        Operation.name,
        Unit.scale,
        Count.good,
        Operation.rate,
    )
    for person, code, name, order, operation, scale, good, rate in _counts(columns).where(where).tuples():
        sum_ = sums.setdefault((person, code, name, order, operation, scale), [0, 0])
        sum_[0] += good
        sum_[1] += exact.amount(good, scale, rate)
    return [
        Pay(person, code, name, order, operation, quantity, scale, amount)
        for (person, code, name, order, operation, scale), (quantity, amount) in sorted(sums.items())
        if quantity or amount
    ]


def of_order(order: int) -> int:
    """What the pieces of an order cost in piece rates, in fen."""
    rows = _counts((Count.good, Unit.scale, Operation.rate)).where(Card.order == order).tuples()
    return sum(exact.amount(good, scale, rate) for good, scale, rate in rows)


def _counts(columns: tuple[object, ...]) -> Query:
    query = Count.select(*columns).join(Report).join(Worker).switch(Count).join(Card).join(Operation)
    return query.switch(Card).join(Order).join(Item).join(Unit).where(Count.good != 0)
