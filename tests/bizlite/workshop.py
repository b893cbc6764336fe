"""A works that turns and grinds bolts, for the tests of production."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bizlite.core import registry
from bizlite.production import (
    boms,
    cards,
    centres,
    orders,
    reports,
    routings,
    workers,
)
from bizlite.production.models import Card, Order, Report
from bizlite.stock import items, transfers
from tests.bizlite import invariants
from tests.bizlite.conftest import leave
from tests.bizlite.world import World

SESSION = World.session_of()
STORE, SUPPLIER = 1, 2
TODAY = SESSION.today()
JANUARY = datetime.date(2026, 1, 1)


@dataclass
class Shop:
    """A bolt is turned from steel and then ground; 2 kg of steel make a bolt, 10 % of it is lost."""

    bolt: int
    steel: int
    centre: int
    worker: int

    def order(self, quantity: int = 10, **more: object) -> Order:
        """A released order of bolts."""
        row = orders.draft(SESSION, self.bolt, quantity, TODAY, **more)
        return orders.release(SESSION, row.id, row.version)

    def report(self, card: Card, kind: str, quantity: int = 0, **more: object) -> Report:
        """What the worker says at a card."""
        return reports.report(SESSION, card.id, kind, self.worker, quantity, **more)


def make_shop() -> Shop:
    """The shop in the company that is open, with 100 kg of steel."""
    bolt = items.add_item(SESSION, "BOLT", "bolt").id
    steel = items.add_item(SESSION, "STEEL", "steel", unit="kg", account="1403").id
    centre = centres.add(SESSION, "LATHE", "Lathes").id
    steps = [
        routings.Step(code="turn", name="Turning", centre=centre, setup_s=1800, run_ms=360_000, rate=500_000),
        routings.Step(code="grind", name="Grinding", centre=centre, run_ms=180_000, rate=250_000),
    ]
    routings.release(SESSION, routings.draft(SESSION, bolt, "A", steps, date=JANUARY).id, 1)
    parts = [boms.Component(item=steel, quantity=2000, scrap=1000)]
    boms.release(SESSION, boms.draft(SESSION, bolt, "A", 1, parts, date=JANUARY).id, 1)
    line = transfers.Line(item=steel, quantity=100_000, source=SUPPLIER, target=STORE, value=100_000)
    transfers.post(SESSION, "receipt", JANUARY, [line])
    return Shop(bolt, steel, centre, workers.add(SESSION, "W1", "Wang", pin="1234").id)


@contextmanager
def opened(url: str) -> Iterator[Shop]:
    """The shop in a new company, whose invariants hold at the end."""
    registry.open_company(url)
    yield make_shop()
    invariants.hold()
    leave()


def both(order: Order) -> list[Card]:
    """The cards of an order."""
    return cards.of_order(order.id)
