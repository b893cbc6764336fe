"""Sales, by examples of a shop's day; random histories are in test_invariants.py."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass

import peewee
import pytest

from bizlite.core import registry
from bizlite.core.database import database, write
from bizlite.core.errors import Forbidden, Missing, Refused, Stale
from bizlite.core.session import Session
from bizlite.finance import invoices as ledger_invoices
from bizlite.finance import parties, payments, reports
from bizlite.finance.models import Invoice, Party
from bizlite.sales import (
    contacts,
    credit,
    deliveries,
    invoices,
    lines,
    opportunities,
    orders,
    prices,
    promise,
    quotations,
    returns,
)  # fmt: skip
from bizlite.sales.models import (
    Delivered,
    Delivery,
    DeliveryLine,
    Opportunity,
    Order,
    OrderLine,
    Progress,
    QuotationLine,
)
from bizlite.stock import costing, items, planning, reservations, transfers
from bizlite.stock.models import Plan
from tests.bizlite import invariants
from tests.bizlite.conftest import Fresh, leave
from tests.bizlite.world import World, clock

SESSION = World.session_of()
YUAN = 1_000_000
STORE, SUPPLIER = 1, 2


@dataclass
class Shop:
    customer: int
    bolt: int
    nut: int


@pytest.fixture
def shop(fresh: Fresh) -> Iterator[Shop]:
    registry.open_company(fresh())
    customer = parties.add(SESSION, "C", "customer", is_customer=True)
    yield Shop(customer.id, items.add_item(SESSION, "BOLT", "bolt").id, items.add_item(SESSION, "NUT", "nut").id)
    invariants.hold()


def day(number: int, month: int = 5) -> datetime.date:
    return datetime.date(2026, month, number)


def receive(item: int, quantity: int, date: datetime.date, value: int = 1000, lot: int = 0) -> None:
    line = transfers.Line(item=item, quantity=quantity, source=SUPPLIER, target=STORE, value=value, lot=lot)
    transfers.post(SESSION, "receipt", date, [line])


def ordered(shop: Shop, *wanted: tuple[int, int], price: int = 10 * YUAN, **more: object) -> Order:
    asked = [lines.Wanted(item=item, quantity=quantity, price=price) for item, quantity in wanted]
    return orders.confirm(SESSION, orders.draft(SESSION, shop.customer, day(1), asked, **more).id)


def line_of(order: Order, position: int = 0) -> OrderLine:
    return OrderLine.get((OrderLine.order == order) & (OrderLine.position == position))


def progress(order: Order, position: int = 0) -> Progress:
    return Progress.get_by_id(line_of(order, position).id)


def planned(item: int) -> list[tuple[datetime.date, int]]:
    return [(row.date, row.quantity) for row in Plan.select().where(Plan.item == item).order_by(Plan.date, Plan.id)]


# --- from stock to a paid invoice
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


# --- the day
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


# --- returns and credit notes
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


# --- money
def test_the_credit_limit_counts_invoices_and_what_is_ordered(shop: Shop) -> None:
    Party.update(credit_limit=10000).where(Party.id == shop.customer).execute()
    receive(shop.bolt, 10, day(1))
    order = ordered(shop, (shop.bolt, 6))
    deliveries.post(SESSION, order.id, day(2), [deliveries.Pick(line=line_of(order).id, quantity=2)])
    assert credit.used(shop.customer) == 6000
    invoices.post(SESSION, order.id, day(2))
    assert credit.used(shop.customer) == 6000
    wanted = [lines.Wanted(item=shop.bolt, quantity=5, price=10 * YUAN)]
    draft = orders.draft(SESSION, shop.customer, day(3), wanted)
    with pytest.raises(Refused, match=r"60\.00 is used, this is 50\.00") as caught:
        orders.confirm(SESSION, draft.id)
    assert "with a reason" in caught.value.problems[0].remedy
    clerk = Session(user="clerk", rights=frozenset({"sales.order.post"}), now=clock)
    with pytest.raises(Forbidden):
        orders.confirm_over(clerk, draft.id, "an old friend")
    with pytest.raises(Refused, match="is missing"):
        orders.confirm_over(SESSION, draft.id, " ")
    assert orders.confirm_over(SESSION, draft.id, "an old friend").credit_reason == "an old friend"
    payments.post(SESSION, "in", shop.customer, day(4), 2000)
    assert credit.used(shop.customer) == 9000


def test_prices_of_the_group_go_before_those_for_everybody(shop: Shop) -> None:
    group = contacts.add_group(SESSION, "D", "dealers", discount=1000)
    prices.add(SESSION, shop.bolt, day(1), 10 * YUAN)
    prices.add(SESSION, shop.bolt, day(1), 8 * YUAN, least=100)
    prices.add(SESSION, shop.bolt, day(10), 11 * YUAN)
    prices.add(SESSION, shop.nut, day(1), 5 * YUAN, last=day(9), rate=900)
    found = prices.find(shop.customer, shop.bolt, 99, day(5))
    assert (found.price, found.discount) == (10 * YUAN, 0)
    contacts.join(SESSION, group.id, shop.customer)
    found = prices.find(shop.customer, shop.bolt, 100, day(5))
    assert (found.price, found.discount) == (8 * YUAN, 1000)
    assert prices.find(shop.customer, shop.bolt, 1, day(10)).price == 11 * YUAN
    prices.add(SESSION, shop.bolt, day(1), 7 * YUAN, group=group.id, least=50)
    found = prices.find(shop.customer, shop.bolt, 100, day(5))
    assert (found.price, found.discount) == (7 * YUAN, 0)
    assert prices.find(shop.customer, shop.nut, 1, day(10)) is None
    order = orders.draft(SESSION, shop.customer, day(5), [lines.Wanted(item=shop.bolt, quantity=10)])
    assert (order.net + order.tax, line_of(order).discount) == (9000, 1000)
    net = orders.draft(SESSION, shop.customer, day(5), [lines.Wanted(item=shop.nut, quantity=1)], is_gross=False)
    assert (net.net, net.tax, line_of(net).rate) == (413, 37, 900)
    contacts.leave(SESSION, group.id, shop.customer)
    assert prices.find(shop.customer, shop.bolt, 100, day(5)).price == 8 * YUAN
    with pytest.raises(Refused, match="NUT has no price"):
        orders.draft(SESSION, shop.customer, day(11), [lines.Wanted(item=shop.nut, quantity=1)])


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


# --- before the order
def test_an_opportunity_is_won_or_lost_with_a_reason(shop: Shop) -> None:
    contact = contacts.add(SESSION, shop.customer, "王芳", phone="+86 138 0000 0000", email="w@example.com")
    row = opportunities.add(SESSION, shop.customer, day(1), "new line", amount=500_000, contact=contact.id)
    opportunities.move(SESSION, row.id, "offered", version=row.version)
    with pytest.raises(Refused, match="does not fit the stage"):
        opportunities.move(SESSION, row.id, "lost")
    with pytest.raises(Refused, match="cannot follow offered"):
        opportunities.move(SESSION, row.id, "new")
    with pytest.raises(Stale):
        opportunities.move(SESSION, row.id, "won", version=1)
    closed = opportunities.move(SESSION, row.id, "lost", lost_reason="too dear")
    assert closed.number == "OP-2026-00001"
    with pytest.raises(Refused, match="is closed"):
        opportunities.move(SESSION, row.id, "won")
    assert Opportunity.get_by_id(row.id).lost_reason == "too dear"


def test_only_the_last_version_of_a_quotation_that_is_valid_becomes_one_order(shop: Shop) -> None:
    wanted = [lines.Wanted(item=shop.bolt, quantity=5, price=3 * YUAN, discount=500)]
    offer = quotations.draft(SESSION, shop.customer, day(1), day(10), wanted)
    with pytest.raises(Refused, match="not sent"):
        quotations.order(SESSION, offer.id, day(2))
    changed = quotations.change(
        SESSION, offer.id, offer.version, party=shop.customer, date=day(1), valid_until=day(9), lines=wanted * 2
    )
    quotations.send(SESSION, offer.id, version=changed.version)
    with pytest.raises(Refused, match="is sent"):
        quotations.send(SESSION, offer.id)
    second = quotations.revise(SESSION, offer.id, day(3), day(12))
    assert (second.revision, second.net, second.first_id) == (2, changed.net, offer.id)
    quotations.send(SESSION, second.id)
    with pytest.raises(Refused, match="later version"):
        quotations.order(SESSION, offer.id, day(4))
    with pytest.raises(Refused, match="no longer valid"):
        quotations.order(SESSION, second.id, day(13))
    assert {line.text for line in QuotationLine.select()} == {"BOLT bolt"}
    order = quotations.order(SESSION, second.id, day(4), their_number="PO 7")
    assert (order.net, order.tax, order.quotation_id) == (second.net, second.tax, second.id)
    with pytest.raises(Refused, match="is ordered already"):
        quotations.order(SESSION, second.id, day(4))


# --- wrong input changes nothing
WRONG: list[tuple[str, dict[str, object]]] = [
    ("party", {"party": 99}),
    ("date", {"date": "2026-05-01"}),
    ("wanted", {"wanted": day(1, 4)}),
    ("contact", {"contact": 5}),
    ("their_number", {"their_number": "x" * 101}),
    ("lines", {"lines": []}),
    ("lines.0.item", {"lines": [lines.Wanted(item=77, quantity=1, price=1)]}),
    ("lines.0.quantity", {"lines": [lines.Wanted(item=1, quantity=0, price=1)]}),
    ("lines.0.quantity", {"lines": [lines.Wanted(item=1, quantity=1.5, price=1)]}),  # type: ignore[arg-type]
    ("lines.0.price", {"lines": [lines.Wanted(item=1, quantity=1)]}),
    ("lines.0.price", {"lines": [lines.Wanted(item=1, quantity=1, price=-1)]}),
    ("lines.0.price", {"lines": [lines.Wanted(item=1, quantity=10**9, price=10**15)]}),
    ("lines.0.discount", {"lines": [lines.Wanted(item=1, quantity=1, price=1, discount=10001)]}),
    ("lines.0.rate", {"lines": [lines.Wanted(item=1, quantity=1, price=1, rate=-1)]}),
    ("lines.1.item", {"lines": [lines.Wanted(item=1, quantity=1, price=1), lines.Wanted(item=0, quantity=1)]}),
]


def test_wrong_input_of_an_order_names_the_field(shop: Shop) -> None:
    values = {"party": shop.customer, "date": day(1), "lines": [lines.Wanted(item=shop.bolt, quantity=1, price=1)]}
    for field, change in WRONG:
        with pytest.raises(Refused) as caught:
            orders.draft(SESSION, **{**values, **change})
        assert caught.value.problems[0].field == field
        assert caught.value.problems[0].remedy
    assert not Order.select().count()
    assert not OrderLine.select().count()


def test_wrong_input_of_papers_names_the_field(shop: Shop) -> None:
    receive(shop.bolt, 5, day(1))
    order = ordered(shop, (shop.bolt, 5))
    line = line_of(order).id
    draft = orders.draft(SESSION, shop.customer, day(1), [lines.Wanted(item=shop.bolt, quantity=1, price=1)])
    other = line_of(draft).id
    delivery = deliveries.post(SESSION, order.id, day(2), [deliveries.Pick(line=line, quantity=2)])
    sent = DeliveryLine.get(DeliveryLine.delivery == delivery).id
    before = invariants.snapshot()

    def deliver(**pick: int) -> Delivery:
        return deliveries.post(SESSION, order.id, day(2), [deliveries.Pick(**pick)])

    for field, call in (
        ("lines.0.quantity", lambda: deliver(line=line, quantity=4)),
        ("lines.0.quantity", lambda: deliver(line=line, quantity=-1)),
        ("lines.0.line", lambda: deliver(line=other, quantity=1)),
        ("lines.0.location", lambda: deliver(line=line, quantity=1, lot=0, location=77)),
        ("lines", lambda: deliveries.post(SESSION, order.id, day(2), [])),
        ("date", lambda: deliveries.post(SESSION, order.id, day(30, 4))),
        ("order", lambda: deliveries.post(SESSION, draft.id, day(2))),
        ("order", lambda: orders.confirm(SESSION, order.id)),
        ("order", lambda: orders.confirm(SESSION, 99)),
        ("reason", lambda: orders.cancel(SESSION, order.id, " ")),
        ("lines.0.quantity", lambda: orders.cancel(SESSION, order.id, "x", lines=[(line, 4)])),
        ("lines.0.line", lambda: orders.cancel(SESSION, order.id, "x", lines=[(other, 1)])),
        ("date", lambda: returns.post(SESSION, delivery.id, day(1), [returns.Back(line=sent, quantity=1)])),
        ("lines.0.quantity", lambda: returns.post(SESSION, delivery.id, day(3), [returns.Back(line=sent, quantity=3)])),
        ("lines.1.line", lambda: returns.post(SESSION, delivery.id, day(3), [returns.Back(line=sent, quantity=1)] * 2)),
        ("lines.0.line", lambda: returns.post(SESSION, delivery.id, day(3), [returns.Back(line=77, quantity=1)])),
        ("email", lambda: contacts.add(SESSION, shop.customer, "x", email="nobody")),
        ("phone", lambda: contacts.add(SESSION, shop.customer, "x", phone="call me")),
        ("last", lambda: prices.add(SESSION, shop.bolt, day(2), 1, last=day(1))),
        ("valid_until", lambda: quotations.draft(SESSION, shop.customer, day(2), day(1), [])),
    ):  # fmt: skip
        with pytest.raises(Refused) as caught:
            call()
        assert caught.value.problems[0].field == field
        assert caught.value.problems[0].remedy
    assert invariants.snapshot() == before


def test_a_draft_that_somebody_changed_is_not_written_over(shop: Shop) -> None:
    wanted = [lines.Wanted(item=shop.bolt, quantity=1, price=YUAN)]
    draft = orders.draft(SESSION, shop.customer, day(1), wanted)
    values = {"party": shop.customer, "date": day(1), "lines": wanted}
    changed = orders.change(SESSION, draft.id, 1, **values, text="mine")
    with pytest.raises(Stale):
        orders.change(SESSION, draft.id, 1, **values, text="yours")
    with pytest.raises(Stale):
        orders.confirm(SESSION, draft.id, version=1)
    assert Order.get_by_id(draft.id).text == changed.text == "mine"
    with pytest.raises(Missing):
        orders.change(SESSION, 99, 1, **values)


@pytest.fixture(autouse=True)
def _left() -> Iterator[None]:
    yield
    leave()
