"""Lists and the search everywhere: order, place, filters, CSV, what a scanner reads."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient

from bizlite.finance import parties
from bizlite.finance.models import Party
from bizlite.sales import orders
from bizlite.sales.lines import Wanted
from bizlite.stock import items
from bizlite.web import addresses
from bizlite.web.app import create_app
from bizlite.web.resource import every
from tests.bizlite.conftest import Fresh, leave
from tests.bizlite.web_site import OWNER, asker, call, identify


@pytest.fixture
def app(sqlite: Fresh, tmp_path: Path) -> Iterator[Flask]:
    yield create_app(sqlite(), identify, folder=tmp_path)
    leave()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return asker(app)


def test_every_row_stands_on_one_page_of_the_list_in_every_order(client: FlaskClient) -> None:
    for number in range(120):
        parties.add(OWNER, f"C{number:03}", f"Name {number % 7}", is_customer=bool(number % 2))
    for sort in ("code", "-code", "id", "-id"):
        address: str | None = f"/api/biz/v1/finance/party?limit=50&sort={sort}&is_customer=yes"
        codes = []
        while address:
            body = call(client, "GET", address).json
            codes += [row["code"] for row in body["items"]]
            address = body["next"]
        expected = [f"C{number:03}" for number in range(1, 120, 2)]
        assert codes == (expected[::-1] if sort.startswith("-") else expected)
    page = client.get("/business/finance/party").text
    follows = re.search(r'rel="next" href="([^"]*)"', page)
    assert follows
    assert "C050" in client.get("/business/finance/party" + follows[1].replace("&amp;", "&")).text


def test_a_list_has_totals_of_what_was_chosen_or_stands_on_one_page(client: FlaskClient) -> None:
    first, second = (parties.add(OWNER, f"C{n}", f"Name {n}", is_customer=True).id for n in (1, 2))
    item = items.add_item(OWNER, "I", "Bolt").id
    wanted = [Wanted(item=item, quantity=1, price=1_000_000, rate=0)]
    for party in (first, second):
        orders.draft(OWNER, party, datetime.date(2026, 3, 1), wanted)
    address = "/api/biz/v1/sales/order?limit="
    assert call(client, "GET", f"{address}2").json["totals"] == {"net": 200, "tax": 0}
    part = call(client, "GET", f"{address}1").json
    assert part["totals"] == call(client, "GET", part["next"]).json["totals"] == {}
    assert call(client, "GET", f"{address}1&date_from=2026-03-01").json["totals"] == {"net": 200, "tax": 0}
    assert call(client, "GET", f"{address}1&party=C2").json["totals"] == {"net": 100, "tax": 0}
    assert 'class="totals"' in client.get("/business/sales/order").text


def test_addresses_are_those_that_flask_knows(app: Flask) -> None:
    with app.test_request_context():
        for resource in every().values():
            name = f"biz.{resource.module}-{resource.noun}"
            assert addresses.address(resource) == url_for(f"{name}-list")
            assert addresses.address(resource, "csv", q="a b&c") == url_for(f"{name}-csv", q="a b&c")
            for key in (7, "1001 ü?#%"):
                assert addresses.address(resource, "show", key=key) == url_for(f"{name}-show", key=key)
            for action in resource.actions:
                assert addresses.address(resource, action.name, key=7) == url_for(f"{name}-{action.name}", key=7)


def test_the_next_page_is_found_by_an_index(app: Flask) -> None:
    from bizlite.core.database import database
    from bizlite.web.listing import _behind, _mark

    resource = every()["finance.party"]
    row = parties.add(OWNER, "C1", "One")
    query = (
        Party.select().where(_behind(resource, Party.code, False, _mark(row, "code"))).order_by(Party.code, Party.id)
    )
    sql, values = query.sql()
    plan = " ".join(line[3] for line in database.execute_sql(f"EXPLAIN QUERY PLAN {sql}", values))
    assert "SEARCH" in plan
    assert "TEMP B-TREE" not in plan.replace("USE TEMP B-TREE FOR LAST TERM OF ORDER BY", "")


@pytest.mark.parametrize(("query", "field"), [("sort=name", "sort"), ("after=x", "after"), ("after=WzFd", "after"),
                                              ("colour=red", "colour"), ("is_customer=2", "is_customer")])  # fmt: skip
def test_an_address_that_is_wrong_says_where(client: FlaskClient, query: str, field: str) -> None:
    answer = call(client, "GET", f"/api/biz/v1/finance/party?{query}")
    assert answer.status_code == 422
    assert [problem["field"] for problem in answer.json["error"]["problems"]] == [field]
    assert client.get(f"/business/finance/party?{query}").status_code == 422


def test_a_list_is_taken_along_as_csv_without_formulas(client: FlaskClient) -> None:
    parties.add(OWNER, "=1+1", "@SUM(A1)", credit_limit=100)
    lines = client.get("/business/finance/party.csv").text.splitlines()
    assert lines[1] == "'=1+1,'@SUM(A1),no,no,30,1.00"


def test_an_empty_list_and_an_empty_search_have_a_sentence(client: FlaskClient) -> None:
    assert "Nobody is here yet" in client.get("/business/finance/party?lang=en").text
    assert "Nothing fits this search" in client.get("/business/finance/party?q=%25").text


def test_a_scanned_code_opens_its_row_and_a_word_finds_all(client: FlaskClient) -> None:
    items.add_item(OWNER, "I1", "Bolt M6", barcode="6901234567892")
    parties.add(OWNER, "C1", "Bolt Works")
    answer = client.get("/business/search?q=6901234567892")
    assert (answer.status_code, answer.location) == (303, "/business/stock/item/1")
    page = client.get("/business/search?q=Bolt").text
    assert "I1 Bolt M6" in page
    assert "C1 Bolt Works" in page
