"""The guide: what it says is next follows from the data, and it is shown to whoever began it and may."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from bizlite.core import registry, rights
from bizlite.finance import parties
from bizlite.guide import steps
from bizlite.sales import lines, orders
from bizlite.stock import items
from bizlite.web.app import create_app
from tests.bizlite.conftest import leave
from tests.bizlite.web_site import OWNER, asker, identify

GUIDE = "/business/guide/"


@pytest.fixture
def app(sqlite: Callable[[], str], tmp_path: Path) -> Iterator[Flask]:
    yield create_app(sqlite(), identify, folder=tmp_path)
    leave()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return asker(app)


def switch(client: FlaskClient, state: str) -> int:
    sent = {"state": state}
    return client.post(GUIDE, data=sent, headers={"Authorization": "Bearer x"}).status_code


def test_it_is_shown_left_and_taken_up_again(client: FlaskClient) -> None:
    assert "Step 1 of 8" not in client.get("/business/").text
    assert switch(client, "shown") == 303
    assert "Step 1 of 8" in client.get("/business/stock/item").text
    assert switch(client, "left") == 303
    assert "Step 1 of 8" not in client.get("/business/stock/item").text
    assert "Show me how" in client.get("/business/").text
    assert switch(client, "lost") == 422
    assert steps.state() == "left"


def test_a_step_is_done_whoever_did_it_in_any_order(client: FlaskClient) -> None:
    switch(client, "shown")
    items.add_item(OWNER, "A", "bolt")
    assert steps.progress().number == 1
    sent = {"name": "Ours", "tax_kind": "general"}
    client.post("/business/company", data=sent, headers={"Authorization": "Bearer x"})
    assert steps.progress().number == 3
    party = parties.add(OWNER, "C", "customer", is_customer=True)
    assert "/business/stock/count?item=A" in client.get("/business/").text
    order = orders.draft(OWNER, party.id, OWNER.today(), [lines.Wanted(item=1, quantity=1, price=1_000_000)])
    assert steps.progress().number == 4
    # The order that was begun is gone on with, not another one.
    with client.application.test_request_context("/business/"):
        assert steps.STEPS[4].href() == f"/business/sales/order/{order.id}"


def test_it_is_for_whoever_may_say_who_we_are_and_with_its_modules(app: Flask, client: FlaskClient) -> None:
    switch(client, "shown")
    rights.grant(OWNER, "seller", "sales.*")
    rights.assign(OWNER, "li", "seller")
    assert "Step 1 of 8" not in asker(app, "li").get("/business/").text
    assert asker(app, "li").get(GUIDE).status_code == 403
    for name in ("reports", "production", "purchasing", "sales"):
        registry.switch(OWNER, name, False)
    assert "Step 1 of 8" not in client.get("/business/").text
    assert "Switch these modules on first" in client.get(GUIDE).text
