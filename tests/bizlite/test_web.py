"""The pages and REST that declarations make, asked as a browser and a program ask them."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from bizlite.core import registry, rights
from bizlite.core.models import Audit, Key
from bizlite.finance import parties
from bizlite.finance.models import Entry, Line, Party
from bizlite.stock import items
from bizlite.stock.models import Item
from bizlite.web import guard, holding
from bizlite.web.app import create_app
from bizlite.web.openapi import fragment
from bizlite.web.resource import every
from tests.bizlite.conftest import Fresh, leave
from tests.bizlite.web_site import OWNER, USER, asker, call, identify


@pytest.fixture
def app(sqlite: Fresh, tmp_path: Path) -> Iterator[Flask]:
    yield create_app(sqlite(), identify, folder=tmp_path)
    leave()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return asker(app)


def hidden(page: str, name: str) -> str:
    found = re.search(f'name="{name}" value="([^"]*)"', page)
    assert found
    return found[1]


def send(client: FlaskClient, address: str, **values: str) -> Any:
    """Fills in a form as a browser does: with what is hidden in it."""
    page = client.get(address).text
    sent = {name: hidden(page, name) for name in ("csrf", "key", "version")}
    return client.post(address, data={**sent, **values})


# --- form, list, document
def test_a_party_is_made_listed_and_changed(client: FlaskClient) -> None:
    answer = send(client, "/business/finance/party/new", code="C1", name="Wang & Co <x>", is_customer="1",
                  payment_days="30", credit_limit="1,200.50")  # fmt: skip
    assert answer.status_code == 303
    page = client.get(answer.location).text
    assert "Wang &amp; Co &lt;x&gt;" in page
    assert "1,200.50" in page
    assert Party.get().credit_limit == 120_050
    assert "Wang &amp; Co" in client.get("/business/finance/party").text
    answer = send(client, "/business/finance/party/1/edit", name="Wang", payment_days="14")
    assert answer.status_code == 303
    row = Party.get()
    assert (row.code, row.name, row.is_customer, row.payment_days, row.credit_limit) == ("C1", "Wang", False, 14, None)
    log = client.get("/business/log/finance.party/1").text
    assert re.search(r"Payment term in days</td><td[^>]*>30</td><td[^>]*>14</td>", log)
    assert re.search(r"Credit limit</td><td[^>]*>1,200.50</td><td[^>]*></td>", log)
    assert "None" not in log
    assert "admin" in log


def test_wrong_input_is_shown_at_its_field_and_nothing_typed_is_lost(client: FlaskClient) -> None:
    answer = send(client, "/business/finance/party/new", code="", name="Kept <name>", payment_days="ten",
                  credit_limit="1.234")  # fmt: skip
    assert answer.status_code == 422
    for field, words in (("code", "Is missing. Fill it in."), ("payment_days", "Is not a number. Give digits"),
                         ("credit_limit", "Has too many decimals. Give at most 2 decimals.")):  # fmt: skip
        assert re.search(f'id="{field}-error".*?{re.escape(words)}', answer.text, re.S), field
    assert 'value="Kept &lt;name&gt;"' in answer.text
    assert 'value="ten"' in answer.text
    assert not Party.select().count()


def test_what_the_rules_refuse_is_shown_at_its_field_too(client: FlaskClient) -> None:
    parties.add(OWNER, "C1", "One")
    answer = send(client, "/business/finance/party/new", code="C1", name="Two", payment_days="5")
    assert answer.status_code == 422
    assert re.search('id="code-error".*?Is taken. Choose another code.', answer.text, re.S)


def test_a_double_click_posts_once(client: FlaskClient) -> None:
    page = client.get("/business/finance/party/new").text
    sent = {"csrf": hidden(page, "csrf"), "key": hidden(page, "key"), "code": "C1", "name": "One", "payment_days": "1"}
    first, second = (client.post("/business/finance/party/new", data=sent) for _ in range(2))
    assert first.location == second.location
    assert (Party.select().count(), Key.select().count()) == (1, 1)


def test_a_reference_is_typed_by_its_code(client: FlaskClient) -> None:
    fields = {"code": "I1", "name": "Bolt", "unit": "pcs"}
    answer = send(client, "/business/stock/item/new", **fields, account="no such")
    assert re.search('id="account-error".*?Does not exist.', answer.text, re.S)
    answer = send(client, "/business/stock/item/new", **fields, account="14")
    assert re.search('id="account-error".*?Fits more than one.', answer.text, re.S)
    assert send(client, "/business/stock/item/new", **fields, account="1405").status_code == 303
    assert Item.get().account == "1405"
    found = client.get("/business/finance/account/lookup?q=1405").json
    assert found[0]["code"] == "1405"


# --- drafts with lines, actions
def legs(*rows: tuple[str, str, str]) -> dict[str, str]:
    return {f"lines.{n}.{name}": text for n, row in enumerate(rows)
            for name, text in zip(("account", "debit", "credit"), row, strict=True)}  # fmt: skip


def test_a_voucher_is_drafted_changed_posted_and_taken_back(client: FlaskClient) -> None:
    rows = legs(("1001", "12.50", ""), ("5001", "", "12.00"), ("", "", ""))
    answer = send(client, "/business/finance/entry/new", date="2026-03-01", text="Sold", **rows)
    assert answer.status_code == 303
    assert [(line.account_id, line.debit, line.credit) for line in Line.select().order_by(Line.id)] == [
        ("1001", 1250, 0), ("5001", 0, 1200),
    ]  # fmt: skip
    page = client.get("/business/finance/entry/1").text
    sent = {name: hidden(page, name) for name in ("csrf", "key", "version")}
    answer = client.post("/business/finance/entry/1/post", data=sent)
    assert answer.status_code == 422
    assert "Do not balance. Debits and credits must be the same: 12.50 and 12.00." in answer.text
    rows = legs(("1001", "12.50", ""), ("5001", "", "12.50"))
    assert send(client, "/business/finance/entry/1/edit", date="2026-03-01", **rows).status_code == 303
    sent["version"] = hidden(client.get("/business/finance/entry/1").text, "version")
    done = client.post("/business/finance/entry/1/post", data=sent)
    page = client.get(done.location).text
    assert "Undo" in page
    assert "JE-2026-00001" in page
    assert client.get("/business/finance/entry/1/edit").status_code == 303
    undo = {name: hidden(page, name) for name in ("csrf", "version")} | {"key": "undo"}
    assert client.post("/business/finance/entry/1/storno", data=undo).location.startswith("/business/finance/entry/2")


def test_problems_of_lines_stand_at_their_line(client: FlaskClient) -> None:
    rows = legs(("1001", "1", ""), ("", "", ""), ("none", "x", ""))
    answer = send(client, "/business/finance/entry/new", date="2026-02-30", **rows)
    assert answer.status_code == 422
    for field in ("date", "lines.1.account", "lines.1.debit"):
        assert f'id="{field}-error"' in answer.text, field
    assert 'name="lines.1.debit" type="text" value="x"' in answer.text


def test_a_stale_draft_says_who_and_shows_both(client: FlaskClient) -> None:
    rows = legs(("1001", "1", ""))
    send(client, "/business/finance/entry/new", date="2026-03-01", text="First", **rows)
    page = client.get("/business/finance/entry/1/edit").text
    sent = {name: hidden(page, name) for name in ("csrf", "key", "version")} | {"date": "2026-03-01", **rows}
    other = call(
        client,
        "PATCH",
        "/api/biz/v1/finance/entry/1",
        {"version": 1, "date": "2026-03-01", "text": "Theirs", "lines": [{"account": "1001", "debit": 5}]},
    )
    assert other.status_code == 200
    answer = client.post("/business/finance/entry/1/edit", data={**sent, "text": "Mine"})
    assert answer.status_code == 409
    assert "admin changed this meanwhile" in answer.text
    for words in ("Mine", "Theirs", "1001 ·  · 0.05"):
        assert words in answer.text
    assert Entry.get().text == "Theirs"
    again = {**sent, "version": hidden(answer.text, "version"), "text": "Mine"}
    assert client.post("/business/finance/entry/1/edit", data=again).status_code == 303
    assert Entry.get().text == "Mine"


def test_rest_posts_a_draft_by_the_version_that_was_read(client: FlaskClient) -> None:
    lines = [{"account": "1001", "debit": 100}, {"account": "5001", "credit": 100}]
    made = call(client, "POST", "/api/biz/v1/finance/entry", {"date": "2026-03-01", "lines": lines}).json
    assert made["actions"] == ["post"]
    address = f"/api/biz/v1/finance/entry/{made['id']}/post"
    assert call(client, "POST", address, {}).json["error"]["problems"][0]["field"] == "version"
    assert call(client, "POST", address, {"version": 7}).status_code == 409
    assert call(client, "POST", address, {"version": 1}).json["number"] == "JE-2026-00001"


# --- lists
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


# --- search everywhere
def test_a_scanned_code_opens_its_row_and_a_word_finds_all(client: FlaskClient) -> None:
    items.add_item(OWNER, "I1", "Bolt M6", barcode="6901234567892")
    parties.add(OWNER, "C1", "Bolt Works")
    answer = client.get("/business/search?q=6901234567892")
    assert (answer.status_code, answer.location) == (303, "/business/stock/item/1")
    page = client.get("/business/search?q=Bolt").text
    assert "I1 Bolt M6" in page
    assert "C1 Bolt Works" in page


# --- REST
def test_rest_makes_reads_and_changes_by_values(client: FlaskClient) -> None:
    body = {"code": "C1", "name": "One", "is_customer": True, "credit_limit": 100}
    made = call(client, "POST", "/api/biz/v1/finance/party", body, **{"Idempotency-Key": "k1"})
    assert made.status_code == 201
    assert made.json["payment_days"] == 30
    again = call(client, "POST", "/api/biz/v1/finance/party", body, **{"Idempotency-Key": "k1"})
    assert again.json["id"] == made.json["id"]
    address = f"/api/biz/v1/finance/party/{made.json['id']}"
    assert call(client, "PATCH", address, {"name": "Two"}).json["credit_limit"] == 100
    assert call(client, "GET", address).json["name"] == "Two"
    assert call(client, "GET", "/api/biz/v1/finance/party/99").status_code == 404


@pytest.mark.parametrize(("body", "fields"), [
    ({}, ["code", "name"]),
    ({"code": "C", "name": "N", "credit_limit": 1.5}, ["credit_limit"]),
    ({"code": "C", "name": "N", "credit_limit": -1}, ["credit_limit"]),
    ({"code": "C", "name": "N" * 3000}, ["name"]),
    ({"code": 1, "name": ["x"]}, ["code", "name"]),
    ({"code": "C", "name": "N", "is_customer": "yes"}, ["is_customer"]),
    ({"code": "C", "name": "N", "colour": "red"}, ["colour"]),
    ([], ["body"]),
])  # fmt: skip
def test_rest_says_every_field_that_is_wrong_and_changes_nothing(
    client: FlaskClient, body: Any, fields: list[str]
) -> None:
    answer = call(client, "POST", "/api/biz/v1/finance/party", body)
    assert answer.status_code == 422
    problems = answer.json["error"]["problems"]
    assert sorted(problem["field"] for problem in problems) == fields
    assert all(problem["message"] and problem["remedy"] for problem in problems)
    assert (Party.select().count(), Audit.select().count()) == (0, 0)


def test_the_openapi_fragment_describes_every_route(app: Flask) -> None:
    from openapi_spec_validator import validate

    with app.test_request_context():
        paths, schemas = fragment()
    document = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": paths,
                "components": {"schemas": schemas}}  # fmt: skip
    document = json.loads(json.dumps(document))
    for path, place in paths.items():
        for operation in place.values():
            known = {"{" + p["name"] + "}" for p in operation["parameters"] if p["in"] == "path"}
            assert known == set(re.findall(r"{\w+}", path))
    validate(document)
    described = {(m.upper(), path) for path, place in paths.items() for m in place}
    there = {(m, re.sub("<(.*?)>", r"{\1}", rule)) for m, rule, _ in guard.routes(app) if rule.startswith("/api/")}
    assert described == there


# --- who may
def test_every_route_needs_a_permission_that_exists(app: Flask) -> None:
    known = {*rights.permissions(), guard.ANYBODY, guard.PUBLIC}
    assert {permission for _, _, permission in guard.routes(app)} <= known
    # A job card is opened by its token: tests/bizlite/test_production_pages.py.
    public = {rule for _, rule, permission in guard.routes(app) if permission == guard.PUBLIC}
    assert {rule.partition("<")[0] for rule in public} == {"/business/static/", "/business/production/scan/"}


def test_a_form_from_elsewhere_is_refused(client: FlaskClient) -> None:
    sent = {"code": "C1", "name": "One", "payment_days": "1"}
    assert client.post("/business/finance/party/new", data=sent).status_code == 400
    page = client.get("/business/finance/party/new").text
    sent["csrf"] = hidden(page, "csrf")
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert client.post("/business/finance/party/new", data=sent, headers=headers).status_code == 403
    assert not Party.select().count()


def test_a_module_that_is_off_says_who_can_switch_it_on(client: FlaskClient) -> None:
    rights.grant(OWNER, "boss", "core.module.switch")
    rights.assign(OWNER, "li", "boss")
    page = client.get("/business/modules").text
    answer = client.post("/business/modules", data={"csrf": hidden(page, "csrf"), "name": "purchasing", "on": ""})
    assert answer.status_code == 303
    assert not registry.is_on("purchasing")
    for address in ("/business/purchasing/order", "/api/biz/v1/purchasing/order"):
        answer = client.get(address)
        assert answer.status_code == 404
        assert "The module Purchasing is off. Who may switch it on under Modules: li." in answer.text
    assert "/business/purchasing/order" not in client.get("/business/").text


def test_who_may_what_is_given_and_taken_on_its_page(client: FlaskClient) -> None:
    def post(**values: str) -> None:
        page = client.get("/business/rights").text
        assert client.post("/business/rights", data={"csrf": hidden(page, "csrf"), **values}).status_code == 303

    post(what="grant", holder="clerk", right="finance.party.view")
    assert "See customers and suppliers <button" in client.get("/business/rights").text
    post(what="assign", user="zhao", holder="clerk")
    assert client.get("/business/finance/party", environ_overrides={USER: "zhao"}).status_code == 200
    assert client.get("/business/finance/party/new", environ_overrides={USER: "zhao"}).status_code == 403
    post(what="unassign", user="zhao", holder="clerk")
    assert client.get("/business/finance/party", environ_overrides={USER: "zhao"}).status_code == 403


def test_every_permission_has_words_of_its_own_in_both_languages(app: Flask) -> None:
    names = rights.permissions()
    for code in ("en", "zh"):
        with app.test_request_context(f"/business/?lang={code}"):
            groups = holding.groups(["clerk"])
            said = {name: text for _, own in groups for name, text in own}
            heads = [head for head, _ in groups]
        assert len(set(heads)) == len(heads) == len(registry.NAMES) + 2
        assert {*names, "role:clerk"} <= set(said)
        assert not [name for name in names if said[name] == name]
        assert len(set(said.values())) == len(said)
        assert all((re.search("[\u4e00-\u9fff]", said[name]) is not None) == (code == "zh") for name in names)


def test_who_lacks_a_permission_reads_its_words(client: FlaskClient) -> None:
    rights.grant(OWNER, "looker", "core.audit.view")
    rights.assign(OWNER, "li", "looker")
    answer = client.get("/business/log/finance.party/1", environ_overrides={USER: "li"})
    assert answer.status_code == 403
    assert "Ask for the permission “See customers and suppliers”." in answer.text


def test_a_permission_is_found_by_its_words_and_its_name(client: FlaskClient) -> None:
    def offered(find: str) -> list[str]:
        return re.findall(r'<option value="([^"]*)"', client.get("/business/rights", query_string={"find": find}).text)

    assert len(offered("")) > len(rights.permissions())
    assert offered("confirm sales") == ["sales.order.post"]
    assert offered("SALES.ORDER.POST") == ["sales.order.post"]
    assert "stock.count.post" in offered("Stock")
    assert "sales.order.post" not in offered("Stock")
    assert "Search for another one." in client.get("/business/rights?find=nothing+like+it").text


# --- files, backup
def test_a_file_is_kept_at_its_document_and_saved_from_there(client: FlaskClient) -> None:
    parties.add(OWNER, "C1", "One")
    token = hidden(client.get("/business/finance/party/1").text, "csrf")

    def add(content: bytes) -> Any:
        part = b'--x\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
        name = '; filename="合同.html"'.encode()
        body = part % (b"csrf", b"", token.encode()) + part % (b"file", name, content) + b"--x--\r\n"
        return client.post("/business/files/finance.party/1", data=body, content_type="multipart/form-data; boundary=x")

    assert add(b"<script>alert(1)</script>").status_code == 303
    assert "合同.html" in client.get("/business/finance/party/1").text
    answer = client.get("/business/file/1")
    assert answer.data == b"<script>alert(1)</script>"
    answer.close()
    assert answer.mimetype == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert add(b"").status_code == 422
    assert add(b"x" * (5 * 2**20 + 1)).status_code == 422
    assert add(b"x" * (6 * 2**20)).status_code == 413
    rights.grant(OWNER, "other", "stock.view")
    rights.assign(OWNER, "zhao", "other")
    assert client.get("/business/file/1", environ_overrides={USER: "zhao"}).status_code == 403


def test_a_backup_has_the_database_and_the_files(client: FlaskClient) -> None:
    parties.add(OWNER, "C1", "One")
    token = hidden(client.get("/business/").text, "csrf")
    data = {"csrf": token, "file": (io.BytesIO(b"x"), "a.txt")}
    assert client.post("/business/files/finance.party/1", data=data).status_code == 303
    answer = client.post("/business/backup", data={"csrf": token})
    archive = zipfile.ZipFile(io.BytesIO(answer.data))
    answer.close()
    names = archive.namelist()
    assert {"company.db", "finance_party.csv"} & set(names)
    assert [archive.read(name) for name in names if name.startswith("attachments/")] == [b"x"]


# --- language
def test_pages_and_problems_are_chinese_unless_english_is_asked_for(client: FlaskClient) -> None:
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "zh-CN"
    assert "客户与供应商" in client.get("/business/finance/party").text
    answer = call(client, "POST", "/api/biz/v1/finance/party", {})
    assert answer.json["error"]["problems"][0]["remedy"] == "请填写。"


def test_a_language_that_was_chosen_is_kept(client: FlaskClient) -> None:
    assert "What is due" in client.get("/business/").text
    assert "待办" in client.get("/business/?lang=zh").text
    assert "待办" in client.get("/business/").text
    assert "待办" in client.get("/business/?lang=xx").text


def test_a_small_taxpayer_sells_and_buys_with_other_rates(client: FlaskClient) -> None:
    def rates() -> list[str]:
        pages = ("/business/sales/price/new", "/business/purchasing/supplier_item/new")
        return [re.search(r'name="rate"[^>]*value="([^"]*)"', client.get(page).text)[1] for page in pages]

    assert rates() == ["13", "13"]
    for kind, status in (("none", 422), ("small", 303)):
        sent = {"csrf": hidden(client.get("/business/company").text, "csrf"), "name": "Ours", "tax_kind": kind}
        assert client.post("/business/company", data=sent).status_code == status
    assert rates() == ["1", "0"]
    for since, status in (("", 422), ("2026-05-02", 422), ("2026-05-01", 303)):
        sent["csrf"] = hidden(client.get("/business/company").text, "csrf")
        answer = client.post("/business/company", data={**sent, "tax_kind": "general", "tax_since": since})
        assert answer.status_code == status
        assert status == 303 or "first day" in answer.text
    page = client.get("/business/company").text
    assert 'value="2026-05-01"' in page
    assert rates() == ["13", "13"]
