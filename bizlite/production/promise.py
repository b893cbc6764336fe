"""When a quantity of an item can be there: from stock, or made from what is there on machines that are free."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from bizlite.core import exact, store
from bizlite.core.session import Session
from bizlite.production import boms, loading, routings
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
        parts = [self.of(need.item, need.quantity, depth - 1) for need in boms.explode(bom, quantity, self.today)]
        unknown = next((part for part in parts if part.date is None), None)
        if unknown is not None:
            return Promise(there, item) if there else unknown
        last = max(parts, key=lambda part: (part.date or self.today, part.blocks))
        made = self._made(item, quantity, routing.id, last.date or self.today)
        if there is not None and (made is None or there <= made):
            return Promise(there, item)
        return Promise(made, item if last.date == self.today else last.blocks)

    def _bought(self, item: int, there: datetime.date | None) -> Promise:
        rule = Reorder.get_or_none(Reorder.item == item)
        if rule is None or not rule.lead_days:
            return Promise(there, item)
        bought = self.today + datetime.timedelta(days=rule.lead_days)
        return Promise(bought if there is None else min(there, bought), item)

    def _made(self, item: int, quantity: int, routing: int, first: datetime.date) -> datetime.date | None:
        """The day on which it is made, when its materials are there on the morning of ``first``."""
        chain = (-item, len(self.plan.slots))
        morning = datetime.datetime.combine(first, datetime.time())
        self.plan.ready[chain] = max(self.plan.now, morning)
        scale = Item.get_by_id(item).unit.scale
        end: datetime.datetime | None = self.plan.now
        for step in routings.operations(routing):
            seconds = routings.seconds(step, quantity, scale)
            job = loading.Job(card=0, order=0, chain=chain, centre=step.centre_id, seconds=seconds)
            end = self.plan.add(job).end
        return end.date() if end else None
