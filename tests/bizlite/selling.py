"""A shop that sells bolts and nuts, for the tests of sales."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bizlite.core import registry
from bizlite.finance import parties
from bizlite.sales import (
    lines,
    orders,
)  # fmt: skip
from bizlite.sales.models import (
    Order,
    OrderLine,
    Progress,
)
from bizlite.stock import items, transfers
from bizlite.stock.models import Plan
from tests.bizlite import invariants
from tests.bizlite.conftest import leave
from tests.bizlite.world import World

SESSION = World.session_of()
YUAN = 1_000_000
STORE, SUPPLIER = 1, 2


@dataclass
class Shop:
    """A customer, and what is sold to them."""

    customer: int
    bolt: int
    nut: int


@contextmanager
def opened(url: str) -> Iterator[Shop]:
    """The shop in a new company, whose invariants hold at the end."""
    registry.open_company(url)
    customer = parties.add(SESSION, "C", "customer", is_customer=True)
    yield Shop(customer.id, items.add_item(SESSION, "BOLT", "bolt").id, items.add_item(SESSION, "NUT", "nut").id)
    invariants.hold()
    leave()


def day(number: int, month: int = 5) -> datetime.date:
    """A day of May, or of another month."""
    return datetime.date(2026, month, number)


def receive(item: int, quantity: int, date: datetime.date, value: int = 1000, lot: int = 0) -> None:
    """Goods come from a supplier."""
    line = transfers.Line(item=item, quantity=quantity, source=SUPPLIER, target=STORE, value=value, lot=lot)
    transfers.post(SESSION, "receipt", date, [line])


def ordered(shop: Shop, *wanted: tuple[int, int], price: int = 10 * YUAN, **more: object) -> Order:
    """A confirmed order."""
    asked = [lines.Wanted(item=item, quantity=quantity, price=price) for item, quantity in wanted]
    return orders.confirm(SESSION, orders.draft(SESSION, shop.customer, day(1), asked, **more).id)


def line_of(order: Order, position: int = 0) -> OrderLine:
    """A line of an order."""
    return OrderLine.get((OrderLine.order == order) & (OrderLine.position == position))


def progress(order: Order, position: int = 0) -> Progress:
    """How far it is."""
    return Progress.get_by_id(line_of(order, position).id)


def planned(item: int) -> list[tuple[datetime.date, int]]:
    """What is planned of an item, by day."""
    return [(row.date, row.quantity) for row in Plan.select().where(Plan.item == item).order_by(Plan.date, Plan.id)]
