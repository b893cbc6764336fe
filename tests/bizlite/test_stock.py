"""Moving average and moves, by examples a storekeeper would give; random histories are in test_invariants.py."""

from __future__ import annotations

import datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bizlite.core import registry
from bizlite.core.database import write
from bizlite.core.errors import Refused
from bizlite.finance import periods, reports
from bizlite.finance.models import Entry, Line
from bizlite.stock import costing, counting, items, planning, reservations, transfers, valuation
from bizlite.stock.models import Item, Move
from tests.bizlite import invariants
from tests.bizlite.conftest import Fresh, leave
from tests.bizlite.world import World

SESSION = World.session_of()
STORE, SUPPLIER, CUSTOMER = 1, 2, 3


@pytest.fixture
def item(sqlite: Fresh) -> int:
    registry.open_company(sqlite())
    yield items.add_item(SESSION, "A", "bolt").id
    invariants.hold()
    leave()


def day(number: int, month: int = 1) -> datetime.date:
    return datetime.date(2026, month, number)


def receive(item: int, quantity: int, value: int, date: datetime.date) -> Move:
    line = transfers.Line(item=item, quantity=quantity, source=SUPPLIER, target=STORE, value=value)
    return Move.get(Move.transfer == transfers.post(SESSION, "receipt", date, [line]))


def deliver(item: int, quantity: int, date: datetime.date, **more: object) -> Move:
    line = transfers.Line(item=item, quantity=quantity, source=STORE, target=CUSTOMER, **more)
    return Move.get(Move.transfer == transfers.post(SESSION, "delivery", date, [line]))


def cost_of_sales(date: datetime.date) -> int:
    return reports.balance_of("5401", date)


@given(moves=st.lists(st.tuples(st.booleans(), st.integers(1, 50), st.integers(0, 10_000)), min_size=1, max_size=40))
def test_the_average_is_the_fraction_and_an_issue_is_at_most_half_a_cent_off(
    moves: list[tuple[bool, int, int]],
) -> None:
    state = valuation.State()
    for is_receipt, quantity, value in moves:
        if is_receipt or quantity > state.quantity:
            state = valuation.put(state, quantity, value).state
            continue
        average = Fraction(state.value, state.quantity)
        step = valuation.take(state, quantity)
        assert abs(-step.change - average * quantity) <= Fraction(1, 2)
        assert step.variance == 0
        state = step.state
        assert state.quantity or not state.value


def test_a_back_dated_receipt_changes_what_was_sold_behind_it(item: int) -> None:
    receive(item, 10, 1000, day(1))
    deliver(item, 5, day(10))
    deliver(item, 2, day(20))
    assert (cost_of_sales(day(10)), cost_of_sales(day(20))) == (500, 700)
    receive(item, 10, 2000, day(5))
    assert (cost_of_sales(day(9)), cost_of_sales(day(10)), cost_of_sales(day(20))) == (0, 750, 1050)
    corrections = Entry.select().where(Entry.journal == "stock").order_by(Entry.id.desc()).limit(3)
    assert sorted(entry.date for entry in corrections) == [day(5), day(10), day(20)]


def test_what_a_later_day_needs_cannot_be_taken_earlier(item: int) -> None:
    receive(item, 5, 500, day(10))
    deliver(item, 5, day(12))
    receive(item, 5, 500, day(20))
    with pytest.raises(Refused, match="negative on 2026-01-15"):
        deliver(item, 1, day(15))
    with pytest.raises(Refused, match="free"):
        deliver(item, 6, day(25))


def test_a_storno_of_a_closed_month_goes_to_the_first_open_day(item: int) -> None:
    first = receive(item, 10, 1000, day(1))
    receive(item, 10, 2000, day(2))
    periods.close(SESSION, 202601)
    with pytest.raises(Refused, match="closed"):
        deliver(item, 1, day(3))
    paper = transfers.storno(SESSION, first.transfer_id)
    assert paper.date == day(1, 2)
    assert costing.state_at(item, day(31)).value == 3000
    assert costing.state_at(item, day(1, 2)) == valuation.State(10, 2000, 2000, 10)
    with pytest.raises(Refused, match="reversed already"):
        transfers.storno(SESSION, first.transfer_id)


def test_a_return_comes_back_at_what_it_cost(item: int) -> None:
    receive(item, 2, 200, day(1))
    sold = deliver(item, 2, day(2))
    receive(item, 2, 600, day(3))
    back = transfers.Line(item=item, quantity=1, source=CUSTOMER, target=STORE, origin=sold.id)
    transfers.post(SESSION, "return", day(4), [back])
    assert costing.state_at(item, day(4)).value == 700
    with pytest.raises(Refused, match="more than can be returned"):
        transfers.post(SESSION, "return", day(4), [back, back])


def test_negative_stock_is_filled_at_its_own_cost_and_the_rest_is_variance(item: int) -> None:
    items.change_item(SESSION, item, may_be_negative=True)
    receive(item, 1, 100, day(1))
    deliver(item, 3, day(2))
    assert costing.state_at(item, day(2)).value == -200
    receive(item, 2, 500, day(3))
    assert costing.state_at(item, day(3)) == valuation.State(0, 0, 100, 1)
    assert cost_of_sales(day(3)) == 600
    assert reports.balance_of("220202", day(3)) == -600


def test_later_costs_reach_what_was_issued_since(item: int) -> None:
    move = receive(item, 10, 1000, day(1))
    deliver(item, 5, day(2))
    before = cost_of_sales(day(2))
    with write():
        transfers.revalue(SESSION, move, 100)
    assert cost_of_sales(day(2)) - before == 50
    transfers.storno(SESSION, deliver(item, 1, day(3)).transfer_id)
    assert costing.state_at(item, day(3)).value == 550


def test_reservations_hold_back_and_are_used_by_their_own_document(item: int) -> None:
    receive(item, 5, 500, day(1))
    key = ("work_order", 1, 1)
    assert reservations.reserve(SESSION, key, item, 9, STORE) == 5
    with pytest.raises(Refused, match="only 0 of A are free"):
        deliver(item, 1, day(2))
    deliver(item, 2, day(2), reserved=key)
    assert reservations.held(key) == 3
    assert reservations.release(SESSION, key) == 3
    assert reservations.free(item, 0, STORE) == 3


def test_a_count_says_what_is_there(item: int) -> None:
    receive(item, 5, 500, day(1))
    counting.post(SESSION, day(2), [counting.Counted(item=item, location=STORE, quantity=3)])
    assert costing.state_at(item, day(2)).value == 300
    assert reports.balance_of("1901", day(2)) == 200
    with pytest.raises(Refused, match="moved after"):
        counting.post(SESSION, day(1), [counting.Counted(item=item, location=STORE, quantity=9)])


def test_units_convert_exactly_or_not_at_all(item: int) -> None:
    found = Item.get_by_id(item)
    items.set_conversion(SESSION, item, "box", 12)
    assert items.to_item_unit(found, 3, "box") == 36
    items.set_conversion(SESSION, item, "kg", 1, 250)
    assert items.to_item_unit(found, 1000, "kg") == 4
    with pytest.raises(Refused, match="whole number"):
        items.to_item_unit(found, 1001, "kg")


def test_what_to_order_and_when_it_is_there(item: int) -> None:
    receive(item, 10, 1000, day(1))
    planning.set_reorder(SESSION, item, 5, 20, multiple=6, lead_days=14)
    with write():
        planning.plan(SESSION, "work_order", 1, [planning.Planned(line=1, item=item, date=day(8), quantity=-7)])
        planning.plan(SESSION, "work_order", 2, [planning.Planned(line=1, item=item, date=day(20), quantity=30)])
    (suggestion,) = planning.suggestions(day(2))
    assert (suggestion.quantity, suggestion.short_on) == (18, day(8))
    assert planning.available_from(item, 3, day(2), day(31)) == day(2)
    assert planning.available_from(item, 8, day(2), day(31)) == day(20)


def test_the_refusal_names_the_line(item: int) -> None:
    good = transfers.Line(item=item, quantity=1, source=SUPPLIER, target=STORE, value=1)
    bad = transfers.Line(item=item, quantity=0, source=SUPPLIER, target=STORE, value=1)
    with pytest.raises(Refused) as caught:
        transfers.post(SESSION, "receipt", day(1), [good, bad])
    assert caught.value.problems[0].field == "lines.1.quantity"
    assert not Move.select().count()
    assert not Line.select().count()


def test_lines_of_one_paper_see_what_those_before_them_move(item: int) -> None:
    came = transfers.Line(item=item, quantity=5, source=SUPPLIER, target=STORE, value=500)
    goes = transfers.Line(item=item, quantity=3, source=STORE, target=CUSTOMER)
    with pytest.raises(Refused) as caught:
        transfers.post(SESSION, "x", day(1), [came, goes, goes])
    assert caught.value.problems[0].field == "lines.2.quantity"
    assert caught.value.problems[0].params["free"] == "2"
    assert not Move.select().count()
    transfers.post(SESSION, "x", day(1), [came, goes])
    assert planning.on_hand(item) == 2


def test_lines_of_one_paper_return_no_more_than_was_delivered(item: int) -> None:
    receive(item, 10, 1000, day(1))
    sold = deliver(item, 4, day(2))
    back = transfers.Line(item=item, quantity=3, source=CUSTOMER, target=STORE, origin=sold.id)
    with pytest.raises(Refused) as caught:
        transfers.post(SESSION, "return", day(3), [back, back])
    assert (caught.value.problems[0].field, caught.value.problems[0].params) == ("lines.1.quantity", {"most": "1"})


def test_a_storno_keeps_again_what_each_line_had_reserved(item: int) -> None:
    other = items.add_item(SESSION, "B", "nut").id
    for one in (item, other):
        receive(one, 10, 1000, day(1))
        for line in (1, 2):
            reservations.reserve(SESSION, ("x", 1, line), one, 4, STORE)
    lines = [
        transfers.Line(item=one, quantity=quantity, source=STORE, target=CUSTOMER, reserved=("x", 1, line))
        for one in (item, other)
        for line, quantity in ((1, 4), (2, 3))
    ]
    paper = transfers.post(SESSION, "delivery", day(2), lines)
    assert [reservations.held(("x", 1, line)) for line in (1, 2)] == [0, 2]
    assert [reservations.free(one, 0, STORE) for one in (item, other)] == [2, 2]
    transfers.storno(SESSION, paper.id)
    assert [reservations.held(("x", 1, line)) for line in (1, 2)] == [8, 8]
    assert [reservations.free(one, 0, STORE) for one in (item, other)] == [2, 2]


def test_a_change_of_an_item_is_looked_at_as_a_new_one_is(item: int) -> None:
    for values, field in (({"account": "5001"}, "account"), ({"account": "9999"}, "account"), ({"name": " "}, "name"),
                          ({"name": "x" * 201}, "name"), ({"unit": "no"}, "unit")):  # fmt: skip
        with pytest.raises(Refused) as caught:
            items.change_item(SESSION, item, **values)
        assert [problem.field for problem in caught.value.problems] == [field]
    assert items.change_item(SESSION, item, unit="kg").unit_id == "kg"


def test_the_unit_stays_once_a_document_counts_in_it(item: int) -> None:
    planning.set_reorder(SESSION, item, 5, 10)
    with pytest.raises(Refused, match="unit: documents count the item in its unit"):
        items.change_item(SESSION, item, unit="kg")
    assert items.change_item(SESSION, item, unit="pcs", account="1403").account == "1403"
