"""Reports at job cards, who makes them and what they are paid."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterator

import pytest

from bizlite.core.errors import Forbidden, Refused
from bizlite.core.models import Audit
from bizlite.core.session import Session
from bizlite.production import (
    cards,
    costs,
    counting,
    orders,
    output,
    pay,
    progress,
    reports,
    workers,
)
from bizlite.production.models import Closing, Report
from bizlite.quality import inspections, plans
from bizlite.stock import costing
from tests.bizlite.conftest import Fresh
from tests.bizlite.workshop import SESSION, TODAY, Shop, both, opened


@pytest.fixture
def shop(sqlite: Fresh) -> Iterator[Shop]:
    with opened(sqlite()) as found:
        yield found


def test_reports_count_the_same_in_whatever_order_they_come(shop: Shop) -> None:
    """Two phones, one of them was offline: what could have happened is counted, whatever came first."""
    made = [(0, "good", 6), (0, "scrap", 4), (0, "finish", 0), (1, "good", 6), (1, "finish", 0)]
    results = set()
    for asked in itertools.permutations(range(len(made)), len(made)):
        if asked.index(2) < max(asked.index(0), asked.index(1)) or asked.index(4) < asked.index(3):
            continue  # a worker finishes after the pieces
        order = shop.order(10)
        own = both(order)
        for n in asked:
            which, kind, quantity = made[n]
            shop.report(own[which], kind, quantity, cause="crack" if kind == "scrap" else "")
        results.add(tuple((t.received, t.good, t.scrap, t.finished) for t in (cards.tally(card.id) for card in own)))
    assert results == {((10, 6, 4, 1), (6, 6, 0, 1))}


def test_a_report_waits_for_the_pieces_it_speaks_of(shop: Shop) -> None:
    order = shop.order()
    first, second = both(order)
    shop.report(second, "good", 4)
    assert cards.tally(second.id).good == 0
    assert progress.of_card(second).waiting == 1
    with pytest.raises(Refused, match="more than can come"):
        shop.report(second, "good", 7)
    shop.report(first, "good", 3)
    assert cards.tally(second.id).good == 0
    shop.report(first, "good", 1)
    assert cards.tally(second.id).good == 4


def test_the_same_report_twice_counts_once(shop: Shop) -> None:
    first, _ = both(shop.order())
    one = shop.report(first, "good", 3, key="phone-1", reported_ms=SESSION.now_ms() - 3_600_000)
    two = shop.report(first, "good", 3, key="phone-1", reported_ms=SESSION.now_ms() - 3_600_000)
    assert one.id == two.id
    assert cards.tally(first.id).good == 3
    with pytest.raises(Refused, match="used for something else"):
        shop.report(first, "good", 4, key="phone-1")


def test_a_late_report_has_its_own_time_and_a_wrong_clock_is_not_believed(shop: Shop) -> None:
    first, _ = both(shop.order())
    now = SESSION.now_ms()
    assert shop.report(first, "start", reported_ms=now - 7_200_000).reported_ms == now - 7_200_000
    assert shop.report(first, "good", 1, reported_ms=now + 86_400_000).reported_ms == now
    with pytest.raises(Refused, match="older than 30 days"):
        shop.report(first, "good", 1, reported_ms=now - 31 * 86_400_000)
    (person,) = progress.by_person(SESSION, TODAY)
    assert (person.good, person.minutes) == (1, 120)


def test_rework_goes_round_on_its_own_card(shop: Shop) -> None:
    order = shop.order()
    first, second = both(order)
    shop.report(first, "good", 7)
    shop.report(first, "rework", 3, cause="burr")
    shop.report(first, "finish")
    rework = cards.rework_of(first.id)
    shop.report(second, "good", 7)
    shop.report(second, "finish")  # waits: three may still come
    assert not cards.tally(second.id).finished
    shop.report(rework, "good", 2)
    shop.report(rework, "scrap", 1, cause="burr")
    shop.report(rework, "finish")
    with pytest.raises(Refused, match="2 pieces are not reported"):
        shop.report(second, "finish")
    shop.report(second, "good", 2)
    assert cards.tally(second.id).finished  # the finish that waited
    (turned, ground) = sorted(progress.first_pass(TODAY, TODAY), key=lambda line: line.good)
    assert (turned.operation, turned.basis_points, ground.basis_points) == ("turn", 7000, 10_000)


def test_storno_takes_back_what_did_not_go_on(shop: Shop) -> None:
    first, second = both(shop.order())
    made = shop.report(first, "good", 5)
    used = shop.report(second, "good", 5)
    with pytest.raises(Refused, match="reported at the next card"):
        reports.storno(SESSION, made.card_id, made.id, shop.worker)
    reports.storno(SESSION, used.card_id, used.id, shop.worker)
    reports.storno(SESSION, made.card_id, made.id, shop.worker)
    assert (cards.tally(first.id).good, cards.tally(second.id).received) == (0, 0)
    with pytest.raises(Refused, match="already"):
        reports.storno(SESSION, made.card_id, made.id, shop.worker)
    assert not pay.list_(TODAY, TODAY)


def test_anothers_report_is_taken_back_by_who_may(shop: Shop) -> None:
    first, _ = both(shop.order())
    made = shop.report(first, "good", 5)
    phone = Session(user="worker:W2", rights=frozenset({"production.card.report"}), now=SESSION.now)
    other = workers.add(SESSION, "W2", "Li").id
    with pytest.raises(Forbidden):
        reports.storno(phone, made.card_id, made.id, other)
    with pytest.raises(Forbidden):
        reports.report(phone, first.id, "cut", other, 1)
    assert reports.storno(SESSION, made.card_id, made.id, other).worker_id == shop.worker


@pytest.mark.parametrize(
    ("kind", "quantity", "more", "field"),
    [
        ("good", 0, {}, "quantity"),
        ("good", -1, {}, "quantity"),
        ("good", 11, {}, "quantity"),
        ("good", 1.5, {}, "quantity"),
        ("good", True, {}, "quantity"),
        ("start", 1, {}, "quantity"),
        ("scrap", 1, {}, "cause"),
        ("scrap", 1, {"cause": "x" * 201}, "cause"),
        ("steal", 1, {}, "kind"),
        ("finish", 0, {}, "quantity"),
        ("good", 1, {"reported_ms": "now"}, "reported_ms"),
    ],
)
def test_a_wrong_report_names_its_field_and_changes_nothing(
    shop: Shop, kind: str, quantity: int, more: dict[str, object], field: str
) -> None:
    first, _ = both(shop.order())
    with pytest.raises(Refused) as caught:
        shop.report(first, kind, quantity, **more)
    assert caught.value.problems[0].field == field
    assert caught.value.problems[0].remedy
    assert not Report.select().count()


def test_what_is_not_made_is_cut_at_the_first_operation(shop: Shop) -> None:
    order = shop.order()
    first, second = both(order)
    shop.report(first, "good", 4)
    with pytest.raises(Refused, match="first operation"):
        shop.report(second, "cut", 1)
    shop.report(first, "cut", 6)
    shop.report(first, "finish")
    shop.report(second, "good", 4)
    shop.report(second, "finish")
    output.receive(SESSION, order.id, 4)
    orders.close(SESSION, order.id)
    assert costing.state_at(shop.steel, TODAY).quantity == 92_000
    assert Closing.get_by_id(order.id).kind == "closed"


def test_batches_and_tokens(shop: Shop) -> None:
    order = shop.order(10, batch_size=4)
    assert [(card.batch, card.position, card.quantity) for card in both(order)] == [
        (1, 1, 4), (1, 2, 4), (2, 1, 4), (2, 2, 4), (3, 1, 2), (3, 2, 2),
    ]  # fmt: skip
    card = both(order)[3]
    token = cards.token(card.id)
    assert cards.by_token(token) == card
    for wrong in (
        "",
        "1",
        f"{card.id}",
        f"{card.id}-",
        token[:-1],
        f"{card.id + 1}{token[len(str(card.id)) :]}",
        "é-1",
    ):
        assert cards.by_token(wrong) is None


def _later(minutes: int) -> Session:
    then = SESSION.now() + datetime.timedelta(minutes=minutes)
    return Session(user="x", rights=SESSION.rights, now=lambda: then)


def test_who_a_worker_is(shop: Shop) -> None:
    assert workers.sign_in(SESSION, "W1", "1234").id == shop.worker
    assert workers.sign_in(SESSION, "W9", "1234") is None
    for _ in range(5):
        assert workers.sign_in(SESSION, "W1", "9999") is None
    assert workers.sign_in(SESSION, "W1", "1234") is None  # locked
    assert workers.sign_in(_later(6), "W1", "1234").id == shop.worker
    for pin in ("12", "12a4", "1" * 13):
        with pytest.raises(Refused, match="is not a PIN"):
            workers.set_pin(SESSION, shop.worker, pin)
    logged = Audit.select().where(Audit.table == "production_worker")
    assert all("$" not in row.before + row.after for row in logged)


def test_pay_is_for_good_pieces_and_a_paid_month_stays(shop: Shop) -> None:
    first, _ = both(shop.order())
    shop.report(first, "good", 3)
    shop.report(first, "scrap", 1, cause="crack")
    (line,) = pay.list_(TODAY, TODAY)
    assert (line.name, line.operation, line.quantity, line.amount) == ("Wang", "Turning", 3, 150)
    assert not pay.list_(TODAY, TODAY, shop.worker + 1)


def test_an_operation_with_a_plan_waits_for_its_inspection(shop: Shop) -> None:
    look = plans.Look(name="diameter", unit="mm", scale=2, low=990, high=1010)
    plan = plans.add(SESSION, "Q1", "turning", "operation", shop.bolt, [look], operation="turn", sample=2)
    first, _ = both(shop.order())
    shop.report(first, "good", 10)
    with pytest.raises(Refused, match="0 of 10 are inspected"):
        shop.report(first, "finish")
    (characteristic,) = plans.characteristics(plan.id)
    readings = [inspections.Read(characteristic=characteristic.id, piece=n, value=1000) for n in (1, 2)]
    inspections.post(SESSION, plan.id, ("production_card", first.id, 0), 10, readings)
    shop.report(first, "finish")
    assert cards.tally(first.id).finished


def test_progress_by_order_and_centre(shop: Shop) -> None:
    order = shop.order()
    first, _ = both(order)
    shop.report(first, "good", 5)
    (line,) = progress.by_order(SESSION)
    assert (line.order.id, line.basis_points, line.good, line.is_late) == (order.id, 2500, 0, False)
    assert [(state.card.position, state.left) for state in progress.by_centre()[shop.centre]] == [(1, 5), (2, 5)]
    assert counting.open_pieces(first.id) == 5
    assert costs.in_progress(order) == 0
