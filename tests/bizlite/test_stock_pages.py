"""The pages of the stock as a storekeeper uses them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

import peewee
import pytest
from flask.testing import FlaskClient

from bizlite.core.database import write
from bizlite.core.errors import Refused
from bizlite.core.session import Session
from bizlite.stock import items, planning, reservations, transfers
from bizlite.stock.models import CountLine, Move, OnHand, Reorder, Transfer
from tests.bizlite.conftest import Fresh
from tests.bizlite.pages import form, opened
from tests.bizlite.web_site import call, hidden

OWNER = Session(user="owner", rights=frozenset({"*"}))
TODAY = OWNER.today()


@pytest.fixture
def client(sqlite: Fresh) -> Iterator[FlaskClient]:
    with opened(sqlite()) as found:
        items.add_item(OWNER, "I1", "Bolt", unit="kg", barcode="6901234567892")
        yield found


def receive(quantity: int = 10_000, value: int = 12_345) -> None:
    line = transfers.Line(item=1, quantity=quantity, source=2, target=1, value=value)
    transfers.post(OWNER, "receipt", TODAY, [line])


def test_goods_come_in_by_a_paper_and_go_back(client: FlaskClient) -> None:
    line = {"lines.0.item": "6901234567892", "lines.0.quantity": "2.5", "lines.0.source": "SUPPLIER",
            "lines.0.target": "MAIN", "lines.0.value": "30.00"}  # fmt: skip
    assert form(client, "/business/stock/transfer/new", kind="receipt", date=str(TODAY), **line).status_code == 303
    assert OnHand.get(OnHand.location == 1).quantity == 2500
    page = f"/business/stock/transfer/{Transfer.get().id}"
    assert "2.5" in client.get(page).text
    assert form(client, page, page + "/storno").status_code == 303
    assert OnHand.get(OnHand.location == 1).quantity == 0


def test_the_figures_are_answered_as_values_by_rest(client: FlaskClient) -> None:
    receive()
    answer = call(client, "GET", "/api/biz/v1/stock/figures/there").json["tables"]
    assert [row["quantity"] for row in answer[0]["rows"]] == ["10.000"]
    for address in ("card?item=1", "plan?item=1", "short"):
        assert call(client, "GET", f"/api/biz/v1/stock/figures/{address}").json["tables"], address
    assert call(client, "GET", "/api/biz/v1/stock/figures/card").status_code in (404, 422)


def test_more_than_is_there_is_refused_at_its_field(client: FlaskClient) -> None:
    line = {"lines.0.item": "I1", "lines.0.quantity": "2.5", "lines.0.source": "MAIN", "lines.0.target": "CUSTOMER"}
    answer = form(client, "/business/stock/transfer/new", kind="issue", date=str(TODAY), **line)
    assert answer.status_code == 422
    assert re.search('id="lines.0.quantity-error".*?Receive, move or release some first.', answer.text, re.S)
    assert not Transfer.select().count()


def test_what_is_free_or_can_come_back_is_told_in_the_unit_of_the_item(client: FlaskClient) -> None:
    receive(2500)
    out = transfers.Line(item=1, quantity=3000, source=1, target=3)
    with pytest.raises(Refused, match=r"only 2.5 of I1 are free in MAIN"):
        transfers.post(OWNER, "issue", TODAY, [out])
    transfers.post(OWNER, "issue", TODAY, [dataclasses.replace(out, quantity=1500)])
    sold = Move.select().order_by(Move.id.desc()).get().id
    back = transfers.Line(item=1, quantity=2000, source=3, target=1, origin=sold)
    with pytest.raises(Refused) as caught:
        transfers.post(OWNER, "return", TODAY, [back])
    assert caught.value.problems[0].params["most"] == "1.5"


def test_what_is_there_leads_to_its_card_and_papers(client: FlaskClient) -> None:
    receive()
    page = client.get("/business/stock/there").text
    assert "123.45" in page
    found = re.search(r'href="(/business/stock/card\?item=1)"', page)
    assert found
    card = client.get(found[1]).text
    assert re.search(r'href="/business/stock/transfer/1"', card)
    assert client.get("/business/stock/there?format=csv&table=stock-values").text.splitlines()[1] == (
        "I1,Bolt,10.000,12.35,123.45"
    )
    assert "Stock card" in client.get("/business/stock/item/1").text


def test_a_stock_card_has_every_move_as_a_file_and_for_a_program(client: FlaskClient) -> None:
    """The last moves are those that somebody looks for."""
    line = transfers.Line(item=1, quantity=1, source=2, target=1, value=1)
    transfers.post(OWNER, "receipt", TODAY, [line] * 501)
    assert "These are the first 100 of 501" in client.get("/business/stock/card?item=1").text
    assert len(client.get("/business/stock/card?item=1&format=csv").text.splitlines()) == 1 + 501
    rows = call(client, "GET", "/api/biz/v1/stock/figures/card?item=1").json["tables"][0]["rows"]
    assert (len(rows), rows[-1]["there"]) == (501, "0.501")


def test_a_count_posts_only_what_differs(client: FlaskClient) -> None:
    receive()
    wrong = form(client, "/business/stock/count", place="MAIN", date=str(TODAY), **{"spot.1.0": "ten"})
    assert wrong.status_code == 422
    assert "ten" in wrong.text
    assert form(client, "/business/stock/count", place="MAIN", date=str(TODAY)).status_code == 422
    done = form(client, "/business/stock/count", place="MAIN", date=str(TODAY), **{"spot.1.0": "9.5"})
    assert done.status_code == 303
    assert OnHand.get(OnHand.location == 1).quantity == 9500
    items.add_item(OWNER, "I2", "Nut")
    more = {"item": "I2", "quantity": "3", "value": "1.50", "lot": ""}
    assert form(client, "/business/stock/count", place="MAIN", date=str(TODAY), **more).status_code == 303
    assert OnHand.get((OnHand.item == 2) & (OnHand.location == 1)).quantity == 3


def test_what_came_or_went_since_the_page_was_made_is_counted_again(client: FlaskClient) -> None:
    """Else the two that were delivered meanwhile would come back as a surplus."""
    receive()
    address = "/business/stock/count"
    page = client.get(address).text
    sent = {name: hidden(page, name) for name in ("csrf", "key", "place", "was.1.0")}
    out = transfers.Line(item=1, quantity=2000, source=1, target=3)
    transfers.post(OWNER, "issue", TODAY, [out])
    answer = client.post(address, data={**sent, "date": str(TODAY), "spot.1.0": "10"})
    assert answer.status_code == 422
    assert "I1 came or went while you counted. Look again: 8 should be there now." in answer.text
    sent |= {name: hidden(answer.text, name) for name in ("key", "was.1.0")}
    transfers.post(OWNER, "issue", TODAY, [dataclasses.replace(out, quantity=8000)])
    gone = client.post(address, data={**sent, "date": str(TODAY), "spot.1.0": "8"})
    assert "Look again: 0 should be there now." in gone.text
    assert not Transfer.select().where(Transfer.kind == "count").exists()


def test_a_count_that_is_sent_twice_is_one(client: FlaskClient) -> None:
    receive()
    page = client.get("/business/stock/count").text
    sent = {name: hidden(page, name) for name in ("csrf", "key", "place", "was.1.0")}
    for _ in range(2):
        answer = client.post("/business/stock/count", data={**sent, "date": str(TODAY), "spot.1.0": "9"})
        assert answer.status_code == 303, answer.text
    assert Transfer.select().where(Transfer.kind == "count").count() == 1
    answer = client.post("/business/stock/count", data={**sent, "date": str(TODAY), "spot.1.0": "7", "was.1.0": "9000"})
    assert "This form was saved already" in answer.text
    assert hidden(answer.text, "key") != sent["key"]


def test_a_count_without_differences_says_so_and_stays_as_its_record(client: FlaskClient) -> None:
    receive()
    done = form(client, "/business/stock/count", place="MAIN", date=str(TODAY), **{"spot.1.0": "10"})
    assert done.status_code == 303, done.text
    paper = Transfer.get(Transfer.kind == "count")
    page = client.get(done.location).text
    assert "Counted, all right: 1 of 1 are as they should be." in page
    assert re.search(r"I1 Bolt.*?10 kilogram.*?10 kilogram.*?0 kilogram", page, re.S)
    assert (paper.number, Move.select().where(Move.transfer == paper).count()) == (f"ST-{TODAY.year}-00002", 0)
    assert CountLine.get().expected == CountLine.get().counted == 10_000
    with pytest.raises(peewee.IntegrityError, match="never edited"), write():
        CountLine.update(counted=1).execute()
    assert form(client, done.location, f"/business/stock/transfer/{paper.id}/storno").status_code == 303


def test_a_place_is_counted_by_rest_and_wrong_lines_are_named(client: FlaskClient) -> None:
    receive()
    at = "/api/biz/v1/stock/location/1/count"

    def count(location: int, *lines: dict[str, object]) -> Any:
        path = at.replace("/1/", f"/{location}/")
        body = {"date": str(TODAY), "lines": list(lines)}
        return client.post(path, json=body, headers={"Authorization": "Bearer x"})

    one = {"item": 1, "quantity": 9_000}
    for location, lines, field in (
        (1, (), "lines"), (1, (one, one), "lines.1.item"), (1, ({**one, "quantity": -1},), "lines.0.quantity"),
        (1, ({"item": 77, "quantity": 1},), "lines.0.item"), (2, (one,), "location"),
    ):  # fmt: skip
        answer = count(location, *lines)
        assert answer.status_code in (404, 422), answer.json
        assert answer.json["error"]["problems"][0]["field"] == field
    bare = client.post(at, json={"date": str(TODAY)}, headers={"Authorization": "Bearer x"})
    assert (bare.status_code, bare.json["error"]["problems"][0]["field"]) == (422, "lines")
    assert not CountLine.select().count()
    answer = count(1, one)
    assert answer.status_code == 200, answer.json
    assert OnHand.get(OnHand.location == 1).quantity == 9000
    page = client.get("/business/stock/transfer/2").text
    assert "Counted: 1 of 1 differed and are set right." in page
    offered = client.get("/business/stock/location/1").text
    assert re.search(r'name="lines.0.item" value="1">I1 Bolt', offered)


def test_a_reorder_rule_says_what_to_order(client: FlaskClient) -> None:
    receive(3000)
    with write():
        planning.plan(OWNER, "x", 1, [planning.Planned(line=1, item=1, date=TODAY, quantity=-5000)])
    plan = "/business/stock/plan?item=1"
    rule = {"item": "1", "least": "1", "most": "10", "multiple": "2.5", "lead_days": "7"}
    assert form(client, plan, "/business/stock/rule", **rule).status_code == 303
    assert Reorder.get().multiple == 2500
    page = client.get(plan).text
    assert "<svg" in page
    assert "-2.000" in page
    short = client.get("/business/stock/short?format=csv&table=to-order").text
    assert short.splitlines()[1].endswith("12.500")
    assert "Items that will be missing" in client.get("/business/").text
    assert form(client, plan, "/business/stock/rule", **{**rule, "most": "0.5"}).status_code == 422


def test_lots_places_units_and_reservations_have_their_pages(client: FlaskClient) -> None:
    receive()
    items.add_item(OWNER, "L", "with lots", has_lots=True)
    assert form(client, "/business/stock/lot/new", item="L", code="L1", expires="2030-01-01").status_code == 303
    made = form(client, "/business/stock/location/new", code="B", name_zh="乙库", name_en="Store B", kind="internal")
    assert made.status_code == 303
    done = form(client, "/business/stock/item/1", "/business/stock/item/1/unit", unit="box", numerator="25000",
                denominator="1")  # fmt: skip
    assert done.status_code == 303
    reservations.reserve(OWNER, ("order", 7, 0), 1, 5, 1)
    assert "order 7" in client.get("/business/stock/reservation").text
    assert "Reserved for" in client.get("/business/stock/item/1").text
    for address in ("card?item=99", "plan?item=x", "count?place=nowhere"):
        assert client.get(f"/business/stock/{address}").status_code in (404, 422)
