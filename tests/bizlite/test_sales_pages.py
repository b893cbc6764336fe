"""The pages of sales and purchasing, as a shop uses them: from the question to the paid goods, by forms and by REST."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from bizlite.finance import parties
from bizlite.finance.models import Invoice
from bizlite.purchasing.models import Order as Purchase
from bizlite.purchasing.models import Receipt, Request
from bizlite.sales import orders
from bizlite.sales.lines import Wanted
from bizlite.sales.models import Delivery, Order, OrderLine, Price, Progress, Quotation, Return
from bizlite.stock import items, planning, transfers
from bizlite.stock.models import Item
from bizlite.web.app import create_app
from bizlite.web.resource import every
from tests.bizlite.conftest import Fresh, leave
from tests.bizlite.web_site import OWNER, USER, call, hidden, identify, press, send


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
def shop(client: FlaskClient) -> FlaskClient:
    """A customer, a supplier who sells bolts, and bolts."""
    for code, name, kind in (("C1", "Wang & Co", "is_customer"), ("S1", "Steel <works>", "is_supplier")):
        assert send(client, "/business/finance/party/new", code=code, name=name, payment_days="30",
                    **{kind: "1"}).status_code == 303  # fmt: skip
    assert (
        send(client, "/business/stock/item/new", code="BOLT", name="Bolt", unit="kg", account="1405").status_code == 303
    )
    answer = send(client, "/business/purchasing/supplier_item/new", party="S1", item="BOLT", price="4.52", rate="13",
                  least="1", multiple="0.5", lead_days="3", tolerance="10", is_preferred="1")  # fmt: skip
    assert answer.status_code == 303
    return client


def draft(client: FlaskClient, **more: str) -> str:
    """The page of an order of bolts that is not confirmed."""
    values = {"party": "C1", "lines.0.item": "BOLT", "lines.0.quantity": "2", "lines.0.price": "9"}
    answer = send(client, "/business/sales/order/new", date="2026-11-02", is_gross="1", **values | more)
    assert answer.status_code == 303, answer.text
    return str(answer.location).partition("?")[0]


def buy(client: FlaskClient, quantity: str = "10") -> str:
    """An order of bolts, sent and received; gives its page."""
    answer = send(client, "/business/purchasing/order/new", party="S1", date="2026-11-02", is_gross="1",
                  **{"lines.0.item": "BOLT", "lines.0.quantity": quantity})  # fmt: skip
    page = f"/business/purchasing/order/{Purchase.select().count()}"
    assert answer.location.startswith(page)
    assert press(client, page, "send").status_code == 303
    return page


def sell(client: FlaskClient, quantity: str = "4", price: str = "9.04") -> str:
    answer = send(client, "/business/sales/order/new", party="C1", date="2026-11-03", is_gross="1",
                  **{"lines.0.item": "BOLT", "lines.0.quantity": quantity, "lines.0.price": price})  # fmt: skip
    page = f"/business/sales/order/{Order.select().count()}"
    assert answer.location.startswith(page), answer.text
    return page


def test_goods_are_ordered_received_sold_delivered_in_parts_and_invoiced(shop: FlaskClient) -> None:
    bought = buy(shop)
    page = shop.get(bought).text
    assert "2026-11-05" in page  # three days of lead time
    assert "open><summary>Receive</summary>" in page
    answer = press(shop, bought, "receive", date="2026-11-03", **{"lines.0.quantity": "11"})
    assert answer.location.startswith("/business/purchasing/receipt/1")
    assert "open><summary>Receive</summary>" not in shop.get(bought).text
    sold = sell(shop)
    assert press(shop, sold, "confirm").status_code == 303
    assert "SO-2026-00001" in shop.get(sold).text
    answer = press(shop, sold, "deliver", date="2026-11-04", **{"lines.0.quantity": "1.5"})
    assert answer.location.startswith("/business/sales/delivery/1")
    row = Progress.get()
    assert (row.ordered, row.delivered, row.open) == (4000, 1500, 2500)
    answer = press(shop, sold, "deliver", date="2026-11-05", **{"lines.0.quantity": "2.6"})
    assert answer.status_code == 422
    said = re.search('id="deliver-lines.0.quantity-error".*?</p>', answer.text, re.S)
    assert said
    assert "Is more than is open. Give at most 2.5." in said[0]
    assert "<strong>Line 1, Quantity</strong> Is more than is open." in answer.text
    assert press(shop, sold, "deliver", date="2026-11-05").status_code == 303
    assert press(shop, sold, "invoice", date="2026-11-05").status_code == 303
    invoice = Invoice.get(Invoice.kind == "sale")
    assert (invoice.net, invoice.tax) == (3200, 416)
    answer = press(shop, "/business/sales/delivery/1", "give_back", date="2026-11-06", **{"lines.0.quantity": "0.5"})
    assert answer.location.startswith("/business/sales/return/1")
    assert Invoice.get(Invoice.kind == "sale_credit").net == 400
    answer = press(shop, bought, "invoice", date="2026-11-06", their_number="FP 9", **{"lines.0.price": "4.6"})
    assert answer.status_code == 303
    bill = Invoice.get(Invoice.kind == "purchase")
    assert (bill.their_number, bill.net + bill.tax) == ("FP 9", 5060)


def test_people_of_one_name_are_told_apart_by_their_firm(shop: FlaskClient) -> None:
    """The list could not: it offers the name, which fits both."""
    assert send(shop, "/business/finance/party/new", code="C2", name="Other", payment_days="30",
                is_customer="1").status_code == 303  # fmt: skip
    for party in ("C1", "C2"):
        assert send(shop, "/business/sales/contact/new", party=party, name="Li").status_code == 303
    page = draft(shop, party="C2", contact="Li")
    assert Order.get().contact.party.code == "C2"
    assert re.search("Contact</dt><dd>.*?Li", shop.get(page).text, re.S)
    line = {"item": 1, "quantity": 1, "price": 1}
    body = {"party": Order.get().party_id, "contact": 1, "date": "2026-11-02", "lines": [line]}
    refused = call(shop, "POST", "/api/biz/v1/sales/order", body).json["error"]["problems"]
    assert [problem["field"] for problem in refused] == ["contact"]


def test_a_double_click_delivers_once(shop: FlaskClient) -> None:
    press(shop, buy(shop), "receive", date="2026-11-03")
    sold = sell(shop)
    press(shop, sold, "confirm")
    text = shop.get(sold).text
    form = re.search(rf'action="{sold}/deliver".*?</form>', text, re.S)[0]
    sent = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*?value="([^"]*)"', form)) | {"date": "2026-11-04"}
    answers = {shop.post(f"{sold}/deliver", data=sent).location for _ in range(2)}
    assert (len(answers), Delivery.select().count()) == (1, 1)


def test_what_was_typed_into_a_draft_that_was_confirmed_meanwhile_is_not_lost(shop: FlaskClient) -> None:
    """It was led to the order's page as if it were saved."""
    page = draft(shop)
    form = shop.get(f"{page}/edit").text
    sent = {name: hidden(form, name) for name in ("csrf", "key", "version")}
    assert press(shop, page, "confirm").status_code == 303
    line = {"lines.0.item": "BOLT", "lines.0.quantity": "2", "lines.0.price": "9"}
    again = shop.post(f"{page}/edit", data={**sent, "party": "C1", "date": "2026-11-02", "text": "by Friday", **line})
    assert again.status_code == 422
    assert "Is confirmed. Cancel what is open, and make a new order." in again.text
    assert "by Friday" in again.text
    assert shop.get(f"{page}/edit").status_code == 303


def test_a_quotation_is_sent_printed_and_becomes_an_order(shop: FlaskClient) -> None:
    ours = {"csrf": hidden(shop.get("/business/company").text, "csrf"), "name": "我们 & Sons", "bank": "ICBC 123"}
    assert shop.post("/business/company", data=ours | {"name": " "}).status_code == 422
    assert shop.post("/business/company", data=ours).status_code == 303
    answer = send(shop, "/business/sales/quotation/new", party="C1", date="2026-11-01", valid_until="2026-12-01",
                  is_gross="1", text="Kind regards", **{"lines.0.item": "BOLT", "lines.0.quantity": "2.5",
                  "lines.0.price": "8", "lines.0.discount": "5"})  # fmt: skip
    assert answer.status_code == 303
    page = "/business/sales/quotation/1"
    assert press(shop, page, "send").status_code == 303
    paper = shop.get(f"{page}/print").text
    for words in ("QT-2026-00001", "Wang &amp; Co", "BOLT Bolt", "2.5 kilogram", "5 %", "19.00", "2026-12-01",
                  "我们 &amp; Sons", "ICBC 123", "Kind regards"):  # fmt: skip
        assert words in paper, words
    assert press(shop, page, "revise", date="2026-11-02", valid_until="2026-12-02").status_code == 303
    assert Quotation.get_by_id(2).revision == 2
    assert press(shop, page, "order", date="2026-11-03", their_number="PO-7").location.startswith(
        "/business/sales/order/1"
    )
    order = "/business/sales/order/1"
    press(shop, order, "confirm")
    assert "PO-7" in shop.get(f"{order}/print").text
    press(shop, buy(shop), "receive", date="2026-11-03")
    press(shop, order, "deliver", date="2026-11-04")
    assert "Delivery note" in shop.get("/business/sales/delivery/1/print").text
    assert "Steel &lt;works&gt;" in shop.get("/business/purchasing/order/1/print").text


def test_the_order_says_what_it_waits_for(shop: FlaskClient) -> None:
    page = sell(shop)
    assert re.search(r"BOLT Bolt: \d{4}-\d\d-\d\d", shop.get(page).text)
    press(shop, "/business/purchasing/supplier_item/1", "remove")
    assert "BOLT Bolt: ?" in shop.get(page).text
    planning.set_reorder(OWNER, Item.get().id, 0, 1, lead_days=9)
    assert re.search(r"BOLT Bolt: \d{4}-\d\d-\d\d", shop.get(page).text)


def test_suggestions_and_requests_become_orders_by_one_click(shop: FlaskClient) -> None:
    press(shop, sell(shop), "confirm")
    needs = {"item": "BOLT", "quantity": "3", "needed": "2026-12-01", "text": "spares"}
    lines = {f"lines.0.{name}": text for name, text in needs.items()}
    answer = send(shop, "/business/purchasing/request/new", date="2026-11-02", **lines)
    assert answer.status_code == 303
    press(shop, "/business/purchasing/request/1", "hand_in")
    assert "Requested and not yet ordered" in shop.get("/business/").text
    page = shop.get("/business/purchasing/suggestions").text
    sent = {"csrf": hidden(page, "csrf"), "key": "one-click", "item": re.search('name="item" value="([^"]+)"', page)[1]}
    places = {shop.post("/business/purchasing/suggestions", data=sent).location for _ in range(2)}
    assert (len(places), Purchase.select().count()) == (1, 1)
    assert Purchase.get().net == 1600
    page = shop.get("/business/purchasing/suggestions").text
    assert "There is enough of everything." in page
    sent = {"csrf": hidden(page, "csrf"), "what": "requests", "line": "1"}
    assert shop.post("/business/purchasing/suggestions", data=sent).status_code == 303
    assert shop.post("/business/purchasing/suggestions", data=sent).status_code == 422
    assert "#2" in shop.get("/business/purchasing/request/1").text
    sent["line"] = "x"
    assert "Does not exist" in shop.post("/business/purchasing/suggestions", data=sent).text
    assert Request.get().number == "PR-2026-00001"


def test_an_order_beyond_the_limit_needs_its_reason_and_cancelling_its_own(shop: FlaskClient) -> None:
    send(shop, "/business/finance/party/1/edit", name="Wang", is_customer="1", payment_days="30", credit_limit="10")
    page = sell(shop)
    answer = press(shop, page, "confirm")
    assert answer.status_code == 422
    assert "The credit limit 10.00 would be passed: 0.00 is used, this is 36.16." in answer.text
    assert press(shop, page, "confirm_over", credit_reason="").status_code == 422
    assert press(shop, page, "confirm_over", credit_reason="pays tomorrow").status_code == 303
    assert "pays tomorrow" in shop.get(page).text
    answer = press(shop, page, "cancel", reason="no need", **{"lines.0.quantity": "1"})
    assert answer.status_code == 303
    assert Progress.get().cancelled == 1000


def test_prices_of_lists_are_filled_in_and_taken_out(shop: FlaskClient) -> None:
    send(shop, "/business/sales/group/new", code="D", name="Dealers", discount="10")
    press(shop, "/business/sales/group/1", "join", party="C1")
    assert "Wang &amp; Co" in shop.get("/business/sales/group/1").text
    send(shop, "/business/sales/price/new", item="BOLT", least="0.001", price="5", rate="13", first="2026-01-01")
    sell(shop, price="")
    line = OrderLine.get()
    assert (line.price, line.discount, line.net + line.tax) == (5_000_000, 1000, 1800)
    assert press(shop, "/business/sales/price/1", "remove").location.startswith("/business/stock/item/1")
    assert not Price.select().count()


def test_rest_delivers_all_that_is_open_or_what_is_said(shop: FlaskClient) -> None:
    api = "/api/biz/v1"
    press(shop, buy(shop), "receive", date="2026-11-03")
    body = {"party": "C1", "date": "2026-11-03", "is_gross": True,
            "lines": [{"item": "BOLT", "quantity": 4000, "price": 1_000_000}]}  # fmt: skip
    made = call(shop, "POST", f"{api}/sales/order", body)
    assert made.status_code == 201, made.text
    order = f"{api}/sales/order/{made.json['id']}"
    assert call(shop, "POST", f"{order}/confirm", {"version": made.json["version"]}).status_code == 200
    line = OrderLine.get().id
    part = {"date": "2026-11-04", "lines": [{"line": line, "quantity": 1000}]}
    assert call(shop, "POST", f"{order}/deliver", part, **{"Idempotency-Key": "a"}).json["number"] == "DN-2026-00001"
    wrong = call(shop, "POST", f"{order}/deliver", {"date": "2026-11-04", "lines": [{"line": 77, "quantity": -1}]})
    assert wrong.status_code == 422
    assert call(shop, "POST", f"{order}/deliver", {"date": "2026-11-04"}).status_code == 200
    assert Progress.get().open == 0
    assert call(shop, "GET", order).json["lines"][0]["delivered"] == 4000
    nothing = call(shop, "POST", f"{api}/sales/delivery/1/give_back", {"date": "2026-11-04"})
    assert (nothing.status_code, nothing.json["error"]["problems"][0]["field"]) == (422, "lines")


def test_everything_has_a_list_and_opens_in_both_languages(shop: FlaskClient) -> None:
    press(shop, buy(shop), "receive", date="2026-11-03")
    sold = sell(shop)
    press(shop, sold, "confirm")
    press(shop, sold, "deliver", date="2026-11-04")
    press(shop, "/business/sales/delivery/1", "give_back", date="2026-11-04", **{"lines.0.quantity": "1"})
    press(shop, "/business/purchasing/receipt/1", "send_back", date="2026-11-04", **{"lines.0.quantity": "1"})
    assert (Return.select().count(), Receipt.select().count()) == (1, 1)
    for language in ("zh", "en"):
        shop.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
        for resource in every().values():
            if resource.module in ("sales", "purchasing"):
                base = f"/business/{resource.module}/{resource.noun}"
                for address in (base, f"{base}?q=x", f"{base}.csv", *([f"{base}/new"] if resource.create else [])):
                    assert shop.get(address).status_code == 200, address
                for row in list(resource.model.select()):
                    assert shop.get(f"{base}/{row._pk}").status_code == 200
        assert shop.get("/business/search?q=SO-2026-00001").status_code == 303
        assert shop.get("/business/").status_code == 200


def test_an_order_says_what_it_waits_for_until_that_is_reserved(client: FlaskClient) -> None:
    party = parties.add(OWNER, "C1", "Wang", is_customer=True).id
    lacking = [items.add_item(OWNER, code, "x").id for code in ("NUT", "SCREW")]
    wanted = [Wanted(item=item, quantity=2, price=1_000_000, rate=0) for item in lacking]
    order = orders.draft(OWNER, party, OWNER.today(), wanted)
    page = f"/business/sales/order/{order.id}"

    def waits() -> list[str]:
        return re.findall(r"<dt>Waits for</dt><dd>(\w+)", client.get(page).text)

    assert waits() == ["NUT"]
    orders.confirm(OWNER, order.id)
    for item, found in zip(lacking, (["SCREW"], []), strict=True):
        line = transfers.Line(item=item, quantity=2, source=2, target=1, value=0)
        transfers.post(OWNER, "receipt", OWNER.today(), [line])
        orders.reserve(OWNER, order.id)
        assert waits() == found
