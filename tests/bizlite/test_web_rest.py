"""REST as a program asks it, and who may do what."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from bizlite.core import attachments, registry, rights
from bizlite.core.models import Audit
from bizlite.finance.models import Party
from bizlite.web import guard, holding
from bizlite.web.app import create_app
from bizlite.web.openapi import fragment
from bizlite.web.resource import find
from tests.bizlite.conftest import Fresh, leave
from tests.bizlite.web_site import OWNER, USER, asker, call, hidden, identify


@pytest.fixture
def app(sqlite: Fresh, tmp_path: Path) -> Iterator[Flask]:
    yield create_app(sqlite(), identify, folder=tmp_path)
    leave()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return asker(app)


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


def test_rest_posts_a_draft_by_the_version_that_was_read(client: FlaskClient) -> None:
    lines = [{"account": "1001", "debit": 100}, {"account": "5001", "credit": 100}]
    made = call(client, "POST", "/api/biz/v1/finance/entry", {"date": "2026-03-01", "lines": lines}).json
    assert made["actions"] == ["post"]
    address = f"/api/biz/v1/finance/entry/{made['id']}/post"
    assert call(client, "POST", address, {}).json["error"]["problems"][0]["field"] == "version"
    assert call(client, "POST", address, {"version": 7}).status_code == 409
    assert call(client, "POST", address, {"version": 1}).json["number"] == "JE-2026-00001"


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


def test_a_module_that_is_off_says_who_can_switch_it_on(client: FlaskClient, tmp_path: Path) -> None:
    kind = find("purchasing.order").kind
    attachments.attach(OWNER, tmp_path / "attachments", kind, 1, "a.txt", "text/plain", b"x")
    with client.get("/business/file/1") as answer:
        assert answer.status_code == 200
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
    others = (("GET", "file/1"), ("POST", "files/purchasing.order/1"), ("GET", "log/purchasing.order/1"))
    for method, address in others:
        answer = call(client, method, f"/business/{address}")
        assert (answer.status_code, "Purchasing is off" in answer.text) == (404, True), address


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


def test_a_permission_is_found_by_its_words_and_its_name(client: FlaskClient) -> None:
    def offered(find: str) -> list[str]:
        return re.findall(r'<option value="([^"]*)"', client.get("/business/rights", query_string={"find": find}).text)

    assert len(offered("")) > len(rights.permissions())
    assert offered("confirm sales") == ["sales.order.post"]
    assert offered("SALES.ORDER.POST") == ["sales.order.post"]
    assert "stock.count.post" in offered("Stock")
    assert "sales.order.post" not in offered("Stock")
    assert "Search for another one." in client.get("/business/rights?find=nothing+like+it").text


def test_who_lacks_a_permission_reads_its_words(client: FlaskClient) -> None:
    rights.grant(OWNER, "looker", "core.audit.view")
    rights.assign(OWNER, "li", "looker")
    answer = client.get("/business/log/finance.party/1", environ_overrides={USER: "li"})
    assert answer.status_code == 403
    assert "Ask for the permission “See customers and suppliers”." in answer.text


def test_a_patch_leaves_alone_what_is_not_sent(client: FlaskClient) -> None:
    """Every resource: no field goes back to what a new row would have."""
    rest = "/api/biz/v1"
    party = call(client, "POST", f"{rest}/finance/party", {
        "code": "P", "name": "Both", "is_customer": True, "is_supplier": True}).json["id"]  # fmt: skip
    item = call(client, "POST", f"{rest}/stock/item", {"code": "I", "name": "Item"}).json["id"]
    contact = call(client, "POST", f"{rest}/sales/contact", {"party": party, "name": "Li"}).json["id"]
    line = {"item": item, "quantity": 5, "price": 2_000_000}
    papers = {
        "sales/order": {"party": party, "contact": contact, "date": "2026-03-01", "wanted": "2026-03-09",
                        "their_number": "PO 7", "is_gross": False, "seller": "wang", "lines": [line]},
        "purchasing/order": {"party": party, "date": "2026-03-01", "expected": "2026-03-19", "their_number": "7",
                             "is_gross": False, "lines": [line]},
        "purchasing/supplier_item": {"party": party, "item": item, "price": 100, "rate": 600, "least": 5,
                                     "multiple": 5, "lead_days": 9, "tolerance": 300, "is_preferred": True},
        "sales/price": {"item": item, "price": 100, "rate": 600, "least": 10, "first": "2026-03-01",
                        "last": "2026-12-31"},
    }  # fmt: skip
    for noun, body in papers.items():
        made = call(client, "POST", f"{rest}/{noun}", body).json
        change: dict[str, Any] = {"price": 200} if "price" in body else {"text": "soon", "version": made["version"]}
        assert call(client, "PATCH", f"{rest}/{noun}/{made['id']}", change).status_code == 200
        after = call(client, "GET", f"{rest}/{noun}/{made['id']}").json
        assert {**made, **change, "version": None} == {**after, "version": None}, noun


def test_a_code_that_is_a_part_of_another_is_not_taken_for_it(client: FlaskClient) -> None:
    """On a page the one item that fits may be meant, and is seen; a program means the code that it sends."""
    rest = "/api/biz/v1"
    long = {"code": "BOLT-M4-LONG", "name": "x", "barcode": "69", "has_lots": True}
    assert call(client, "POST", f"{rest}/stock/item", long).status_code == 201
    refused = call(client, "POST", f"{rest}/stock/lot", {"item": "BOLT-M4", "code": "L"})
    assert refused.status_code == 422, refused.text
    assert [problem["field"] for problem in refused.json["error"]["problems"]] == ["item"]
    for n, code in enumerate(("BOLT-M4-LONG", "69", "#1")):
        assert call(client, "POST", f"{rest}/stock/lot", {"item": code, "code": f"L{n}"}).status_code == 201
