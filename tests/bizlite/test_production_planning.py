"""What a product is made of, when its machines make it, and on which day it can be there."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterator

import peewee
import pytest

from bizlite.core.database import write
from bizlite.core.errors import Refused
from bizlite.production import (
    boms,
    centres,
    loading,
    promise,
)
from bizlite.stock import items, planning
from tests.bizlite.conftest import Fresh
from tests.bizlite.workshop import SESSION, TODAY, Shop, opened


@pytest.fixture
def shop(sqlite: Fresh) -> Iterator[Shop]:
    with opened(sqlite()) as found:
        yield found


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
