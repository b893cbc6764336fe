"""Lists and the search everywhere: order, place, filters, CSV, what a scanner reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from bizlite.finance import parties
from bizlite.finance.models import Party
from bizlite.stock import items
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
