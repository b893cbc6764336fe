"""Lots and places that are chosen: on deliveries, receipts, returns and issues; what does not fit names its line."""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask.testing import FlaskClient

from bizlite.core.errors import Refused
from bizlite.finance import parties
from bizlite.production import boms, materials, output, routings
from bizlite.production import orders as work
from bizlite.purchasing import lines as buy_lines
from bizlite.purchasing import orders as purchases
from bizlite.purchasing.models import ReceiptLine
from bizlite.sales import deliveries, lines, orders, returns
from bizlite.sales.deliveries import Pick
from bizlite.sales.models import DeliveryLine, Order, OrderLine, ReturnLine
from bizlite.stock import expiry, items, reservations, transfers
from bizlite.stock.models import Lot, Move, OnHand, Reservation
from bizlite.stock.parts import Back
from tests.bizlite import invariants
from tests.bizlite.conftest import Fresh
from tests.bizlite.pages import opened
from tests.bizlite.web_site import USER, call, press, send
from tests.bizlite.workshop import JANUARY, both, make_shop
from tests.bizlite.world import World

SESSION = World.session_of()
FIRST = datetime.date(2026, 5, 1)
MAIN, SUPPLIER = 1, 2


@dataclass
class Store:
    """Yarn in three lots and two places; bolts without lots."""

    yarn: int
    bolt: int
    shelf: int
    early: int
    late: int
    plain: int
    customer: int

    def ordered(self, *wanted: tuple[int, int]) -> Order:
        asked = [lines.Wanted(item=item, quantity=quantity, price=1_000_000) for item, quantity in wanted]
        return orders.confirm(SESSION, orders.draft(SESSION, self.customer, FIRST, asked).id)


@pytest.fixture
def client(sqlite: Fresh) -> Iterator[FlaskClient]:
    with opened(sqlite()) as found:
        found.environ_base[USER] = "admin"
        yield found
        invariants.hold()


@pytest.fixture
def store(client: FlaskClient) -> Store:
    yarn = items.add_item(SESSION, "YARN", "yarn", has_lots=True).id
    bolt = items.add_item(SESSION, "BOLT", "bolt").id
    other = items.add_item(SESSION, "OTHER", "other", has_lots=True).id
    items.add_lot(SESSION, other, "L1")
    shelf = items.add_location(SESSION, "SHELF", "货架", "shelf").id
    plain = items.add_lot(SESSION, yarn, "L3").id
    late = items.add_lot(SESSION, yarn, "L2", expires=datetime.date(2126, 9, 1)).id
    early = items.add_lot(SESSION, yarn, "L1", expires=datetime.date(2126, 7, 1)).id
    for item, lot, place in ((yarn, plain, MAIN), (yarn, late, MAIN), (yarn, early, shelf), (bolt, 0, MAIN)):
        line = transfers.Line(item=item, lot=lot, quantity=10, source=SUPPLIER, target=place, value=100)
        transfers.post(SESSION, "receipt", FIRST, [line])
    customer = parties.add(SESSION, "C", "customer", is_customer=True).id
    return Store(yarn, bolt, shelf, early, late, plain, customer)


def there(item: int, lot: int, place: int) -> int:
    return int(OnHand.get((OnHand.item == item) & (OnHand.lot == lot) & (OnHand.location == place)).quantity)


def delivered() -> list[tuple[int, int, int]]:
    return [(row.lot, row.location_id, row.quantity) for row in DeliveryLine.select().order_by(DeliveryLine.id)]


# --- deliveries
def test_what_is_offered_is_what_picking_proposes_and_another_lot_may_be_typed(
    client: FlaskClient, store: Store
) -> None:
    order = store.ordered((store.yarn, 12))
    reservations.release(SESSION, orders.key_of(OrderLine.get()))
    page = f"/business/sales/order/{order.id}"
    form = re.search(r'action="[^"]*/deliver".*?</form>', client.get(page).text, re.S)[0]
    offered = re.findall(r'name="lines\.\d\.(quantity|lot|location)"[^>]*? value="([^"]*)"', form)
    assert [text for _, text in offered] == ["10", "L1", "SHELF", "2", "L2", "MAIN"]
    assert f"lookup?item=%23{store.yarn}" in form  # lots of yarn only, although another item has a lot L1 too
    answer = press(client, page, "deliver", date="2026-05-02", **{
        "lines.0.quantity": "", "lines.1.quantity": "3", "lines.1.lot": "L3"})  # fmt: skip
    assert answer.status_code == 303, answer.text
    assert delivered() == [(store.plain, MAIN, 3)]
    assert press(client, page, "deliver", date="2026-05-02").status_code == 303  # the rest, as it is proposed
    assert delivered()[1:] == [(store.early, store.shelf, 9)]


def test_an_order_keeps_what_expires_first_in_whatever_place(client: FlaskClient, store: Store) -> None:
    order = store.ordered((store.yarn, 22))
    wanted = [(store.early, store.shelf, 10), (store.late, MAIN, 10), (store.plain, MAIN, 2)]
    held = Reservation.select(Reservation.lot, Reservation.location, Reservation.quantity)
    assert list(held.order_by(Reservation.id).tuples()) == wanted
    deliveries.post(SESSION, order.id, FIRST)
    assert delivered() == wanted


@pytest.mark.parametrize(("texts", "field", "said"), [
    ({"lot": "L1", "location": "MAIN"}, "quantity", "Only 0 of YARN can be taken."),
    ({"lot": "L9"}, "lot", "Does not exist."),
    ({"location": "CUSTOMER"}, "location", "Does not exist."),
    ({"lot": "L3", "location": "MAIN", "quantity": "11"}, "quantity", "Only 10 of YARN can be taken."),
])  # fmt: skip
def test_a_lot_or_place_that_does_not_fit_names_its_line(
    client: FlaskClient, store: Store, texts: dict[str, str], field: str, said: str
) -> None:
    order = store.ordered((store.bolt, 4), (store.yarn, 12))
    reservations.release(SESSION, orders.key_of(OrderLine.get(OrderLine.item == store.yarn)))
    sent = {"lines.1.quantity": "2", **{f"lines.1.{name}": text for name, text in texts.items()}}
    answer = press(client, f"/business/sales/order/{order.id}", "deliver", date="2026-05-02", **sent,
                   **{"lines.2.quantity": ""})  # fmt: skip
    assert answer.status_code == 422
    problem = re.search(rf'id="deliver-lines.1.{field}-error".*?</p>', answer.text, re.S)
    assert problem
    assert said in problem[0]
    assert not delivered()


def test_rest_names_the_line_of_a_lot_of_another_item(client: FlaskClient, store: Store) -> None:
    order = store.ordered((store.bolt, 4), (store.yarn, 12))
    one, two = OrderLine.select().order_by(OrderLine.id)
    foreign = Lot.get((Lot.code == "L1") & (Lot.item != store.yarn)).id
    path = f"/api/biz/v1/sales/order/{order.id}/deliver"
    for line, sent, field in (
        (one, {"lot": store.early}, "lot"), (two, {"lot": foreign}, "lot"), (two, {"location": 3}, "location"),
        (two, {"quantity": 12, "location": store.shelf}, "quantity"),
    ):  # fmt: skip
        body = {"date": "2026-05-02", "lines": [
            {"line": one.id, "quantity": 1}, {"line": line.id, "quantity": 2, **sent}]}  # fmt: skip
        answer = call(client, "POST", path, body)
        assert answer.status_code == 422, answer.json
        assert answer.json["error"]["problems"][0]["field"] == f"lines.1.{field}"
    body = {"date": "2026-05-02", "lines": [{"line": two.id, "quantity": 2, "lot": "L2", "location": "MAIN"}]}
    assert call(client, "POST", path, body).status_code == 200
    assert delivered() == [(store.late, MAIN, 2)]


def test_two_lines_of_one_item_each_take_what_is_reserved_for_them(client: FlaskClient, store: Store) -> None:
    order = store.ordered((store.bolt, 5), (store.bolt, 5))
    deliveries.post(SESSION, order.id, FIRST)
    assert delivered() == [(0, MAIN, 5), (0, MAIN, 5)]


def test_what_is_reserved_is_taken_once_by_two_picks_of_a_line(client: FlaskClient, store: Store) -> None:
    order = store.ordered((store.bolt, 10))
    line = OrderLine.get().id
    deliveries.post(SESSION, order.id, FIRST, [Pick(line=line, quantity=6), Pick(line=line, quantity=4, location=MAIN)])
    assert delivered() == [(0, MAIN, 6), (0, MAIN, 4)]


# --- receipts and returns
def test_goods_come_to_another_place_and_come_back_to_one(client: FlaskClient, store: Store) -> None:
    supplier = parties.add(SESSION, "S", "supplier", is_supplier=True).id
    wanted = [buy_lines.Wanted(item=store.yarn, quantity=5, price=1_000_000)]
    bought = purchases.send(SESSION, purchases.draft(SESSION, supplier, FIRST, wanted).id)
    page = f"/business/purchasing/order/{bought.id}"
    got = {"lines.0.lot_code": "L2", "lines.0.location": "SHELF"}
    wrong = press(client, page, "receive", date="2026-05-02", **got, **{"lines.0.expires": "2027-01-01"})
    assert wrong.status_code == 422
    assert "The lot expires on another day: 2126-09-01." in wrong.text
    assert press(client, page, "receive", date="2026-05-02", **got).status_code == 303
    assert there(store.yarn, store.late, store.shelf) == 5
    receipt = f"/business/purchasing/receipt/{ReceiptLine.get().receipt_id}"
    back = press(client, receipt, "send_back", date="2026-05-02", **{"lines.0.quantity": "1",
                 "lines.0.location": "MAIN"})  # fmt: skip
    assert back.status_code == 303, back.text
    assert there(store.yarn, store.late, MAIN) == 9

    order = store.ordered((store.bolt, 4))
    paper = deliveries.post(SESSION, order.id, FIRST)
    at = f"/business/sales/delivery/{paper.id}"
    assert 'value="MAIN"' in client.get(at).text
    assert press(client, at, "give_back", date="2026-05-02").status_code == 422  # a place alone brings nothing back
    sent = {"lines.0.quantity": "3", "lines.0.location": "SHELF"}
    assert press(client, at, "give_back", date="2026-05-02", **sent).status_code == 303
    assert ReturnLine.get().location_id == store.shelf
    assert there(store.bolt, 0, store.shelf) == 3
    with pytest.raises(Refused, match=r"lines.0.location: is not our own"):
        returns.post(SESSION, paper.id, FIRST, [Back(line=DeliveryLine.get().id, quantity=1, location=SUPPLIER)])


# --- issues to a work order
def test_a_lot_and_a_place_are_chosen_for_a_material(client: FlaskClient) -> None:
    shop = make_shop()
    shelf = items.add_location(SESSION, "SHELF", "货架", "shelf").id
    move = transfers.Line(item=shop.steel, quantity=30_000, source=MAIN, target=shelf)
    transfers.post(SESSION, "transfer", SESSION.today(), [move])
    order = shop.order(1)
    page = f"/business/production/order/{order.id}"
    sent = {"position": "1", "quantity": "2.5", "location": "SHELF"}
    assert press(client, page, "issue", **sent).status_code == 303
    assert there(shop.steel, 0, shelf) == 27_500
    assert Move.select().order_by(Move.id.desc()).first().source_id == shelf
    answer = press(client, page, "issue", **{**sent, "quantity": "28"})
    assert "Only 27.5 of STEEL can be taken." in answer.text
    answer = press(client, page, "issue", **{**sent, "lot": "X"})
    assert re.search('id="issue-lot-error".*?Does not exist.', answer.text, re.S)
    with pytest.raises(Refused, match="lot: the item has no lots"):
        materials.issue(SESSION, order.id, 1, 5, lot=7)
    assert work.issued(order.id, work.materials(order.id)[0]) == 2500


def test_a_part_of_a_lots_code_is_no_lot(client: FlaskClient, store: Store) -> None:
    """Who types L1 has goods in hand on which L1 stands, also where the only lot with it is L10."""
    other = items.add_item(SESSION, "FLAX", "flax", has_lots=True).id
    lot = items.add_lot(SESSION, other, "L10").id
    receipt = transfers.Line(item=other, lot=lot, quantity=10, source=SUPPLIER, target=MAIN, value=100)
    transfers.post(SESSION, "receipt", FIRST, [receipt])
    page = f"/business/sales/order/{store.ordered((other, 2)).id}"
    for typed, status in (("L1", 422), ("L10", 303)):
        answer = press(client, page, "deliver", date="2026-05-02", **{"lines.0.lot": typed})
        assert (answer.status_code, "Does not exist." in answer.text) == (status, status == 422)


# --- lots whose day is over
def spoilt(item: int, day: datetime.date = FIRST - datetime.timedelta(days=2)) -> int:
    """Ten of a lot that was good until a day."""
    lot = items.add_lot(SESSION, item, "OLD", expires=day).id
    receipt = transfers.Line(item=item, lot=lot, quantity=10, source=SUPPLIER, target=MAIN, value=100)
    transfers.post(SESSION, "receipt", FIRST - datetime.timedelta(days=9), [receipt])
    return int(lot)


def test_a_lot_whose_day_is_over_goes_out_by_its_name_and_by_whoever_may(client: FlaskClient, store: Store) -> None:
    old = spoilt(store.yarn)
    order = store.ordered((store.yarn, 32))
    assert not Reservation.select().where(Reservation.lot == old).exists()
    clerk = dataclasses.replace(SESSION, user="clerk", rights=frozenset({"sales.*"}))
    named = Pick(line=OrderLine.get().id, quantity=2, lot=old)
    with pytest.raises(Refused, match=r"lines.0.lot: the lot OLD expired on 2026-04-29"):
        deliveries.post(clerk, order.id, FIRST, [named])
    for who in (clerk, SESSION):  # nobody takes it unawares
        with pytest.raises(Refused, match="only 30 of YARN can be taken, since the day of lot OLD is over"):
            deliveries.post(who, order.id, FIRST)
    deliveries.post(SESSION, order.id, FIRST, [named])
    deliveries.post(clerk, order.id, FIRST)
    assert delivered()[0] == (old, MAIN, 2)
    assert sum(quantity for lot, _, quantity in delivered() if lot != old) == 30


def test_a_day_that_was_mistyped_is_set_right(client: FlaskClient, store: Store) -> None:
    old = spoilt(store.yarn)
    assert send(client, f"/business/stock/lot/{old}/edit", expires="2126-04-29").status_code == 303
    row = Lot.get_by_id(old)
    assert (row.code, row.item_id, row.expires) == ("OLD", store.yarn, datetime.date(2126, 4, 29))
    clerk = dataclasses.replace(SESSION, rights=frozenset({"sales.*"}))
    deliveries.post(clerk, store.ordered((store.yarn, 32)).id, FIRST)
    assert old in {lot for lot, _, _ in delivered()}
    assert call(client, "PATCH", f"/api/biz/v1/stock/lot/{old}", {"expires": None}).json["expires"] is None


def test_a_lot_is_good_on_its_last_day(client: FlaskClient, store: Store) -> None:
    last = spoilt(store.yarn, FIRST)
    clerk = dataclasses.replace(SESSION, rights=frozenset({"sales.*"}))
    deliveries.post(clerk, store.ordered((store.yarn, 3)).id, FIRST)
    assert delivered() == [(last, MAIN, 3)]


def test_a_paper_by_hand_is_no_way_round_it(client: FlaskClient, store: Store) -> None:
    old = spoilt(store.yarn)
    keeper = dataclasses.replace(SESSION, rights=frozenset({"stock.move.post"}))
    for place, is_barred in (("CUSTOMER", True), ("PRODUCTION", True), ("SUPPLIER", False), ("LOSS", False)):
        line = transfers.Line(item=store.yarn, lot=old, quantity=1, source=MAIN, target=items.place(place))
        if is_barred:
            with pytest.raises(Refused, match="lot: the lot OLD expired"):
                transfers.post(keeper, "issue", FIRST, [line])
            dared = dataclasses.replace(keeper, rights=frozenset({"stock.move.post", expiry.TAKE}))
            transfers.post(dared, "issue", FIRST, [line])
        else:
            transfers.post(keeper, "issue", FIRST, [line])


def test_nothing_is_made_of_a_lot_whose_day_is_over(client: FlaskClient) -> None:
    shop = make_shop()
    milk = items.add_item(SESSION, "MILK", "milk", has_lots=True).id
    cheese = items.add_item(SESSION, "CHEESE", "cheese").id
    old = spoilt(milk)
    steps = [routings.Step(code="stir", name="Stir", centre=shop.centre, run_ms=1000)]
    routings.release(SESSION, routings.draft(SESSION, cheese, "A", steps, date=JANUARY).id, 1)
    parts = [boms.Component(item=milk, quantity=1)]
    boms.release(SESSION, boms.draft(SESSION, cheese, "A", 1, parts, date=JANUARY).id, 1)
    order = work.release(SESSION, work.draft(SESSION, cheese, 5, FIRST).id, 1)
    (card,) = both(order)
    for kind, quantity in (("start", 0), ("good", 5), ("finish", 0)):
        shop.report(card, kind, quantity)
    worker = dataclasses.replace(SESSION, rights=frozenset({"production.*"}))
    with pytest.raises(Refused, match="only 0 of MILK can be taken, since the day of lot OLD is over"):
        output.receive(worker, order.id, 5, date=FIRST)
    with pytest.raises(Refused, match="lot: the lot OLD expired on 2026-04-29"):
        materials.issue(worker, order.id, 1, 5, lot=old, date=FIRST)
    materials.issue(SESSION, order.id, 1, 5, lot=old, date=FIRST)
    output.receive(worker, order.id, 5, date=FIRST)
    assert (there(milk, old, MAIN), there(cheese, 0, MAIN)) == (5, 5)


def test_the_page_says_whose_permission_it_takes(client: FlaskClient, store: Store) -> None:
    """What is offered leaves the lot out; the remedy names the permission in words."""
    spoilt(store.yarn)
    order = store.ordered((store.yarn, 32))
    page = f"/business/sales/order/{order.id}"
    form = re.search(r'action="[^"]*/deliver".*?</form>', client.get(page).text, re.S)[0]
    assert "OLD" not in form
    alone = {"lines.1.quantity": "", "lines.2.quantity": ""}
    more = {"lines.0.quantity": "32", "lines.0.lot": "", "lines.0.location": "", **alone}
    answer = press(client, page, "deliver", date=str(FIRST), **more)
    assert answer.status_code == 422
    assert "let somebody with the permission “Take lots out whose day is over” name the lot." in answer.text
    more = {"lines.0.quantity": "2", "lines.0.lot": "OLD", "lines.0.location": "", **alone}
    assert press(client, page, "deliver", date=str(FIRST), **more).status_code == 303
