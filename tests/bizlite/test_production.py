"""Production by examples a foreman would give; random histories are in test_invariants.py."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import peewee
import pytest

from bizlite.core import registry, store
from bizlite.core.database import write
from bizlite.core.errors import Forbidden, Refused
from bizlite.core.models import Audit
from bizlite.core.session import Session
from bizlite.finance import reports as ledger_reports
from bizlite.production import (
    boms,
    cards,
    centres,
    costs,
    counting,
    loading,
    materials,
    orders,
    output,
    pay,
    progress,
    promise,
    reports,
    routings,
    workers,
)
from bizlite.production.models import Card, Closing, Count, Order, Report, Tally
from bizlite.quality import inspections, plans
from bizlite.stock import costing, items, planning, reservations, transfers
from bizlite.stock.models import Transfer
from tests.bizlite import invariants
from tests.bizlite.conftest import Fresh, leave
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
        row = orders.draft(SESSION, self.bolt, quantity, TODAY, **more)
        return orders.release(SESSION, row.id, row.version)

    def report(self, card: Card, kind: str, quantity: int = 0, **more: object) -> Report:
        return reports.report(SESSION, card.id, kind, self.worker, quantity, **more)


def make_shop() -> Shop:
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


@pytest.fixture
def shop(sqlite: Fresh) -> Iterator[Shop]:
    registry.open_company(sqlite())
    yield make_shop()
    invariants.hold()
    leave()


def both(order: Order) -> list[Card]:
    return cards.of_order(order.id)


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


def test_a_bill_of_material_is_frozen_and_never_a_circle(shop: Shop) -> None:
    nut = items.add_item(SESSION, "NUT", "nut").id
    draft = boms.draft(SESSION, nut, "A", 1, [boms.Component(item=shop.bolt, quantity=1)])
    boms.release(SESSION, draft.id, 1)
    with pytest.raises(Refused, match="is released"):
        boms.change_draft(SESSION, draft.id, 2, item=nut, revision="A", quantity=1, lines=[], date=TODAY)
    circle = boms.draft(SESSION, shop.bolt, "B", 1, [boms.Component(item=nut, quantity=1)])
    with pytest.raises(Refused, match="BOLT → NUT → BOLT") as caught:
        boms.release(SESSION, circle.id, 1)
    assert caught.value.problems[0].field == "lines.0.item"
    with pytest.raises(peewee.IntegrityError), write():
        boms.BomLine.update(quantity=5).where(boms.BomLine.bom == draft).execute()


def test_levels_and_phantoms(shop: Shop) -> None:
    kit, box = items.add_item(SESSION, "KIT", "kit").id, items.add_item(SESSION, "BOX", "box of a kit").id
    inner = [boms.Component(item=shop.bolt, quantity=2), boms.Component(item=shop.steel, quantity=1)]
    boms.release(SESSION, boms.draft(SESSION, kit, "A", 1, inner).id, 1)
    outer = [boms.Component(item=kit, quantity=3, is_phantom=True, operation=2)]
    bom = boms.release(SESSION, boms.draft(SESSION, box, "A", 1, outer).id, 1)
    needs = boms.explode(bom, 5, TODAY)
    assert [(need.item, need.quantity, need.operation) for need in needs] == [(shop.bolt, 30, 2), (shop.steel, 15, 2)]
    deep = [(depth, need.item, need.quantity) for depth, need in boms.levels(box, 5, TODAY)]
    assert deep == [(1, shop.bolt, 30), (2, shop.steel, 66_000), (1, shop.steel, 15)]
    nothing = boms.draft(SESSION, box, "B", 1, [boms.Component(item=shop.steel, quantity=3, is_phantom=True)])
    with pytest.raises(Refused, match="no released bill"):
        boms.release(SESSION, nothing.id, 1)


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


def _later(minutes: int) -> Session:
    then = SESSION.now() + datetime.timedelta(minutes=minutes)
    return Session(user="x", rights=SESSION.rights, now=lambda: then)


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


def test_loading_is_finite_keeps_shifts_and_holidays_and_is_the_same_each_time(shop: Shop) -> None:
    """30 April 2026 is a Thursday, noon at the site; the lathe opens at 13:00 and closes at 17:00."""
    centres.set_day(SESSION, datetime.date(2026, 5, 1), "劳动节")
    early = shop.order(10, priority=1)
    late = shop.order(10)
    plan = loading.load(SESSION)
    spans = {(slot.job.order, slot.start, slot.end) for slot in plan.slots}
    turned = datetime.datetime(2026, 4, 30, 14, 30)
    # Half an hour to set up and an hour to turn; then half an hour to grind. The second order begins behind it.
    assert {(early.id, datetime.datetime(2026, 4, 30, 13), turned)} <= spans
    assert {(late.id, datetime.datetime(2026, 4, 30, 15), datetime.datetime(2026, 4, 30, 16, 30))} <= spans
    assert loading.load(SESSION).slots == plan.slots
    busy = sorted((slot.start, slot.end) for slot in plan.slots)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(busy))
    third = shop.order(40)
    ends = [slot.end for slot in loading.load(SESSION).slots if slot.job.order == third.id]
    # 4.5 hours to turn and 2 to grind: Thursday is full, Friday a holiday, on Saturday there is a rest at noon.
    assert ends == [datetime.datetime(2026, 5, 2, 13, 30), datetime.datetime(2026, 5, 2, 15, 30)]


def test_a_promise_knows_stock_machines_and_what_blocks(shop: Shop) -> None:
    assert promise.earliest(SESSION, shop.bolt, 10) == promise.Promise(TODAY, shop.bolt)
    shop.order(20)
    with write():  # they are promised to somebody else
        planning.plan(SESSION, "somebody", 1, [planning.Planned(line=1, item=shop.bolt, date=TODAY, quantity=-20)])
    assert promise.earliest(SESSION, shop.bolt, 10).date == datetime.date(2026, 5, 1)
    lacking = promise.earliest(SESSION, shop.bolt, 100)
    assert (lacking.date, lacking.blocks) == (None, shop.steel)
    planning.set_reorder(SESSION, shop.steel, 0, 0, lead_days=14)
    bought = promise.earliest(SESSION, shop.bolt, 100)
    assert bought.blocks == shop.steel
    assert bought.date >= TODAY + datetime.timedelta(days=14)
    with pytest.raises(Refused):
        promise.earliest(SESSION, shop.bolt, 0)


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


def test_progress_by_order_and_centre(shop: Shop) -> None:
    order = shop.order()
    first, _ = both(order)
    shop.report(first, "good", 5)
    (line,) = progress.by_order(SESSION)
    assert (line.order.id, line.basis_points, line.good, line.is_late) == (order.id, 2500, 0, False)
    assert [(state.card.position, state.left) for state in progress.by_centre()[shop.centre]] == [(1, 5), (2, 5)]
    assert counting.open_pieces(first.id) == 5
    assert costs.in_progress(order) == 0
