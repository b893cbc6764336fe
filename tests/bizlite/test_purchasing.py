"""Purchasing, by examples of a shop's day; random histories are in test_invariants.py."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import peewee
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bizlite.core import registry
from bizlite.core.database import database, write
from bizlite.core.errors import Forbidden, Refused, Stale
from bizlite.core.session import Session
from bizlite.finance import parties, payments, periods, reports
from bizlite.finance.models import Invoice
from bizlite.purchasing import invoices, lines, orders, receipts, requests, returns, suggestions, suppliers
from bizlite.purchasing.models import Order, OrderLine, Progress, Receipt, ReceiptLine, Received, SupplierItem
from bizlite.reports.sources import purchasing as source
from bizlite.stock import costing, items, planning, transfers
from bizlite.stock.models import Lot, Plan
from tests.bizlite import invariants
from tests.bizlite.conftest import Fresh, leave
from tests.bizlite.world import World, clock

SESSION = World.session_of()
YUAN = 1_000_000
STORE, CUSTOMER = 1, 3


@dataclass
class Shop:
    supplier: int
    other: int
    bolt: int
    nut: int


@pytest.fixture
def shop(fresh: Fresh) -> Iterator[Shop]:
    registry.open_company(fresh())
    found = [parties.add(SESSION, code, f"supplier {code}", is_supplier=True).id for code in ("S", "T")]
    yield Shop(*found, items.add_item(SESSION, "BOLT", "bolt").id, items.add_item(SESSION, "NUT", "nut").id)
    invariants.hold()


@pytest.fixture(autouse=True)
def _left() -> Iterator[None]:
    yield
    leave()


def day(number: int, month: int = 5) -> datetime.date:
    return datetime.date(2026, month, number)


def ordered(shop: Shop, quantity: int, price: int = 113 * YUAN // 100, **more: object) -> Order:
    wanted = lines.Wanted(item=shop.bolt, quantity=quantity, price=price, **more)
    return orders.send(SESSION, orders.draft(SESSION, shop.supplier, day(1), [wanted]).id)


def line_of(order: Order) -> int:
    return int(OrderLine.get(OrderLine.order == order).id)


def progress(order: Order) -> Progress:
    return Progress.get_by_id(line_of(order))


def waiting(date: datetime.date) -> int:
    """What 220202 holds for goods that are here and on no invoice."""
    return -reports.balance_of("220202", date)


def in_stock(shop: Shop, date: datetime.date) -> tuple[int, int]:
    state = costing.state_at(shop.bolt, date)
    return state.quantity, state.value


# --- order, receipt, invoice
def test_an_order_is_received_in_parts_up_to_its_tolerance_and_invoiced(shop: Shop) -> None:
    order = ordered(shop, 100, tolerance=500)
    assert (order.number, order.net, order.tax) == ("PO-2026-00001", 10000, 1300)
    assert [(row.date, row.quantity) for row in Plan.select()] == [(day(1), 100)]
    receipts.post(SESSION, order.id, day(2), [receipts.Got(line=line_of(order), quantity=60)], their_number="DN 1")
    assert [row.quantity for row in Plan.select()] == [40]
    assert (in_stock(shop, day(2)), waiting(day(2))) == ((60, 6000), 6000)
    with pytest.raises(Refused, match="more than is ordered with its tolerance") as caught:
        receipts.post(SESSION, order.id, day(3), [receipts.Got(line=line_of(order), quantity=46)])
    assert caught.value.problems[0].params["most"] == "45"
    receipts.post(SESSION, order.id, day(3), [receipts.Got(line=line_of(order), quantity=45)])
    assert (progress(order).open, progress(order).room) == (0, 0)
    assert not Plan.select().count()
    invoice = invoices.post(SESSION, order.id, day(4), "FP 1")
    assert (invoice.net, invoice.tax, waiting(day(4))) == (10500, 1365, 0)
    assert payments.open_balance(shop.supplier, "payable") == 11865
    with pytest.raises(Refused, match="nothing is to be invoiced"):
        invoices.post(SESSION, order.id, day(4), "FP 2")


def test_the_forecast_knows_what_came_and_is_on_no_invoice(shop: Shop) -> None:
    order = ordered(shop, 10)
    expected = [flow.amount for flow in source.flows(day(2))]
    assert expected == [-1130]
    receipts.post(SESSION, order.id, day(2))
    assert [flow.amount for flow in source.flows(day(2))] == expected
    invoices.post(SESSION, order.id, day(2), "FP 1")
    assert not list(source.flows(day(2)))  # it is among the invoices that are open


def test_another_price_on_the_invoice_reaches_stock_and_what_was_sold_since(shop: Shop) -> None:
    order = ordered(shop, 100)
    receipts.post(SESSION, order.id, day(2), [receipts.Got(line=line_of(order), quantity=40)])
    receipts.post(SESSION, order.id, day(3), [receipts.Got(line=line_of(order), quantity=60)])
    sold = transfers.Line(item=shop.bolt, quantity=50, source=STORE, target=CUSTOMER)
    transfers.post(SESSION, "delivery", day(4), [sold])
    match = invoices.Match(line=line_of(order), quantity=70, price=226 * YUAN // 100)
    invoice = invoices.post(SESSION, order.id, day(5), "FP 1", [match])
    assert (invoice.net, waiting(day(5))) == (14000, 3000)
    assert in_stock(shop, day(3)) == (100, 17000)
    assert reports.balance_of("5401", day(4)) == 8500
    note = invoices.credit(SESSION, invoice.id, day(6))
    assert (note.net, waiting(day(6))) == (14000, 10000)
    assert in_stock(shop, day(3)) == (100, 10000)
    invoices.post(SESSION, order.id, day(6), "FP 1")
    assert waiting(day(6)) == 0


def test_a_closed_month_gets_the_difference_on_the_first_open_day(shop: Shop) -> None:
    order = ordered(shop, 10)
    receipts.post(SESSION, order.id, day(2))
    periods.close(SESSION, 202605)
    match = invoices.Match(line=line_of(order), quantity=10, price=2 * 113 * YUAN // 100)
    invoices.post(SESSION, order.id, day(3, 6), "FP 1", [match])
    assert (in_stock(shop, day(31)), in_stock(shop, day(1, 6))) == ((10, 1000), (10, 2000))
    assert waiting(day(3, 6)) == 0


def test_thirds_of_a_cent_leave_nothing_behind(shop: Shop) -> None:
    order = ordered(shop, 3, price=113 * YUAN // 300)
    for number in (2, 3, 4):
        receipts.post(SESSION, order.id, day(number), [receipts.Got(line=line_of(order), quantity=1)])
    found = list(ReceiptLine.select().order_by(ReceiptLine.id))
    assert sum(line.value for line in found) == order.net == 100
    invoices.post(SESSION, order.id, day(5), "FP 1", [invoices.Match(line=line_of(order), quantity=2)])
    returns.post(SESSION, found[0].receipt_id, day(6), [returns.Back(line=found[0].id, quantity=1)])
    returns.post(SESSION, found[2].receipt_id, day(6), [returns.Back(line=found[2].id, quantity=1)])
    assert waiting(day(6)) == 0
    returns.post(SESSION, found[1].receipt_id, day(7), [returns.Back(line=found[1].id, quantity=1)])
    assert (waiting(day(7)), in_stock(shop, day(7))) == (0, (0, 0))
    assert payments.open_balance(shop.supplier, "payable") == 0


def test_a_part_that_goes_back_takes_the_rest_of_its_rounding(shop: Shop) -> None:
    order = ordered(shop, 3, price=113 * YUAN // 300)
    receipt = receipts.post(SESSION, order.id, day(2))
    line = ReceiptLine.get(ReceiptLine.receipt == receipt).id
    back = [returns.Back(line=line, quantity=1)]
    for number in (3, 4):
        returns.post(SESSION, receipt.id, day(number), back)
    before = invariants.snapshot()
    last = returns.post(SESSION, receipt.id, day(5), back)
    assert (waiting(day(5)), in_stock(shop, day(5))) == (0, (0, 0))
    returns.storno(SESSION, last.id)
    assert invariants.snapshot() == before
    assert Received.get_by_id(line).uninvoiced_value == 34


def test_a_receipt_and_its_storno_leave_everything_as_it_was(shop: Shop) -> None:
    order = ordered(shop, 10)
    before, planned = invariants.snapshot(), [row.quantity for row in Plan.select()]
    receipt = receipts.post(SESSION, order.id, day(2))
    receipts.storno(SESSION, receipt.id)
    assert (invariants.snapshot(), [row.quantity for row in Plan.select()]) == (before, planned)
    with pytest.raises(Refused, match="does not stand"):
        receipts.storno(SESSION, receipt.id)
    again = receipts.post(SESSION, order.id, day(2))
    invoices.post(SESSION, order.id, day(2), "FP")
    with pytest.raises(Refused, match="invoiced or returned"):
        receipts.storno(SESSION, again.id)


def test_a_double_click_posts_once(shop: Shop) -> None:
    order = ordered(shop, 10)
    got = [receipts.Got(line=line_of(order), quantity=2)]
    assert len({receipts.post(SESSION, order.id, day(2), got, key="a").id for _ in range(2)}) == 1
    assert len({invoices.post(SESSION, order.id, day(2), "FP", key="b").id for _ in range(2)}) == 1
    assert (Receipt.select().count(), Invoice.select().count(), progress(order).received) == (1, 1, 2)


def test_lots_are_made_from_what_stands_on_the_goods(shop: Shop) -> None:
    milk = items.add_item(SESSION, "MILK", "milk", has_lots=True).id
    wanted = [lines.Wanted(item=milk, quantity=4, price=YUAN)]
    order = orders.send(SESSION, orders.draft(SESSION, shop.supplier, day(1), wanted).id)
    with pytest.raises(Refused, match="MILK has lots"):
        receipts.post(SESSION, order.id, day(2))
    for _ in range(2):
        got = receipts.Got(line=line_of(order), quantity=2, lot_code="A7", expires=day(30))
        receipts.post(SESSION, order.id, day(2), [got])
    assert [(lot.code, lot.expires) for lot in Lot.select()] == [("A7", day(30))]


def test_what_is_cancelled_is_not_expected_and_not_taken(shop: Shop) -> None:
    order = ordered(shop, 10)
    receipts.post(SESSION, order.id, day(2), [receipts.Got(line=line_of(order), quantity=4)])
    orders.cancel(SESSION, order.id, "too late")
    assert not Plan.select().count()
    with pytest.raises(Refused, match="tolerance"):
        receipts.post(SESSION, order.id, day(3), [receipts.Got(line=line_of(order), quantity=1)])
    with pytest.raises(Refused, match="nothing open"):
        orders.cancel(SESSION, order.id, "again")


def test_the_database_itself_refuses_more_than_was_received(shop: Shop) -> None:
    order = ordered(shop, 10)
    receipt = receipts.post(SESSION, order.id, day(2))
    invoice = invoices.post(SESSION, order.id, day(2), "FP")
    line = ReceiptLine.get(ReceiptLine.receipt == receipt).id
    for statement in (
        f"INSERT INTO purchasing_billing VALUES (99, {invoice.id}, 0, {line}, 1, 0, 0, NULL)",
        f"UPDATE purchasing_progress SET received = 11 WHERE line_id = {line_of(order)}",
        f"UPDATE purchasing_order_line SET price = 1 WHERE id = {line_of(order)}",
        f"DELETE FROM purchasing_receipt WHERE id = {receipt.id}",
    ):
        with pytest.raises(peewee.IntegrityError), database.atomic():
            database.execute_sql(statement)


@settings(max_examples=15, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(log=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 20), st.integers(0, 20)), min_size=10, max_size=25))
def test_what_is_here_and_not_invoiced_is_what_220202_holds_to_the_cent(
    sqlite: Fresh, log: list[tuple[int, int, int]]
) -> None:
    leave()
    registry.open_company(sqlite())
    supplier = parties.add(SESSION, "S", "supplier", is_supplier=True)
    item = items.add_item(SESSION, "BOLT", "bolt")
    wanted = lines.Wanted(item=item.id, quantity=31, price=37 * YUAN // 100)
    order = orders.send(SESSION, orders.draft(SESSION, supplier.id, day(1), [wanted]).id)
    steps: list[Callable[[int, int], object]] = [
        lambda a, b: receipts.post(
            SESSION, order.id, day(2 + b), [receipts.Got(line=line_of(order), quantity=1 + a % 9)]
        ),
        lambda a, b: invoices.post(
            SESSION, order.id, day(25), f"FP {a} {b}",
            [invoices.Match(line=line_of(order), quantity=1 + a % 7, price=(30 + b) * YUAN // 100)],
        ),
        lambda a, b: back(ReceiptLine.select().order_by(ReceiptLine.id), a, 1 + b % 3),
        lambda a, b: invoices.credit(SESSION, 1 + a % 4, day(26)),
        lambda a, b: receipts.storno(SESSION, 1 + a % 6),
    ]  # fmt: skip

    def back(found: list[ReceiptLine], a: int, quantity: int) -> object:
        line = found[a % len(found)] if len(found) else None
        receipt = line.receipt_id if line else 0
        return returns.post(SESSION, receipt, day(24), [returns.Back(line=line.id if line else 0, quantity=quantity)])

    for which, a, b in log:
        with contextlib.suppress(Refused):
            steps[which](a, b)
        assert waiting(day(31)) == sum(row.uninvoiced_value for row in Received.select())
    invariants.hold()


# --- what to order
def test_suggestions_come_from_rules_and_shortages_and_one_click_drafts_the_orders(shop: Shop) -> None:
    suppliers.add(SESSION, shop.other, shop.bolt, YUAN, least=10, multiple=5, lead_days=7)
    suppliers.add(SESSION, shop.supplier, shop.bolt, 2 * YUAN)
    suppliers.add(SESSION, shop.supplier, shop.nut, YUAN, is_preferred=True)
    planning.set_reorder(SESSION, shop.nut, 5, 20)
    with write():
        wants = [planning.Planned(line=1, item=shop.bolt, date=day(9), quantity=-7)]
        planning.plan(SESSION, "work_order", 1, wants)
    found = suggestions.find(SESSION)
    assert [(one.item, one.quantity, one.short_on, one.supplier.party_id) for one in found] == [
        (shop.nut, 20, clock().date(), shop.supplier),
        (shop.bolt, 10, day(9), shop.other),
    ]
    wanted = [(one.item, one.quantity) for one in found]
    first = suggestions.order(SESSION, day(1), wanted, key="click")
    assert suggestions.order(SESSION, day(1), wanted, key="click").id == first.id
    made = list(Order.select().order_by(Order.id))
    assert [(row.party_id, row.expected, row.posted) for row in made] == [
        (shop.supplier, day(1), False), (shop.other, day(8), False),
    ]  # fmt: skip
    assert suggestions.find(SESSION) == []
    orders.send(SESSION, made[1].id)
    assert suggestions.find(SESSION) == []


def test_an_item_without_supplier_is_named(shop: Shop) -> None:
    with pytest.raises(Refused, match="NUT has no supplier") as caught:
        suggestions.order(SESSION, day(1), [(shop.nut, 5)])
    assert caught.value.problems[0].field == "lines.0.item"
    assert not Order.select().count()


def test_a_request_is_ordered_or_refused_once(shop: Shop) -> None:
    suppliers.add(SESSION, shop.supplier, shop.bolt, YUAN)
    worker = Session(user="worker", rights=frozenset({"purchasing.request.post"}), now=clock)
    needs = [requests.Need(item=item, quantity=5, needed=day(9)) for item in (shop.bolt, shop.nut)]
    request = requests.draft(worker, day(1), needs)
    with pytest.raises(Stale):
        requests.hand_in(worker, request.id, version=9)
    requests.hand_in(worker, request.id, version=1)
    one, other = requests.open_lines()
    with pytest.raises(Forbidden):
        suggestions.order_requests(worker, day(2), [one.id])
    order = suggestions.order_requests(SESSION, day(2), [one.id])
    with pytest.raises(Refused, match="is on an order"):
        suggestions.order_requests(SESSION, day(2), [one.id])
    kept = lines.Wanted(item=shop.bolt, quantity=7)
    orders.change(SESSION, order.id, order.version, party=shop.supplier, date=day(2), lines=[kept])
    assert OrderLine.get(OrderLine.order == order).request_line_id == one.id
    requests.refuse_line(SESSION, other.id, "there are some in the cellar")
    assert requests.open_lines() == []
    with pytest.raises(Refused, match="was refused"):
        requests.refuse_line(SESSION, other.id, "again")


def test_prices_lots_and_tolerance_are_the_suppliers(shop: Shop) -> None:
    row = suppliers.add(
        SESSION, shop.supplier, shop.bolt, 113 * YUAN // 100, their_number="X-7", lead_days=5, tolerance=1000
    )
    order = orders.draft(SESSION, shop.supplier, day(1), [lines.Wanted(item=shop.bolt, quantity=10)], is_gross=False)
    orders.send(SESSION, order.id)
    line = OrderLine.get(OrderLine.order == order)
    assert (order.net, order.tax, order.expected, line.tolerance) == (1000, 130, day(6), 1000)
    assert line.text == "BOLT bolt X-7"
    suppliers.add(SESSION, shop.other, shop.bolt, YUAN, is_preferred=True)
    suppliers.change(SESSION, row.id, price=2 * YUAN, is_preferred=True)
    assert suppliers.best(shop.bolt).id == row.id
    assert SupplierItem.select().where(SupplierItem.is_preferred).count() == 1
    suppliers.remove(SESSION, row.id)
    assert suppliers.best(shop.bolt).party_id == shop.other


# --- wrong input changes nothing
WRONG: list[tuple[str, dict[str, object]]] = [
    ("party", {"party": 99}),
    ("date", {"date": None}),
    ("expected", {"expected": day(1, 4)}),
    ("lines", {"lines": []}),
    ("lines.0.item", {"lines": [lines.Wanted(item=77, quantity=1, price=1)]}),
    ("lines.0.quantity", {"lines": [lines.Wanted(item=1, quantity=-5, price=1)]}),
    ("lines.0.price", {"lines": [lines.Wanted(item=1, quantity=1)]}),
    ("lines.0.price", {"lines": [lines.Wanted(item=1, quantity=1, price=-1)]}),
    ("lines.0.rate", {"lines": [lines.Wanted(item=1, quantity=1, price=1, rate=10001)]}),
    ("lines.0.tolerance", {"lines": [lines.Wanted(item=1, quantity=1, price=1, tolerance=-1)]}),
    ("lines.0.request_line", {"lines": [lines.Wanted(item=1, quantity=1, price=1, request_line=5)]}),
]


def test_wrong_input_of_an_order_names_the_field(shop: Shop) -> None:
    values = {"party": shop.supplier, "date": day(1), "lines": [lines.Wanted(item=shop.bolt, quantity=1, price=1)]}
    for field, change in WRONG:
        with pytest.raises(Refused) as caught:
            orders.draft(SESSION, **{**values, **change})
        assert caught.value.problems[0].field == field
        assert caught.value.problems[0].remedy
    assert not Order.select().count()


def test_wrong_input_of_papers_names_the_field(shop: Shop) -> None:
    order = ordered(shop, 10)
    line = line_of(order)
    draft = orders.draft(SESSION, shop.supplier, day(1), [lines.Wanted(item=shop.bolt, quantity=1, price=1)])
    receipt = receipts.post(SESSION, order.id, day(2), [receipts.Got(line=line, quantity=4)])
    there = ReceiptLine.get(ReceiptLine.receipt == receipt).id
    invoices.post(SESSION, order.id, day(2), "FP 1", [invoices.Match(line=line, quantity=1)])
    before = invariants.snapshot()

    def receive(number: int = 3, month: int = 5, **got: object) -> Receipt:
        return receipts.post(
            SESSION, order.id, day(number, month), [receipts.Got(**{"line": line, "quantity": 1, **got})]
        )

    def match(number: str = "FP 2", **asked: object) -> Invoice:
        return invoices.post(
            SESSION, order.id, day(3), number, [invoices.Match(**{"line": line, "quantity": 1, **asked})]
        )

    for field, call in (
        ("lines.0.quantity", lambda: receive(quantity=0)),
        ("lines.0.quantity", lambda: receive(quantity=7)),
        ("lines.0.line", lambda: receive(line=line_of(draft))),
        ("lines.0.location", lambda: receive(location=77)),
        ("lines.0.location", lambda: receive(location=CUSTOMER)),
        ("lines.0.lot_code", lambda: receive(lot_code="A")),
        ("date", lambda: receive(1, 4)),
        ("lines", lambda: receipts.post(SESSION, order.id, day(3), [])),
        ("order", lambda: receipts.post(SESSION, draft.id, day(3))),
        ("lines.0.quantity", lambda: match(quantity=4)),
        ("lines.0.price", lambda: match(price=-1)),
        ("lines.0.line", lambda: match(line=99)),
        ("their_number", lambda: match(" ")),
        ("their_number", lambda: match("FP 1")),
        ("date", lambda: invoices.post(SESSION, order.id, day(1), "FP 2")),
        ("lines.0.quantity", lambda: returns.post(SESSION, receipt.id, day(3), [returns.Back(line=there, quantity=5)])),
        ("lines.1.line", lambda: returns.post(SESSION, receipt.id, day(3), [returns.Back(line=there, quantity=1)] * 2)),
        ("date", lambda: returns.post(SESSION, receipt.id, day(1), [returns.Back(line=there, quantity=1)])),
        ("reason", lambda: orders.cancel(SESSION, order.id, "")),
        ("lines.0.quantity", lambda: orders.cancel(SESSION, order.id, "x", lines=[(line, 7)])),
        ("order", lambda: orders.send(SESSION, order.id)),
        ("item", lambda: suppliers.add(SESSION, shop.supplier, 77, 1)),
        ("least", lambda: suppliers.add(SESSION, shop.supplier, shop.bolt, 1, least=0)),
        ("lines.0.needed", lambda: requests.draft(
            SESSION, day(2), [requests.Need(item=shop.bolt, quantity=1, needed=day(1))])),
    ):  # fmt: skip
        with pytest.raises(Refused) as caught:
            call()
        assert caught.value.problems[0].field == field
        assert caught.value.problems[0].remedy
    assert invariants.snapshot() == before
