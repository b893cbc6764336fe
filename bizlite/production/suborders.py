"""Orders for the parts of an order's product that are made here: proposed by its bill of material, level by level."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from bizlite.core import store
from bizlite.core.commands import command
from bizlite.core.errors import refuse
from bizlite.core.session import Session
from bizlite.production import boms, cards, orders, promise, routings
from bizlite.production.models import Bom, Order, Routing
from bizlite.stock import planning, reservations

Making = tuple[int, int, Routing]  # item, quantity, how


@dataclass(frozen=True, slots=True)
class Part:
    """What an order lacks and is made here; ``under`` is the place in the list of what it is a part of, or nothing."""

    item: int
    quantity: int
    due: datetime.date
    under: int | None


def proposed(session: Session, order: Order) -> list[Part]:
    """What has to be made for an order, its own parts first, then theirs; what is there or ordered for it is enough."""
    if orders.state(order) not in ("draft", "in_work"):
        return []
    search = _Search(session)
    search.below(None, search.of_order(order), (order.item_id, order.quantity, order.routing), order.due)
    for n, part in enumerate(search.found):  # which grows meanwhile
        search.of_part(n, part)
    return search.found


@command("production.order.release")
def make(session: Session, order: int) -> Order:
    """Makes and releases the orders that are proposed. :raise Refused: when none is.

    A draft is released before, so that it and not its parts keep what is there.
    """
    row: Order = store.get(Order, order, "order")
    if not row.posted:
        row = orders.release(session, row.id, row.version)
    parts = proposed(session, row)
    if not parts:
        raise refuse("order", "lacks no part that is made here", "There is nothing to make.", row.number or row.id)
    made: list[Order] = []
    for part in parts:
        of = row if part.under is None else made[part.under]
        draft = orders.draft(
            session, part.item, part.quantity, part.due, priority=row.priority, location=row.location_id,
            source=(orders.KIND, of.id, 0),
        )  # fmt: skip
        made.append(orders.release(session, draft.id, draft.version))
    for one in (row, *made):
        orders.plan_anew(session, one)  # what they need is there when their parts are
    return row


def of(order: int) -> list[Order]:
    """The orders for the parts of an order."""
    own = (Order.source_kind == orders.KIND) & (Order.source_id == order)
    return list(Order.select().where(own).order_by(Order.id))


def whole(order: Order) -> list[Order]:
    """The order whose part an order makes: one or none."""
    return list(Order.select().where(Order.id == order.source_id)) if order.source_kind == orders.KIND else []


def hand_over(session: Session, order: Order, quantity: int) -> None:
    """Reserves what an order brought for the order whose part it is."""
    for parent in whole(order):
        if orders.state(parent) != "in_work":
            continue
        for material in orders.materials(parent.id):
            if material.item_id == order.item_id and quantity > 0:
                key = orders.key(parent.id, material)
                lacks = material.quantity - orders.issued(parent.id, material) - reservations.held(key)
                if lacks > 0:
                    most = min(lacks, quantity)
                    quantity -= reservations.reserve(session, key, order.item_id, most, order.location_id)


def take_back(session: Session, order: Order, quantity: int) -> None:
    """Releases what was handed over, before a receipt is taken back."""
    for parent in whole(order):
        for material in orders.materials(parent.id) if parent.posted else ():
            if material.item_id == order.item_id:
                quantity -= reservations.release(session, orders.key(parent.id, material), quantity)


class _Search:
    """The parts found so far, and what of the stock they will take."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.today = session.today()
        self.found: list[Part] = []
        self._taken: dict[int, int] = {}

    def lacks(self, item: int, quantity: int) -> int:
        """What is missing of a quantity that no plan knows yet."""
        spare = max(0, planning.spare(item, self.today + planning.HORIZON) - self._taken.get(item, 0))
        self._taken[item] = self._taken.get(item, 0) + min(spare, quantity)
        return max(0, quantity - spare)

    def below(self, under: int | None, needs: Mapping[int, int], of: Making, due: datetime.date) -> None:
        """Adds what is made here of what is lacking; it is due when making what it goes into has to begin."""
        days = None
        for item, missing in needs.items():
            if missing > 0 and boms.valid(item, self.today) and routings.valid(item, self.today):
                days = promise.span(self.session, *of) if days is None else days
                self.found.append(Part(item, missing, max(self.today, due - days), under))

    def of_part(self, n: int, part: Part) -> None:
        """Adds what is made here of what a part lacks."""
        bom, routing = boms.valid(part.item, self.today), routings.valid(part.item, self.today)
        if bom and routing:
            needs = {item: self.lacks(item, wanted) for item, wanted in _sums(bom, part.quantity, self.today).items()}
            self.below(n, needs, (part.item, part.quantity, routing), part.due)

    def of_order(self, order: Order) -> dict[int, int]:
        """What an order lacks of each component, without what orders for its parts will bring."""
        if not order.posted:
            needs = _sums(order.bom, order.quantity, order.date)
            lacking = {item: self.lacks(item, wanted) for item, wanted in needs.items()}
        else:
            lacking = {}
            for material in orders.materials(order.id):  # which are planned, and missing where the plan is below zero
                wanted = material.quantity - orders.issued(order.id, material)
                wanted -= reservations.held(orders.key(order.id, material))
                lacking[material.item_id] = lacking.get(material.item_id, 0) + max(0, wanted)
            for part in of(order.id):
                if orders.state(part) == "in_work" and part.item_id in lacking:
                    lacking[part.item_id] -= cards.expected(part.id) - orders.received(part.id)
            until = self.today + planning.HORIZON
            lacking = {item: min(wanted, max(0, -planning.spare(item, until))) for item, wanted in lacking.items()}
        return lacking


def _sums(bom: Bom, quantity: int, date: datetime.date) -> dict[int, int]:
    sums: dict[int, int] = {}
    for need in boms.explode(bom, quantity, date):
        sums[need.item] = sums.get(need.item, 0) + need.quantity
    return sums
