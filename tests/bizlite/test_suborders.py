"""Orders for the parts of a product that are made here, the day on which it is ready, and the lots that it becomes."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from bizlite.core.errors import Refused
from bizlite.production import boms, cards, loading, orders, output, promise, routings, suborders
from bizlite.production.models import Order
from bizlite.stock import items, planning, reservations, transfers
from bizlite.stock.models import Lot, OnHand, Transfer
from tests.bizlite import invariants
from tests.bizlite.conftest import Fresh
from tests.bizlite.pages import opened
from tests.bizlite.web_site import USER, call, press
from tests.bizlite.workshop import JANUARY, SESSION, TODAY, Shop, make_shop

DUE = datetime.date(2026, 6, 1)


@pytest.fixture
def client(sqlite: Fresh) -> Iterator[FlaskClient]:
    with opened(sqlite()) as found:
        found.environ_base[USER] = "admin"
        yield found
        invariants.hold()


@pytest.fixture
def shop(client: FlaskClient) -> Shop:
    return make_shop()


@pytest.fixture
def machine(shop: Shop) -> int:
    """A machine is one axle and six bolts; an axle is two bolts and 1 kg of steel."""
    axle = items.add_item(SESSION, "AXLE", "axle").id
    machine = items.add_item(SESSION, "MACHINE", "machine").id
    of_axle = [boms.Component(item=shop.bolt, quantity=2), boms.Component(item=shop.steel, quantity=1000)]
    of_machine = [boms.Component(item=axle, quantity=1), boms.Component(item=shop.bolt, quantity=6)]
    for item, parts in ((axle, of_axle), (machine, of_machine)):
        step = [routings.Step(code="fit", name="Fitting", centre=shop.centre, run_ms=3_600_000)]
        routings.release(SESSION, routings.draft(SESSION, item, "A", step, date=JANUARY).id, 1)
        boms.release(SESSION, boms.draft(SESSION, item, "A", 1, parts, date=JANUARY).id, 1)
    return machine


def make(shop: Shop, order: Order) -> None:
    """All that an order makes is reported good and received."""
    for card in cards.of_order(order.id):
        shop.report(card, "good", card.quantity)
        shop.report(card, "finish")
    output.receive(SESSION, order.id, order.quantity)


def brief(parts: list[suborders.Part]) -> list[tuple[str, int, int | None]]:
    return [(items.words(part.item).split()[0], part.quantity, part.under) for part in parts]


def test_parts_are_proposed_level_by_level_and_made_by_one_click(shop: Shop, machine: int) -> None:
    order = orders.draft(SESSION, machine, 4, DUE, priority=2)
    wanted = [("AXLE", 4, None), ("BOLT", 24, None), ("BOLT", 8, 0)]
    assert brief(suborders.proposed(SESSION, order)) == wanted
    line = transfers.Line(item=shop.bolt, quantity=5, source=2, target=1, value=500)
    transfers.post(SESSION, "receipt", TODAY, [line])  # which the machine takes first, and only once
    assert brief(suborders.proposed(SESSION, order)) == [("AXLE", 4, None), ("BOLT", 19, None), ("BOLT", 8, 0)]
    suborders.make(SESSION, order.id)
    axles, bolts = suborders.of(order.id)
    (more,) = suborders.of(axles.id)
    assert [(row.quantity, row.priority, row.posted) for row in (axles, bolts, more)] == [
        (4, 2, True), (19, 2, True), (8, 2, True)]  # fmt: skip
    assert TODAY <= more.due <= axles.due <= DUE
    assert suborders.whole(more)[0].id == axles.id
    released = Order.get_by_id(order.id)
    assert reservations.held(orders.key(order.id, orders.materials(order.id)[1])) == 5
    assert suborders.proposed(SESSION, released) == []
    with pytest.raises(Refused, match="lacks no part"):
        suborders.make(SESSION, order.id)
    assert not {shop.bolt, axles.item_id} & {short.item for short in planning.below_zero()}  # nobody has to buy them
    shop.report(cards.of_order(bolts.id)[0], "cut", 4)
    assert brief(suborders.proposed(SESSION, released)) == [("BOLT", 4, None)]
    orders.cancel(SESSION, axles.id)
    assert brief(suborders.proposed(SESSION, released))[0] == ("AXLE", 4, None)
    assert axles.item_id in {short.item for short in planning.below_zero()}


def test_what_a_part_brings_is_kept_for_its_machine_and_taken_back_with_it(shop: Shop, machine: int) -> None:
    order = orders.draft(SESSION, machine, 1, DUE)
    order = orders.release(SESSION, order.id, order.version)
    suborders.make(SESSION, order.id)
    axles, bolts = suborders.of(order.id)
    make(shop, bolts)
    key = orders.key(order.id, orders.materials(order.id)[1])
    assert reservations.held(key) == 6
    assert suborders.proposed(SESSION, order) == []
    output.storno(SESSION, orders.Output.get().id)
    assert reservations.held(key) == 0
    output.receive(SESSION, bolts.id, 6)
    make(shop, suborders.of(axles.id)[0])
    make(shop, axles)
    make(shop, order)
    assert planning.on_hand(machine) == 1
    assert [planning.on_hand(axles.item_id), planning.on_hand(shop.bolt)] == [0, 0]


def test_a_machine_is_loaded_behind_its_parts_and_says_when_it_is_ready(shop: Shop, machine: int) -> None:
    order = orders.draft(SESSION, machine, 4, DUE, priority=1)
    alone = promise.span(SESSION, machine, 4, order.routing)
    drafted = promise.of_order(SESSION, order)
    assert drafted.date > TODAY + alone  # axles and bolts are made first
    order = orders.release(SESSION, order.id, order.version)
    assert promise.of_order(SESSION, order).date == TODAY + alone  # as if its parts were there
    suborders.make(SESSION, order.id)
    ready = promise.of_order(SESSION, order)
    assert ready.date > TODAY + alone
    plan = loading.load(SESSION)
    ends = {row.id: max(slot.end for slot in plan.slots if slot.job.order == row.id) for row in Order.select()}
    starts = {row.id: min(slot.start for slot in plan.slots if slot.job.order == row.id) for row in Order.select()}
    for part in Order.select().where(Order.source_kind == orders.KIND):
        assert ends[part.id] <= starts[part.source_id]
    assert ready.date == ends[order.id].date()


def test_the_page_shows_proposes_and_makes_them(client: FlaskClient, shop: Shop, machine: int) -> None:
    order = orders.draft(SESSION, machine, 4, DUE)
    page = f"/business/production/order/{order.id}"
    text = client.get(page).text
    assert re.search(r"AXLE axle 4 piece → 20\d\d-\d\d-\d\d; BOLT bolt 24 piece", text)
    assert re.search(r"Ready on</dt><dd>20\d\d-\d\d-\d\d", text)
    assert press(client, page, "parts").status_code == 303
    text = client.get(page).text
    assert "Orders for its parts" in text
    assert "Parts still to be made" not in text
    assert "It is a part of" in client.get(f"/business/production/order/{suborders.of(order.id)[0].id}").text
    again = call(client, "POST", f"/api/biz/v1/production/order/{order.id}/parts", {})
    assert again.status_code == 422
    assert again.json["error"]["problems"][0]["field"] == "order"


# --- lots of the product
def test_a_product_has_the_lot_of_its_order_or_a_lot_for_each_batch(client: FlaskClient, shop: Shop) -> None:
    cloth = items.add_item(SESSION, "CLOTH", "cloth", has_lots=True).id
    step = [routings.Step(code="dye", name="Dyeing", centre=shop.centre, run_ms=1000)]
    routings.release(SESSION, routings.draft(SESSION, cloth, "A", step, date=JANUARY).id, 1)
    parts = [boms.Component(item=shop.steel, quantity=1)]
    boms.release(SESSION, boms.draft(SESSION, cloth, "A", 1, parts, date=JANUARY).id, 1)
    body = {"item": "CLOTH", "quantity": 30, "batch_size": 10, "due": "2030-01-01", "lot_code": "D7"}
    made = call(client, "POST", "/api/biz/v1/production/order", body).json
    path = f"/api/biz/v1/production/order/{made['id']}"
    assert not Lot.select().count()
    assert call(client, "POST", f"{path}/release", {"version": made["version"]}).status_code == 200
    assert len(cards.of_order(made["id"])) == 3
    ticket = client.get(f"/business/production/order/{made['id']}/print?paper=ticket").text
    assert ticket.count("<strong>D7</strong>") == 3
    for card in cards.of_order(made["id"]):
        shop.report(card, "good", 10)
    assert call(client, "POST", f"{path}/receive", {"quantity": 10}).status_code == 200
    other = {"quantity": 20, "lot_code": "D7-2", "expires": "2031-01-01"}
    assert call(client, "POST", f"{path}/receive", other).status_code == 200
    there = {Lot.get_by_id(row.lot).code: row.quantity for row in OnHand.select().where(
        (OnHand.item == cloth) & (OnHand.location == 1))}  # fmt: skip
    assert there == {"D7": 10, "D7-2": 20}
    for card in cards.of_order(made["id"]):
        shop.report(card, "finish")
    orders.close(SESSION, made["id"])

    nameless = orders.draft(SESSION, cloth, 1, TODAY)
    nameless = orders.release(SESSION, nameless.id, nameless.version)
    assert Lot.get_by_id(nameless.lot).code == nameless.number
    wrong = call(client, "POST", "/api/biz/v1/production/order", {**body, "item": "BOLT"})
    assert wrong.json["error"]["problems"][0]["field"] == "lot_code"
    order = shop.order(1)
    for card in cards.of_order(order.id):
        shop.report(card, "good", 1)
    refused = call(client, "POST", f"/api/biz/v1/production/order/{order.id}/receive", {"quantity": 1, "lot_code": "X"})
    assert refused.json["error"]["problems"][0]["field"] == "lot_code"
    assert not Transfer.select().where((Transfer.kind == "production") & (Transfer.source_id == order.id)).count()
