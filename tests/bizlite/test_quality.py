"""Inspections that block, and what is done about what did not conform."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import peewee
import pytest

from bizlite.core import registry
from bizlite.core.database import write
from bizlite.core.errors import Refused
from bizlite.quality import inspections, nonconformities, plans, yields
from bizlite.quality.models import Inspection, Nonconformity, Plan, Reading
from bizlite.stock import items
from tests.bizlite.conftest import Fresh, leave
from tests.bizlite.world import World

SESSION = World.session_of()
TODAY = SESSION.today()
SOURCE = ("purchase_receipt", 7, 1)
LOOKS = [plans.Look(name="diameter", unit="mm", scale=2, low=990, high=1010), plans.Look(name="no burr")]


@pytest.fixture
def plan(sqlite: Fresh) -> Iterator[Plan]:
    registry.open_company(sqlite())
    item = items.add_item(SESSION, "A", "bolt")
    yield plans.add(SESSION, "IN", "incoming", "receipt", item.id, LOOKS, sample=2)
    leave()


def read(plan: Plan, *values: int) -> list[inspections.Read]:
    """Readings of piece 1, then of piece 2 …, each by characteristic."""
    asked = plans.characteristics(plan.id)
    return [
        inspections.Read(characteristic=asked[n % len(asked)].id, piece=n // len(asked) + 1, value=value)
        for n, value in enumerate(values)
    ]


def test_goods_wait_until_as_many_have_passed(plan: Plan) -> None:
    def ask(quantity: int) -> None:
        inspections.require("receipt", plan.item_id, quantity, SOURCE)

    with pytest.raises(Refused, match="0 of 10 are inspected"):
        ask(10)
    inspections.post(SESSION, plan.id, SOURCE, 6, read(plan, 1000, 1, 990, 1))
    with pytest.raises(Refused, match="6 of 10"):
        ask(10)
    failed = inspections.post(SESSION, plan.id, SOURCE, 4, read(plan, 1011, 1, 1000, 0))
    assert (failed.verdict, failed.defective) == ("fail", 2)
    with pytest.raises(Refused, match="6 of 10"):
        ask(10)
    inspections.accept(SESSION, failed.id, "fits the old fixture")
    ask(10)
    inspections.require("delivery", plan.item_id, 10, SOURCE)  # no plan, nothing to wait for
    plans.retire(SESSION, plan.id)
    ask(11)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ((1000, 1), "lines"),
        ((1000, 2, 1000, 1), "lines.1.value"),
        ((1000, 1, 1000, 1, 1000, 1), "lines.4.piece"),
        ((1000.5, 1, 1000, 1), "lines.0.value"),
    ],
)
def test_wrong_readings_name_their_field(plan: Plan, values: tuple[int, ...], field: str) -> None:
    with pytest.raises(Refused) as caught:
        inspections.post(SESSION, plan.id, SOURCE, 6, read(plan, *values))
    assert caught.value.problems[0].field == field
    assert not Reading.select().count()
    assert not Inspection.select().count()


def test_a_new_plan_takes_the_place_of_the_old_one_which_stays_as_it_is(plan: Plan) -> None:
    new = plans.add(SESSION, "IN2", "incoming", "receipt", plan.item_id, LOOKS[:1])
    assert plans.active("receipt", plan.item_id).id == new.id
    with pytest.raises(peewee.IntegrityError), write():
        Plan.update(sample=9).where(Plan.id == plan.id).execute()
    with pytest.raises(peewee.IntegrityError), write():
        Plan.update(is_active=True).where(Plan.id == plan.id).execute()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"code": ""}, "code"),
        ({"code": "IN"}, "code"),
        ({"moment": "lunch"}, "moment"),
        ({"moment": "operation"}, "operation"),
        ({"operation": "turn"}, "operation"),
        ({"sample": 0}, "sample"),
        ({"item": 99}, "item"),
        ({"lines": []}, "lines"),
        ({"lines": [plans.Look(name="d", low=2, high=1)]}, "lines.0.low"),
        ({"lines": [plans.Look(name="")]}, "lines.0.name"),
    ],
)
def test_a_wrong_plan_names_its_field(plan: Plan, values: dict[str, object], field: str) -> None:
    given = {"code": "X", "name": "x", "moment": "receipt", "item": plan.item_id, "lines": LOOKS, **values}
    with pytest.raises(Refused) as caught:
        plans.add(SESSION, **given)
    assert caught.value.problems[0].field == field
    assert Plan.select().count() == 1


def test_a_nonconformity_is_opened_acted_upon_and_closed(plan: Plan) -> None:
    row = nonconformities.open_(SESSION, plan.item_id, 2, "burr on the edge")
    with pytest.raises(Refused, match="is open"):
        nonconformities.close(SESSION, row.id, "dull tool")
    for field, values in (
        ("action", {"action": " "}),
        ("responsible", {"responsible": ""}),
        ("due", {"due": datetime.date(2026, 1, 1)}),
    ):
        good = {"action": "sharpen", "responsible": "Li", "due": TODAY}
        with pytest.raises(Refused) as caught:
            nonconformities.act(SESSION, row.id, **{**good, **values})
        assert caught.value.problems[0].field == field
    nonconformities.act(SESSION, row.id, "sharpen", "Li", TODAY)
    nonconformities.close(SESSION, row.id, "dull tool")
    last = nonconformities.last_step(row.id)
    assert (last.state, last.cause, last.responsible) == ("closed", "dull tool", "Li")
    with pytest.raises(Refused, match="is closed"):
        nonconformities.act(SESSION, row.id, "again", "Li", TODAY)
    with pytest.raises(peewee.IntegrityError), write():
        Nonconformity.update(quantity=1).where(Nonconformity.id == row.id).execute()


def test_first_pass_yield_counts_the_first_look_only(plan: Plan) -> None:
    inspections.post(SESSION, plan.id, SOURCE, 4, read(plan, 1011, 1, 1000, 1))
    inspections.post(SESSION, plan.id, SOURCE, 4, read(plan, 1000, 1, 1000, 1))
    inspections.post(SESSION, plan.id, ("purchase_receipt", 8, 1), 4, read(plan, 1000, 1, 1000, 1))
    (line,) = yields.first_pass(TODAY, TODAY)
    assert (line.month, line.seen, line.good, line.basis_points) == (202604, 4, 3, 7500)
