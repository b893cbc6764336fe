"""Work orders by examples a foreman would give; random histories are in test_invariants.py."""

from __future__ import annotations

from collections.abc import Iterator

import peewee
import pytest

from bizlite.core import store
from bizlite.core.database import write
from bizlite.core.errors import Refused
from bizlite.finance import accounts
from bizlite.finance import reports as ledger_reports
from bizlite.production import (
    centres,
    materials,
    orders,
    output,
    reports,
)
from bizlite.production.models import Count, Order, Report, Tally
from bizlite.stock import costing, reservations, transfers
from bizlite.stock.models import Transfer
from tests.bizlite.conftest import Fresh
from tests.bizlite.workshop import JANUARY, SESSION, STORE, SUPPLIER, TODAY, Shop, both, opened


@pytest.fixture
def shop(sqlite: Fresh) -> Iterator[Shop]:
    with opened(sqlite()) as found:
        yield found


def test_from_release_to_closing(shop: Shop) -> None:
    order = shop.order()
    first, second = both(order)
    assert reservations.held((orders.KIND, order.id, 1)) == 22_000
    shop.report(first, "good", 9)
    shop.report(first, "scrap", 1, cause="crack")
    shop.report(first, "finish")
    good = shop.report(second, "good", 9)
    finish = shop.report(second, "finish")
    with pytest.raises(Refused, match="only 9 good ones"):
        output.receive(SESSION, order.id, 10)
    paper = output.receive(SESSION, order.id, 9)
    reports.storno(SESSION, finish.card_id, finish.id, shop.worker)
    with pytest.raises(Refused, match="its pieces are received"):
        reports.storno(SESSION, good.card_id, good.id, shop.worker)
    shop.report(second, "finish")
    assert costing.state_at(shop.steel, TODAY).quantity == 80_000  # ten pieces were begun with
    orders.close(SESSION, order.id)
    # 20 kg of steel at 1 fen a gram, 9 turned at 0.50 and 9 ground at 0.25 yuan
    assert costing.state_at(shop.bolt, TODAY).value == 20_000 + 450 + 225
    assert ledger_reports.balance_of("4001", TODAY) == 0
    assert ledger_reports.balance_of("2211", TODAY) == -675
    assert not reservations.held((orders.KIND, order.id, 1))
    with pytest.raises(Refused, match="not in work"):
        output.storno(SESSION, paper.id)


def test_a_cancelled_order_releases_what_it_reserved_and_nothing_else(shop: Shop) -> None:
    order, other = shop.order(), shop.order(5)
    orders.cancel(SESSION, order.id)
    assert reservations.held((orders.KIND, order.id, 1)) == 0
    assert reservations.held((orders.KIND, other.id, 1)) == 11_000
    begun = both(other)[0]
    shop.report(begun, "good", 1)
    with pytest.raises(Refused, match="was begun"):
        orders.cancel(SESSION, other.id)
    with pytest.raises(Refused, match="not in work"):
        shop.report(both(order)[0], "good", 1)


def test_materials_by_hand_go_first_and_backflush_takes_the_rest(shop: Shop) -> None:
    order = shop.order()
    paper = materials.issue(SESSION, order.id, 1, 5000)
    first, second = both(order)
    for card in (first, second):
        shop.report(card, "good", 2)
    output.receive(SESSION, order.id, 2)
    assert costing.state_at(shop.steel, TODAY).quantity == 95_000
    with pytest.raises(Refused, match="is not an issue"):
        materials.storno(SESSION, order.id, Transfer.get(Transfer.kind == "production").number)
    materials.storno(SESSION, order.id, paper.number)
    assert reservations.held((orders.KIND, order.id, 1)) == 22_000
    with pytest.raises(Refused, match=r"only 100 of STEEL can be taken") as caught:
        materials.issue(SESSION, order.id, 1, 200_000)
    assert caught.value.problems[0].field == "quantity"


def test_an_order_that_makes_nothing_is_a_loss(shop: Shop) -> None:
    order = shop.order()
    first, _ = both(order)
    materials.issue(SESSION, order.id, 1, 20_000)
    shop.report(first, "scrap", 10, cause="wrong drawing")
    shop.report(first, "finish")
    orders.close(SESSION, order.id)
    assert ledger_reports.balance_of("4001", TODAY) == 0
    assert ledger_reports.balance_of("5401", TODAY) == 20_000


def test_pieces_that_are_scrapped_last_use_their_material_too(shop: Shop) -> None:
    order, lost = shop.order(), shop.order()
    first, second = both(order)
    for card in (first, second):
        shop.report(card, "good", 9)
    output.receive(SESSION, order.id, 9)
    shop.report(first, "scrap", 1, cause="crack")
    shop.report(both(lost)[0], "scrap", 10, cause="wrong drawing")
    for card in (first, second, both(lost)[0]):
        shop.report(card, "finish")
    assert costing.state_at(shop.steel, TODAY).quantity == 82_000
    orders.close(SESSION, order.id)
    orders.close(SESSION, lost.id)
    assert costing.state_at(shop.steel, TODAY).quantity == 60_000  # both were begun with ten
    assert costing.state_at(shop.bolt, TODAY).value == 20_000 + 450 + 225
    assert ledger_reports.balance_of("5401", TODAY) == 20_000
    assert ledger_reports.balance_of("4001", TODAY) == 0


def test_wages_go_to_the_first_account_below_where_a_firm_has_some(shop: Shop) -> None:
    order = shop.order(1)
    for code, name in (("221102", "应付职工薪酬—社会保险"), ("221101", "应付职工薪酬—工资")):
        accounts.add(SESSION, code, "liability", name)
    for card in both(order):
        shop.report(card, "good", 1)
        shop.report(card, "finish")
    output.receive(SESSION, order.id, 1)
    orders.close(SESSION, order.id)
    orders.settle(SESSION, order.id)  # which finds them there
    assert ledger_reports.balance_of("221101", TODAY) == -75
    assert ledger_reports.balance_of("4001", TODAY) == 0


def test_dearer_steel_reaches_the_product_when_the_order_is_settled_again(shop: Shop) -> None:
    order = shop.order()
    for card in both(order):
        shop.report(card, "good", 10)
        shop.report(card, "finish")
    output.receive(SESSION, order.id, 10)
    orders.close(SESSION, order.id)
    before = costing.state_at(shop.bolt, TODAY).value
    line = transfers.Line(item=shop.steel, quantity=100_000, source=SUPPLIER, target=STORE, value=300_000)
    transfers.post(SESSION, "receipt", JANUARY, [line])
    assert ledger_reports.balance_of("4001", TODAY) == 20_000
    orders.settle(SESSION, order.id)
    assert ledger_reports.balance_of("4001", TODAY) == 0
    assert costing.state_at(shop.bolt, TODAY).value == before + 20_000


def test_the_database_itself_refuses_what_no_rule_may_do(shop: Shop) -> None:
    order = shop.order()
    first, second = both(order)
    report = shop.report(first, "good", 5)
    zero = {"received": 0, "good": 0, "scrap": 0, "rework": 0, "finished": 0}
    base = {"id": 900, "report": report.id + 1, "date": TODAY}
    later = shop.report(first, "start")
    assert later.id == report.id + 1
    for card, wrong in ((first, {"good": 6}), (second, {"good": 6}), (first, {"finished": 1}), (first, {"good": -6})):
        with pytest.raises(peewee.IntegrityError), write():
            Count.insert(**{**base, **zero, "card": card.id, **wrong}).execute()
    with pytest.raises(peewee.IntegrityError), write():
        Report.update(quantity=6).where(Report.id == report.id).execute()
    with pytest.raises(peewee.IntegrityError), write():
        Tally.update(good=11).where(Tally.card == first.id).execute()


def test_drafts_say_what_is_missing(shop: Shop) -> None:
    with pytest.raises(Refused, match="none that is released") as caught:
        orders.draft(SESSION, shop.steel, 1, TODAY)
    assert caught.value.problems[0].field == "bom"
    row = orders.draft(SESSION, shop.bolt, 10, TODAY)
    with pytest.raises(Refused, match="somebody else"):
        orders.release(SESSION, row.id, 7)
    drafted = {"item": shop.bolt, "quantity": 1, "due": TODAY, "date": TODAY}
    for field, values in (
        ("quantity", {"quantity": 0}),
        ("due", {"due": JANUARY}),
        ("priority", {"priority": 10}),
        ("batch_size", {"batch_size": 0}),
    ):
        with pytest.raises(Refused) as caught:
            orders.change_draft(SESSION, row.id, 1, **{**drafted, **values})
        assert caught.value.problems[0].field == field
    huge = orders.change_draft(SESSION, row.id, 1, **{**drafted, "quantity": 5000}, batch_size=1)
    with pytest.raises(Refused, match="10000 job cards"):
        orders.release(SESSION, huge.id, huge.version)
    assert store.get(Order, row.id).posted is False
    with pytest.raises(Refused):
        centres.add(SESSION, "C2", "c", shifts=[(0, 480, 720), (0, 700, 800)])
