"""Returns, invoices of deliveries and their credit notes, by examples."""

from __future__ import annotations

from collections.abc import Iterator

import peewee
import pytest

from bizlite.core.database import database
from bizlite.core.errors import Refused
from bizlite.finance import invoices as ledger_invoices
from bizlite.finance import payments, reports
from bizlite.finance.models import Invoice
from bizlite.sales import (
    deliveries,
    invoices,
    returns,
)  # fmt: skip
from bizlite.sales.models import (
    Delivered,
    DeliveryLine,
)
from bizlite.stock import costing
from tests.bizlite import invariants
from tests.bizlite.conftest import Fresh
from tests.bizlite.selling import (
    SESSION,
    Shop,
    day,
    opened,
    ordered,
    receive,
)


@pytest.fixture
def shop(fresh: Fresh) -> Iterator[Shop]:
    with opened(fresh()) as found:
        yield found


def test_a_return_is_credited_to_the_cent_and_comes_back_at_its_cost(shop: Shop) -> None:
    receive(shop.bolt, 3, day(1), value=300)
    order = ordered(shop, (shop.bolt, 3), price=333_300, is_gross=False)
    delivery = deliveries.post(SESSION, order.id, day(2))
    invoice = invoices.post(SESSION, order.id, day(2))
    line = DeliveryLine.get(DeliveryLine.delivery == delivery)
    for number in (3, 4, 5):
        returns.post(SESSION, delivery.id, day(number), [returns.Back(line=line.id, quantity=1)])
    notes = list(Invoice.select().where(Invoice.credits == invoice))
    assert (sum(n.net for n in notes), sum(n.tax for n in notes)) == (invoice.net, invoice.tax)
    assert payments.open_balance(shop.customer, "receivable") == 0
    assert costing.state_at(shop.bolt, day(5)).value == 300
    with pytest.raises(Refused, match="more than can be returned"):
        returns.post(SESSION, delivery.id, day(6), [returns.Back(line=line.id, quantity=1)])


def test_what_came_back_before_the_invoice_is_not_invoiced(shop: Shop) -> None:
    receive(shop.bolt, 5, day(1))
    order = ordered(shop, (shop.bolt, 5))
    delivery = deliveries.post(SESSION, order.id, day(2))
    line = DeliveryLine.get(DeliveryLine.delivery == delivery)
    before = invariants.snapshot()
    back = returns.post(SESSION, delivery.id, day(3), [returns.Back(line=line.id, quantity=2)])
    returns.storno(SESSION, back.id)
    assert invariants.snapshot() == before
    returns.post(SESSION, delivery.id, day(3), [returns.Back(line=line.id, quantity=2)])
    invoice = invoices.post(SESSION, order.id, day(4))
    assert invoice.net + invoice.tax == 3000
    last = returns.post(SESSION, delivery.id, day(5), [returns.Back(line=line.id, quantity=1)])
    with pytest.raises(Refused, match="was credited"):
        returns.storno(SESSION, last.id)


def test_an_invoice_that_is_credited_can_be_written_again_and_only_here(shop: Shop) -> None:
    receive(shop.bolt, 5, day(1))
    order = ordered(shop, (shop.bolt, 5))
    deliveries.post(SESSION, order.id, day(2))
    invoice = invoices.post(SESSION, order.id, day(2))
    with pytest.raises(Refused, match="posted by a document"):
        ledger_invoices.credit(SESSION, invoice.id, day(3))
    with pytest.raises(Refused, match="is no invoice of this order"):
        invoices.credit_of(SESSION, order.id, "INV-2026-00007", day(3))
    invoices.credit_of(SESSION, order.id, invoice.number, day(3))
    assert payments.open_balance(shop.customer, "receivable") == 0
    with pytest.raises(Refused, match="cannot be credited"):
        invoices.credit(SESSION, invoice.id, day(3))
    assert invoices.post(SESSION, order.id, day(4)).net == invoice.net


def test_the_database_itself_refuses_more_than_was_delivered(shop: Shop) -> None:
    receive(shop.bolt, 2, day(1))
    order = ordered(shop, (shop.bolt, 2))
    delivery = deliveries.post(SESSION, order.id, day(2))
    line = DeliveryLine.get(DeliveryLine.delivery == delivery)
    invoice = invoices.post(SESSION, order.id, day(2))
    for statement in (
        f"INSERT INTO sales_billing VALUES (99, {invoice.id}, 0, {line.id}, 1, NULL)",
        f"UPDATE sales_progress SET cancelled = 1 WHERE line_id = {line.order_line_id}",
        f"UPDATE sales_order_line SET price = 1 WHERE id = {line.order_line_id}",
        f"DELETE FROM sales_delivery WHERE id = {delivery.id}",
    ):
        with pytest.raises(peewee.IntegrityError), database.atomic():
            database.execute_sql(statement)
    assert Delivered.get_by_id(line.id).invoiced == 2


def test_one_invoice_for_several_orders_until_a_day(shop: Shop) -> None:
    receive(shop.bolt, 10, day(1))
    found = [ordered(shop, (shop.bolt, 2)) for _ in range(3)]
    for number, order in enumerate(found, 2):
        deliveries.post(SESSION, order.id, day(number))
    deliveries.post(SESSION, ordered(shop, (shop.bolt, 1), is_gross=False).id, day(2))
    invoice = invoices.post(SESSION, found[2].id, day(31), until=day(3), all_orders=True)
    assert invoice.net + invoice.tax == 4000
    with pytest.raises(Refused, match="lies before the delivery"):
        invoices.post(SESSION, found[2].id, day(1))
    assert reports.balance_of("5001", day(31)) == -invoice.net
