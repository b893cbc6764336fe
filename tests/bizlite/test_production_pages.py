"""Production and quality as a browser and a program ask them; the job card as a phone without a login does."""

from __future__ import annotations

import datetime
import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from bizlite.core import registry
from bizlite.production import boms, cards, orders, progress, reports, routings, workers
from bizlite.production.models import Bom, Card, Centre, Day, Operation, Order, Report, Shift
from bizlite.quality import plans
from bizlite.quality.models import Inspection, Nonconformity, Plan
from bizlite.stock import items
from bizlite.web.app import create_app
from tests.bizlite.conftest import Fresh, leave
from tests.bizlite.web_site import OWNER, USER, call, hidden, identify, send
from tests.bizlite.workshop import JANUARY, SESSION, TODAY, Shop, make_shop

SCAN = "/business/production/scan"
NEXT_MONTH = str(datetime.date.today() + datetime.timedelta(days=30))
PRICES = re.compile(r"0\.50|0\.25|yuan|rate", re.IGNORECASE)


@pytest.fixture
def app(sqlite: Fresh) -> Iterator[Flask]:
    yield create_app(sqlite(), identify)
    leave()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    found = app.test_client()
    found.environ_base[USER] = "admin"
    found.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return found


@pytest.fixture
def shop(app: Flask) -> Shop:
    return make_shop()


@pytest.fixture
def phone(app: Flask) -> FlaskClient:
    """Somebody's phone: nobody is logged in."""
    found = app.test_client()
    found.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return found


def address(order: Order, position: int = 1) -> str:
    return f"{SCAN}/{cards.token(cards.of_order(order.id)[position - 1].id)}"


def sign_in(phone: FlaskClient, at: str, pin: str = "1234") -> Any:
    return phone.post(f"{at}/sign-in", data={"csrf": hidden(phone.get(at).text, "csrf"), "code": "W1", "pin": pin})


def report(phone: FlaskClient, at: str, **values: Any) -> Any:
    """As the page's script sends it."""
    csrf = hidden(phone.get(at).text, "csrf")
    return phone.post(f"{at}/report", json=values, headers={"X-CSRF-Token": csrf})


# --- the office
def test_from_centre_to_receipt_on_the_pages(client: FlaskClient, app: Flask) -> None:
    steel = items.add_item(SESSION, "STEEL", "steel", unit="kg", may_be_negative=True).id
    items.add_item(SESSION, "BOLT", "bolt")
    made = send(client, "/business/production/centre/new", code="C1", name="Lathe", machines="2", **{
        "shifts.0.weekday": "0", "shifts.0.start_minute": "08:00", "shifts.0.end_minute": "17:30"})  # fmt: skip
    assert made.status_code == 303
    assert "17:30" in client.get(made.location).text
    assert (Shift.get().weekday, Shift.get().end_minute) == (0, 1050)
    made = send(client, "/business/production/bom/new", item="BOLT", revision="A", quantity="1", date="2026-01-01", **{
        "lines.0.item": "STEEL", "lines.0.quantity": "0.5", "lines.0.scrap": "10", "lines.0.operation": "1",
        "lines.0.is_backflushed": "1"})  # fmt: skip
    assert made.status_code == 303, made.text
    line = Bom.get()
    assert client.post(f"/business/production/bom/{line.id}/release", data=_button(client, made.location)).status_code
    assert Bom.get().posted
    made = send(client, "/business/production/routing/new", item="BOLT", revision="A", date="2026-01-01", **{
        "lines.0.code": "turn", "lines.0.name": "Turning", "lines.0.centre": "C1", "lines.0.setup_s": "1.5",
        "lines.0.run_ms": "2.25", "lines.0.rate": "0.5"})  # fmt: skip
    assert made.status_code == 303, made.text
    step = Operation.get()
    assert (step.setup_s, step.run_ms, step.rate) == (90, 2250, 500_000)
    client.post("/business/production/routing/1/release", data=_button(client, made.location))
    made = send(client, "/business/production/order/new", item="BOLT", quantity="10", due=NEXT_MONTH,
                date=str(TODAY), priority="5")  # fmt: skip
    assert made.status_code == 303, made.text
    order = Order.get()
    client.post("/business/production/order/1/release", data=_button(client, made.location))
    card = Card.get()
    wrong = {"kind": "good", "quantity": "10", "worker": "nobody", **_button(client, "/business/production/card/1")}
    answer = client.post("/business/production/card/1/report", data=wrong)
    assert answer.status_code == 422
    workers.add(SESSION, "W1", "Wang")
    for kind, quantity in (("good", "10"), ("finish", "")):
        sent = {"kind": kind, "quantity": quantity, "worker": "W1"}
        button = _button(client, "/business/production/card/1")
        assert client.post("/business/production/card/1/report", data={**button, **sent}).status_code == 303
    assert cards.tally(card.id).finished
    shown = client.get("/business/production/order/1").text
    assert "1: STEEL 5.5 kilogram (issued: 0)" in shown
    button = _button(client, "/business/production/order/1")
    answer = client.post("/business/production/order/1/receive", data={**button, "quantity": "10"})
    assert answer.status_code == 303, answer.text
    assert orders.received(order.id) == 10
    assert orders.issued(order.id, orders.materials(order.id)[0]) == 5000
    assert steel


def _button(client: FlaskClient, page: str) -> dict[str, str]:
    text = client.get(page).text
    return {"csrf": hidden(text, "csrf"), "key": hidden(text, "key"), "version": hidden(text, "version")}


@pytest.mark.parametrize("time", ["8", "08:60", "a:00", "08:00:00"])
def test_a_wrong_time_is_said_at_its_field(client: FlaskClient, time: str) -> None:
    answer = send(client, "/business/production/centre/new", code="C1", name="Lathe", machines="1", **{
        "shifts.0.weekday": "0", "shifts.0.start_minute": time, "shifts.0.end_minute": "17:00"})  # fmt: skip
    assert answer.status_code == 422
    assert "Give a time as 08:30." in answer.text
    assert not Centre.select().count()


def test_the_board_loading_and_pay(client: FlaskClient, shop: Shop) -> None:
    order = shop.order()
    shop.report(cards.of_order(order.id)[0], "good", 4)
    board = client.get("/business/production/board").text
    assert order.number in board
    assert "Wang" in client.get("/business/production/pay?first=2026-04-01&last=2026-04-30").text
    assert "2.00" in client.get("/business/production/pay?first=2026-04-01&last=2026-04-30").text
    gantt = client.get("/business/production/gantt").text
    assert gantt.count("<rect") == 2
    assert f"{order.number}-1-1" in gantt
    assert client.get("/business/production/pay?first=soon").status_code == 422


def test_what_a_person_made_today_is_in_the_unit_of_the_product(client: FlaskClient, shop: Shop) -> None:
    powder = items.add_item(SESSION, "POWDER", "powder", unit="kg").id
    step = routings.Step(code="mill", name="Milling", centre=shop.centre, run_ms=1000)
    routings.release(SESSION, routings.draft(SESSION, powder, "A", [step], date=JANUARY).id, 1)
    part = boms.Component(item=shop.steel, quantity=1)
    boms.release(SESSION, boms.draft(SESSION, powder, "A", 1, [part], date=JANUARY).id, 1)
    made = orders.draft(SESSION, powder, 5000, TODAY)
    made = orders.release(SESSION, made.id, made.version)
    reports.report(OWNER, cards.of_order(shop.order().id)[0].id, "good", shop.worker, 4)
    reports.report(OWNER, cards.of_order(made.id)[0].id, "good", shop.worker, 2500)
    found = progress.by_person(OWNER, OWNER.today())
    assert [(line.unit, line.good, line.minutes) for line in found] == [("kg", 2500, 0), ("pcs", 4, None)]
    page = client.get("/business/production/board").text
    assert re.search(r"Wang<.*?>2[.]5 kilogram<.*?Wang<.*?>4 piece<", page, re.S)


def test_two_workers_of_one_name_are_paid_apart(client: FlaskClient, shop: Shop) -> None:
    card = cards.of_order(shop.order().id)[0]
    other = workers.add(SESSION, "W2", "Wang").id
    shop.report(card, "good", 4)
    reports.report(SESSION, card.id, "good", other, 2)
    page = client.get("/business/production/pay?first=2026-04-01&last=2026-04-30").text
    found = re.findall(r"<h2>Wang \((W\d)\)</h2><strong>([\d.]+)<", page)
    assert found == [("W1", "2.00"), ("W2", "1.00")]


def test_cards_are_printed_with_a_code_that_leads_to_them(client: FlaskClient, shop: Shop) -> None:
    order = shop.order(10, batch_size=5)
    sheets = client.get(f"/business/production/order/{order.id}/print").text
    assert sheets.count('class="qr"') == 4
    assert 'class="plain sheets"' in sheets
    card = cards.of_order(order.id)[0]
    ticket = client.get(f"/business/production/card/{card.id}/print?paper=ticket").text
    assert ticket.count('class="qr"') == 1
    assert 'class="plain tickets"' in ticket
    assert "style=" not in sheets + ticket  # the page's policy would leave it out


def test_rest_makes_an_order_and_reports(client: FlaskClient, shop: Shop) -> None:
    made = call(client, "POST", "/api/biz/v1/production/order", {"item": "BOLT", "quantity": 5, "due": NEXT_MONTH})
    assert made.status_code == 201, made.json
    path = f"/api/biz/v1/production/order/{made.json['id']}"
    assert call(client, "PATCH", path, {"quantity": 6, "version": 1}).json["quantity"] == 6
    assert call(client, "POST", f"{path}/release", {"version": 2}).status_code == 200
    sent = {"kind": "good", "quantity": 7, "worker": "W1"}
    wrong = call(client, "POST", "/api/biz/v1/production/card/1/report", sent)
    assert wrong.status_code == 422
    assert wrong.json["error"]["problems"][0]["field"] == "quantity"
    right = call(client, "POST", "/api/biz/v1/production/card/1/report", {**sent, "quantity": 6})
    assert right.status_code == 200, right.json
    assert right.json["good"] == 6


# --- the phone
def test_a_card_is_opened_by_its_token_and_says_no_price(phone: FlaskClient, shop: Shop) -> None:
    at = address(shop.order())
    page = phone.get(at).text
    assert "Turning" in page
    assert "Who are you?" in page
    assert 'name="kind"' not in page
    assert sign_in(phone, at, "9999").status_code == 403
    assert sign_in(phone, at).status_code == 303
    page = phone.get(at).text
    assert "How many are good?" in page
    assert not PRICES.search(page)
    for wrong in ("1", "1-x", at.rpartition("/")[2][:-2]):
        assert phone.get(f"{SCAN}/{wrong}").status_code == 404
    # The token opens this card, and nothing else.
    for other in ("/business/production/card/1", "/business/production/pay", "/business/"):
        assert phone.get(other).status_code == 401


def test_reports_of_the_queue_come_twice_late_and_wrong(phone: FlaskClient, shop: Shop) -> None:
    order = shop.order()
    at = address(order)
    assert report(phone, at, kind="good", quantity="1", key="k0", worker=str(shop.worker)).status_code == 401
    sign_in(phone, at)
    made = {"kind": "good", "quantity": "4", "key": "k1", "worker": str(shop.worker)}
    for _ in range(2):
        assert report(phone, at, **made).json == {"problem": ""}
    assert cards.tally(1).good == 4
    wrong = report(phone, at, **{**made, "quantity": "99", "key": "k2"})
    assert (wrong.status_code, wrong.json["problem"]) == (422, "Is more than can come to this card. Give at most 6.")
    another = report(phone, at, **{**made, "key": "k3", "worker": "77"})
    assert another.status_code == 401
    for values in ({"quantity": "x"}, {"kind": "dance"}, {"reported_ms": "yesterday"}, {"key": ""}):
        assert report(phone, at, **{**made, "key": "k4", **values}).status_code == 422
    assert phone.post(f"{at}/report", json=made).status_code == 400  # no form of ours
    assert Report.select().count() == 1


def test_a_phone_without_script_reports_by_form_and_takes_back(phone: FlaskClient, shop: Shop) -> None:
    at = address(shop.order())
    sign_in(phone, at)
    csrf = hidden(phone.get(at).text, "csrf")
    sent = {"csrf": csrf, "kind": "scrap", "quantity": "2", "cause": "crack", "key": "f1"}
    assert phone.post(f"{at}/report", data=sent).status_code == 303
    assert cards.tally(1).scrap == 2
    answer = phone.post(f"{at}/report", data={**sent, "cause": "", "key": "f2"})
    assert answer.status_code == 422
    assert "Say why" in answer.text
    assert phone.post(f"{at}/undo", data={"csrf": csrf, "report": "1"}).status_code == 303
    assert cards.tally(1).scrap == 0
    assert phone.post(f"{at}/undo", data={"csrf": csrf, "report": "x"}).status_code == 422
    phone.post(f"{at}/sign-out", data={"csrf": csrf})
    assert "Who are you?" in phone.get(at).text


def test_another_pin_ends_what_the_one_before_began(phone: FlaskClient, shop: Shop) -> None:
    at = address(shop.order())
    sign_in(phone, at)
    assert "How many are good?" in phone.get(at).text
    workers.set_pin(SESSION, shop.worker, "4321")
    assert "Who are you?" in phone.get(at).text
    assert sign_in(phone, at, "4321").status_code == 303
    assert "How many are good?" in phone.get(at).text


def test_a_login_is_a_worker_when_it_is_theirs(client: FlaskClient, shop: Shop) -> None:
    at = address(shop.order())
    assert "Who are you?" in client.get(at).text
    workers.change(SESSION, shop.worker, user="admin")
    assert "How many are good?" in client.get(at).text
    assert report(client, at, kind="cut", quantity="3", key="c1").status_code == 200
    assert cards.tally(1).received == 7


def test_a_drawing_at_the_routing_is_seen_by_the_worker_of_the_card(
    client: FlaskClient, phone: FlaskClient, shop: Shop
) -> None:
    order = shop.order()
    for name, key, file in (("routing", order.routing_id, "bolt.pdf"), ("order", order.id, "note.txt"),
                            ("bom", order.bom_id, "prices.xlsx")):  # fmt: skip
        page = client.get(f"/business/production/{name}/{key}").text
        sent = {"csrf": hidden(page, "csrf"), "file": (io.BytesIO(file.encode()), file)}
        made = client.post(f"/business/files/production.{name}/{key}", data=sent, content_type="multipart/form-data")
        assert made.status_code == 303
    at = address(order)
    assert "bolt.pdf" not in phone.get(at).text
    assert phone.get(f"{at}/file/1").status_code == 401
    sign_in(phone, at)
    page = phone.get(at).text
    assert "note.txt" in page
    assert "prices.xlsx" not in page
    found = re.search(r'href="([^"]*/file/\d+)">bolt.pdf', page)
    with phone.get(found[1]) as answer:
        assert answer.data == b"bolt.pdf"
    assert phone.get(f"{at}/file/3").status_code == 404  # at the bill of material, which is the office's
    assert phone.get(f"{at}x/file/1").status_code == 404


def test_a_forged_worker_is_nobody(phone: FlaskClient, shop: Shop) -> None:
    at = address(shop.order())
    for value in (f"{shop.worker}.99999999999.00", "x", "1.2", f"{shop.worker}.99999999999.é", "é.1.2"):
        phone.set_cookie("biz-worker", value, path="/business")
        assert "Who are you?" in phone.get(at).text


def test_the_card_is_away_while_production_is_off(phone: FlaskClient, shop: Shop) -> None:
    at = address(shop.order())
    registry.switch(SESSION, "production", False)
    assert phone.get(at).status_code == 404
    assert "is off" in phone.get(at).text


# --- quality
def test_a_plan_an_inspection_and_a_nonconformity(client: FlaskClient, shop: Shop) -> None:
    made = send(client, "/business/quality/plan/new", code="Q1", name="Turning", moment="operation", item="BOLT",
                operation="turn", sample="1", **{
                    "lines.0.name": "Diameter", "lines.0.unit": "mm", "lines.0.scale": "2", "lines.0.low": "9.9",
                    "lines.0.high": "10.1", "lines.1.name": "No burr", "lines.1.scale": "0"})  # fmt: skip
    assert made.status_code == 303, made.text
    diameter, burr = plans.characteristics(Plan.get().id)
    assert (diameter.low, diameter.high, burr.kind) == (990, 1010, "yesno")
    order = shop.order()
    shop.report(cards.of_order(order.id)[0], "good", 10)
    phone = client.get(address(order)).text
    assert "inspected before it is finished" in phone
    at = re.search(r'href="(/business/quality/inspect[^"]*)"', phone)[1].replace("&amp;", "&")
    page = client.get(at).text
    sent = {"csrf": hidden(page, "csrf"), "key": hidden(page, "key"), "quantity": "10", "text": ""}
    wrong = client.post(at, data={**sent, f"c{burr.id}.1": "1"})
    assert wrong.status_code == 422
    assert "Give Diameter of piece 1." in wrong.text
    made = client.post(at, data={**sent, f"c{diameter.id}.1": "10.2", f"c{burr.id}.1": "1"})
    assert made.status_code == 303
    assert Inspection.get().verdict == "fail"
    assert "10.2" in client.get(made.location).text
    made = send(client, "/business/quality/nonconformity/new", item="BOLT", quantity="10", text="too thick",
                inspection=Inspection.get().number)  # fmt: skip
    assert made.status_code == 303, made.text
    button = _button(client, made.location)
    acted = {"action": "turn again", "responsible": "Wang", "due": "2030-01-01"}
    assert client.post("/business/quality/nonconformity/1/act", data={**button, **acted}).status_code == 303
    assert "turn again" in client.get(made.location).text
    assert Nonconformity.get().posted
    assert "0&nbsp;%" in client.get("/business/quality/yield").text


def test_holidays(client: FlaskClient, shop: Shop) -> None:
    made = send(client, "/business/production/day/new", name="国庆节", date="2026-10-01", works_as="")
    assert made.status_code == 303, made.text
    assert Day.get().works_as is None
    made = send(client, "/business/production/day/new", name="国庆节", date="2026-10-01", works_as="3")
    assert made.status_code == 303, made.text
    assert [day.works_as for day in Day.select()] == [3]
