"""Finite loading: every job card gets a machine and a time, forward from now, the most urgent order first.

A machine does one thing at a time; work goes on in the next shift where the day ends. A card begins when its pieces are
there, in the first gap that it fits into. The same orders and the same moment always give the same picture.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field

from bizlite.core.session import Session
from bizlite.production import cards, orders, routings
from bizlite.production.calendars import Calendar
from bizlite.production.models import Card, Centre, Operation, Order, Report
from bizlite.stock.models import Item


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """Work at a centre for ``seconds``; those of one ``chain`` (order and batch) follow each other."""

    card: int
    order: int
    chain: tuple[int, int]
    centre: int
    seconds: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """When and on which machine (0, 1, …) a job is done; ``None`` when its work centre is never open."""

    job: Job
    machine: int
    start: datetime.datetime | None
    end: datetime.datetime | None


@dataclass
class Plan:
    """What is loaded so far; more can be added behind it."""

    now: datetime.datetime
    calendars: dict[int, Calendar] = field(default_factory=dict)
    machines: dict[int, list[list[tuple[datetime.datetime, datetime.datetime]]]] = field(default_factory=dict)
    ready: dict[tuple[int, int], datetime.datetime | None] = field(default_factory=dict)
    slots: list[Slot] = field(default_factory=list)

    def add(self, job: Job) -> Slot:
        """Loads one more job: those before it stay where they are."""
        ready = self.ready.get(job.chain, self.now)
        best: tuple[datetime.datetime, int, datetime.datetime] | None = None
        for machine, busy in enumerate(self._machines(job.centre)) if ready is not None else ():
            span = self._first_gap(job, busy, ready)
            if span is not None and (best is None or (span[1], machine) < best[:2]):
                best = (span[1], machine, span[0])
        if best is None:
            slot = Slot(job=job, machine=0, start=None, end=None)
        else:
            end, machine, start = best
            self._machines(job.centre)[machine].append((start, end))
            self._machines(job.centre)[machine].sort()
            slot = Slot(job=job, machine=machine, start=start, end=end)
        self.ready[job.chain] = slot.end
        self.slots.append(slot)
        return slot

    def _first_gap(
        self, job: Job, busy: Sequence[tuple[datetime.datetime, datetime.datetime]], ready: datetime.datetime
    ) -> tuple[datetime.datetime, datetime.datetime] | None:
        calendar = self._calendar(job.centre)
        begin = ready
        for start, end in busy:
            if start > begin:
                span = calendar.work(begin, job.seconds)
                if span is None or span[1] <= start:
                    return span
            begin = max(begin, end)
        return calendar.work(begin, job.seconds)

    def _calendar(self, centre: int) -> Calendar:
        if centre not in self.calendars:
            self.calendars[centre] = Calendar(centre)
        return self.calendars[centre]

    def _machines(self, centre: int) -> list[list[tuple[datetime.datetime, datetime.datetime]]]:
        if centre not in self.machines:
            self.machines[centre] = [[] for _ in range(Centre.get_by_id(centre).machines)]
        return self.machines[centre]


def load(session: Session) -> Plan:
    """Loads what is left to do of every order in work, by priority, due day and number; its parts' orders go before."""
    plan = Plan(local_now(session))
    in_work = orders.in_work()
    parts: dict[int, list[Order]] = {}
    for order in in_work:
        if order.source_kind == orders.KIND:
            parts.setdefault(order.source_id, []).append(order)
    ends: dict[int, datetime.datetime | None] = {}  # by order; nothing when a work centre is never open

    def add(order: Order) -> datetime.datetime | None:
        if order.id not in ends:
            before = [add(part) for part in parts.get(order.id, ())]
            first = None if None in before else max([plan.now, *filter(None, before)])
            slots = []
            for job in left_of(order):
                plan.ready.setdefault(job.chain, first)
                slots.append(plan.add(job).end)
            ends[order.id] = None if None in slots else max([first or plan.now, *filter(None, slots)])
        return ends[order.id]

    for order in in_work:
        add(order)
    return plan


def left_of(order: Order) -> list[Job]:
    """The jobs of an order that are not finished, batch by batch in the order of work."""
    scale = Item.get_by_id(order.item_id).unit.scale
    operations = {step.id: step for step in routings.operations(order.routing_id)}
    started = {row.card_id for row in Report.select(Report.card).join(Card).where(Card.order == order)}
    jobs = []
    for card in cards.of_order(order.id):
        state = cards.tally(card.id)
        left = cards.possible(card) - state.good - state.scrap - state.rework
        if not state.finished and left:
            operation: Operation = operations[card.operation_id]
            seconds = routings.seconds(operation, left, scale, with_setup=card.id not in started)
            chain = (order.id, card.batch)
            jobs.append(Job(card=card.id, order=order.id, chain=chain, centre=operation.centre_id, seconds=seconds))
    return jobs


def local_now(session: Session) -> datetime.datetime:
    """The moment on the site's clock, to the second."""
    return session.now().astimezone(session.zone).replace(tzinfo=None, microsecond=0)
