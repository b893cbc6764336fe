"""Orders and deliveries, by examples of a shop's day; random histories are in test_invariants.py."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import pytest

from bizlite.core.database import write
from bizlite.core.errors import Refused
from bizlite.finance import payments
from bizlite.finance.models import Invoice
from bizlite.sales import (
    deliveries,
    invoices,
    orders,
    promise,
)  # fmt: skip
from bizlite.sales.models import UNINVOICED, Delivered, Delivery, DeliveryLine
from bizlite.stock import items, planning, reservations
from tests.bizlite import invariants
from tests.bizlite.conftest import Fresh
from tests.bizlite.selling import (
    SESSION,
    STORE,
    Shop,
    day,
    line_of,
    opened,
    ordered,
    planned,
    progress,
    receive,
)
from tests.bizlite.world import clock


@pytest.fixture
def shop(fresh: Fresh) -> Iterator[Shop]:
    with opened(fresh()) as found:
        yield found


def test_an_order_is_delivered_in_parts_and_invoiced_as_delivered(shop: Shop) -> None:
    receive(shop.bolt, 6, day(1))
    order = ordered(shop, (shop.bolt, 10))
    assert order.number == "SO-2026-00001"
    assert (order.net + order.tax, progress(order).promised) == (10000, None)
    assert reservations.held(orders.key_of(line_of(order))) == 6
    first = deliveries.post(SESSION, order.id, day(2), [deliveries.Pick(line=line_of(order).id, quantity=4)])
    assert (progress(order).open, reservations.held(orders.key_of(line_of(order)))) == (6, 2)
    assert planned(shop.bolt) == [(day(1), -6)]
    invoice = invoices.post(SESSION, order.id, day(2))
    assert (invoice.net, invoice.tax) == (3540, 460)
    with pytest.raises(Refused, match="nothing is to be invoiced"):
        invoices.post(SESSION, order.id, day(2))
    receive(shop.bolt, 10, day(3))
    orders.reserve(SESSION, order.id)
    assert progress(order).promised == day(1)
    deliveries.post(SESSION, order.id, day(4))
    assert not orders.is_open(order.id)
    assert not planned(shop.bolt)
    assert reservations.free(shop.bolt, 0, STORE) == 6
    second = invoices.post(SESSION, order.id, day(5))
    assert second.net + second.tax == 6000
    payments.post(SESSION, "in", shop.customer, day(6), 10000)
    assert payments.open_balance(shop.customer, "receivable") == 0
    assert Delivery.get_by_id(first.id).number == "DN-2026-00001"


def test_samples_that_cost_nothing_go_on_the_next_invoice(shop: Shop) -> None:
    receive(shop.bolt, 9, day(1))
    order = ordered(shop, (shop.bolt, 2), price=0)
    deliveries.post(SESSION, order.id, day(1))
    with pytest.raises(Refused, match="what was delivered costs nothing") as caught:
        invoices.post(SESSION, order.id, day(1))
    assert "All orders of this customer" in caught.value.problems[0].remedy
    sold = ordered(shop, (shop.bolt, 3))
    deliveries.post(SESSION, sold.id, day(2))
    invoices.post(SESSION, sold.id, day(2), all_orders=True)
    assert not Delivered.select().where(UNINVOICED).exists()


def test_a_double_click_posts_once(shop: Shop) -> None:
    receive(shop.bolt, 6, day(1))
    order = ordered(shop, (shop.bolt, 6))
    picks = [deliveries.Pick(line=line_of(order).id, quantity=2)]
    one, other = (deliveries.post(SESSION, order.id, day(2), picks, key="click") for _ in range(2))
    assert (one.id, Delivery.select().count(), progress(order).delivered) == (other.id, 1, 2)
    with pytest.raises(Refused, match="used for something else"):
        deliveries.post(SESSION, order.id, day(3), picks, key="click")
    bills = {invoices.post(SESSION, order.id, day(3), key="bill").id for _ in range(2)}
    assert len(bills) == Invoice.select().count() == 1


def test_a_delivery_and_its_storno_leave_everything_as_it_was(shop: Shop) -> None:
    receive(shop.bolt, 6, day(1))
    order = ordered(shop, (shop.bolt, 4))
    before = invariants.snapshot()
    delivery = deliveries.post(SESSION, order.id, day(2))
    red = deliveries.storno(SESSION, delivery.id)
    assert invariants.snapshot() == before
    with pytest.raises(Refused, match="cannot be reversed"):
        deliveries.storno(SESSION, delivery.id)
    with pytest.raises(Refused, match="cannot be reversed"):
        deliveries.storno(SESSION, red.id)
    again = deliveries.post(SESSION, order.id, day(3))
    invoices.post(SESSION, order.id, day(3))
    with pytest.raises(Refused, match="invoiced or returned"):
        deliveries.storno(SESSION, again.id)


def test_lots_that_expire_first_go_first_and_what_was_reserved_before_all(shop: Shop) -> None:
    milk = items.add_item(SESSION, "MILK", "milk", has_lots=True).id
    late = items.add_lot(SESSION, milk, "B", expires=day(30)).id
    soon = items.add_lot(SESSION, milk, "A", expires=day(20)).id
    receive(milk, 3, day(1), lot=late)
    receive(milk, 3, day(1), lot=soon)
    order = ordered(shop, (milk, 4))
    delivery = deliveries.post(SESSION, order.id, day(2))
    rows = DeliveryLine.select().where(DeliveryLine.delivery == delivery).order_by(DeliveryLine.id)
    assert [(row.lot, row.quantity) for row in rows] == [(soon, 3), (late, 1)]
    with pytest.raises(Refused, match="only 2 of MILK can be taken"):
        deliveries.post(SESSION, ordered(shop, (milk, 3)).id, day(2))


def test_the_promise_comes_from_stock_then_plans_then_the_lead_time_and_names_what_blocks(shop: Shop) -> None:
    today = day(1)
    receive(shop.bolt, 5, day(1))
    first = ordered(shop, (shop.bolt, 3))
    assert progress(first).promised == today
    with write():
        arrives = [planning.Planned(line=1, item=shop.bolt, date=today + datetime.timedelta(9), quantity=10)]
        planning.plan(SESSION, "work_order", 1, arrives)
    second = ordered(shop, (shop.bolt, 4), (shop.nut, 1))
    assert progress(second).promised == today + datetime.timedelta(9)
    assert reservations.held(orders.key_of(line_of(second))) == 2
    said = orders.promise(SESSION, second)
    assert [found.date for found in said] == [today + datetime.timedelta(9), None]
    assert promise.blocking(said, today).blocks == shop.nut
    planning.set_reorder(SESSION, shop.nut, 0, 10, lead_days=20)
    orders.reserve(SESSION, second.id)
    said = orders.promise(SESSION, second)
    assert promise.blocking(said, today).blocks == shop.nut
    assert said[1].date == clock().date() + datetime.timedelta(20)
    assert promise.blocking(said, said[1].date) is None


def test_what_arrives_goes_to_who_ordered_first(shop: Shop) -> None:
    first = ordered(shop, (shop.bolt, 5))
    receive(shop.bolt, 5, day(2))
    second = ordered(shop, (shop.bolt, 5))
    assert reservations.held(orders.key_of(line_of(second))) == 0
    orders.reserve(SESSION, first.id)
    assert reservations.held(orders.key_of(line_of(first))) == 5


def test_cancelling_releases_what_is_reserved_for_it_and_nothing_else(shop: Shop) -> None:
    receive(shop.bolt, 10, day(1))
    kept, other = ordered(shop, (shop.bolt, 4)), ordered(shop, (shop.bolt, 5))
    orders.cancel(SESSION, other.id, "no money", lines=[(line_of(other).id, 2)])
    assert [reservations.held(orders.key_of(line_of(order))) for order in (kept, other)] == [4, 3]
    orders.cancel(SESSION, other.id, "no money")
    assert [reservations.held(orders.key_of(line_of(order))) for order in (kept, other)] == [4, 0]
    assert planned(shop.bolt) == [(day(1), -4)]
    with pytest.raises(Refused, match="nothing open"):
        orders.cancel(SESSION, other.id, "again")
