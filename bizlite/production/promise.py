"""When a quantity of an item can be there: from stock, or made from what is there on machines that are free."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from bizlite.core import exact, store
from bizlite.core.session import Session
from bizlite.production import boms, loading, routings
from bizlite.production.models import Bom, Order, Routing
from bizlite.stock import planning
from bizlite.stock.models import Item, Reorder

AHEAD = datetime.timedelta(days=2 * 366)


@dataclass(frozen=True, slots=True)
class Promise:
    """The day, and the item that it waits for longest (the item itself, when its machines are what it waits for).

    Without a ``date`` nobody knows: ``blocks`` is neither there nor made, and nobody said how long buying it takes.
    """

    date: datetime.date | None
    blocks: int


def earliest(session: Session, item: int, quantity: int) -> Promise:
    """The earliest day for ``quantity`` smallest units, behind all that is promised and loaded already."""
    store.get(Item, item, "item")
    exact.whole("quantity", quantity, least=1)
    return _Search(session, loading.load(session)).of(item, quantity, boms.DEEPEST)


def of_order(session: Session, order: Order) -> Promise:
    """When a work order is ready: a draft with all that must be made or bought first, one in work as it is loaded."""
    if not order.posted:
        search = _Search(session, loading.load(session))
        return search.made(order.item_id, order.quantity, order.bom, order.routing, boms.DEEPEST)
    ends = [slot.end for slot in loading.load(session).slots if slot.job.order == order.id]
    last = None if None in ends else max(filter(None, ends), default=loading.local_now(session))
    return Promise(last.date() if last else None, order.item_id)


def span(session: Session, item: int, quantity: int, routing: Routing) -> datetime.timedelta:
    """How many days making takes on machines that have nothing else to do."""
    search = _Search(session, loading.Plan(loading.local_now(session)))
    end = search.alone(item, quantity, routing, search.today)
    return datetime.timedelta(0) if end is None else end - search.today


class _Search:
    """One question; what is loaded for its parts keeps the machines busy for the rest of it."""

    def __init__(self, session: Session, plan: loading.Plan) -> None:
        self.today = session.today()
        self.plan = plan

    def of(self, item: int, quantity: int, depth: int) -> Promise:
        there = planning.available_from(item, quantity, self.today, self.today + AHEAD)
        bom, routing = boms.valid(item, self.today), routings.valid(item, self.today)
        if there == self.today or bom is None or routing is None or not depth:
            return self._bought(item, there)
        made = self.made(item, quantity, bom, routing, depth)
        return Promise(there, item) if there and (made.date is None or there <= made.date) else made

    def made(self, item: int, quantity: int, bom: Bom, routing: Routing, depth: int) -> Promise:
        """When it can be made anew, with the parts of it that are made here."""
        parts = [self.of(need.item, need.quantity, depth - 1) for need in boms.explode(bom, quantity, self.today)]
        unknown = next((part for part in parts if part.date is None), None)
        if unknown is not None:
            return unknown
        last = max(parts, key=lambda part: (part.date or self.today, part.blocks))
        day = self.alone(item, quantity, routing, last.date or self.today)
        return Promise(day, item if last.date == self.today else last.blocks)

    def _bought(self, item: int, there: datetime.date | None) -> Promise:
        rule = Reorder.get_or_none(Reorder.item == item)
        if rule is None or not rule.lead_days:
            return Promise(there, item)
        bought = self.today + datetime.timedelta(days=rule.lead_days)
        return Promise(bought if there is None else min(there, bought), item)

    def alone(self, item: int, quantity: int, routing: Routing, first: datetime.date) -> datetime.date | None:
        """The day on which it is made, when its materials are there on the morning of ``first``."""
        chain = (-item, len(self.plan.slots))
        morning = datetime.datetime.combine(first, datetime.time())
        self.plan.ready[chain] = max(self.plan.now, morning)
        scale = Item.get_by_id(item).unit.scale
        end: datetime.datetime | None = self.plan.now
        for step in routings.operations(routing.id):
            seconds = routings.seconds(step, quantity, scale)
            job = loading.Job(card=0, order=0, chain=chain, centre=step.centre_id, seconds=seconds)
            end = self.plan.add(job).end
        return end.date() if end else None
