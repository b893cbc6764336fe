"""Scrap by cause: a list that the works keeps, from which workers choose, and what was lost for which reason."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from bizlite.core.errors import Refused
from bizlite.production import cards, causes, reports, scrap, workers
from bizlite.production.models import Cause, Report
from bizlite.web.app import create_app
from tests.bizlite.conftest import Fresh, leave
from tests.bizlite.test_production_pages import SCAN, sign_in
from tests.bizlite.web_site import asker, call, hidden, identify
from tests.bizlite.workshop import JANUARY, SESSION, TODAY, Shop, both, make_shop, opened


@pytest.fixture
def shop(fresh: Fresh) -> Iterator[Shop]:
    with opened(fresh()) as found:
        yield found


def lines(by: str) -> list[tuple[object, ...]]:
    return [line.values for line in scrap.table(by, JANUARY, TODAY, "en").lines]


def test_a_worker_chooses_of_the_list_once_there_is_one(shop: Shop) -> None:
    card, _ = both(shop.order())
    shop.report(card, "scrap", 1, cause="it fell down")
    crack = causes.add(SESSION, " crack ")
    causes.add(SESSION, "burr")
    with pytest.raises(Refused, match="is not one of the list") as caught:
        shop.report(card, "scrap", 1, cause="it fell down again")
    assert caught.value.problems[0].params == {"causes": "crack, burr"}
    causes.retire(SESSION, crack.id)
    assert causes.offered() == ["burr"]
    shop.report(card, "scrap", 1, cause="crack")  # chosen on a phone before
    assert [row.cause for row in Report.select().order_by(Report.id)] == ["it fell down", "crack"]
    with pytest.raises(Refused, match="is taken"):
        causes.add(SESSION, "crack")
    causes.restore(SESSION, crack.id)
    for n in range(causes.MOST - 2):
        causes.add(SESSION, f"cause {n}")
    with pytest.raises(Refused, match="is one too many"):
        causes.add(SESSION, "another")


def test_what_was_lost_and_why(shop: Shop) -> None:
    first, second = both(shop.order())
    other = workers.add(SESSION, "W2", "Li").id
    assert lines("cause") == []
    for quantity, cause in ((2, "crack"), (1, "burr"), (1, "crack")):
        wrong = shop.report(first, "scrap", quantity, cause=cause)
    shop.report(first, "good", 6)
    reports.report(SESSION, second.id, "scrap", other, 2, cause="burr")
    reports.report(SESSION, second.id, "rework", other, 1, cause="burr")  # which is not lost
    reports.storno(SESSION, first.id, wrong.id, shop.worker)
    assert lines("cause") == [("burr", (3, 0), "piece", 6000), ("crack", (2, 0), "piece", 4000)]
    assert lines("worker") == [
        ("W1 Wang", "crack", (2, 0), "piece", 4000), ("W1 Wang", "burr", (1, 0), "piece", 2000),
        ("W2 Li", "burr", (2, 0), "piece", 4000),
    ]  # fmt: skip
    assert [line[:3] for line in lines("item")] == [("BOLT bolt", "burr", (3, 0)), ("BOLT bolt", "crack", (2, 0))]
    assert [line[0] for line in lines("centre")] == ["LATHE Lathes"] * 2
    assert scrap.table("cause", JANUARY, JANUARY, "zh").lines == []


@pytest.fixture
def client(sqlite: Fresh) -> Iterator[FlaskClient]:
    yield asker(create_app(sqlite(), identify))
    leave()


def test_on_the_phone_the_page_as_a_file_and_by_rest(client: FlaskClient) -> None:
    shop = make_shop()
    card = both(shop.order())[0]
    made = call(client, "POST", "/api/biz/v1/production/cause", {"name": "裂纹"})
    assert made.status_code == 201
    phone = asker(client.application, None)
    at = f"{SCAN}/{cards.token(card.id)}"
    sign_in(phone, at)
    page = phone.get(at).text
    assert page.count("<option>裂纹</option>") == 2
    sent = {"csrf": hidden(page, "csrf"), "kind": "scrap", "quantity": "2", "key": "s1"}
    refused = phone.post(f"{at}/report", data={**sent, "cause": "why not"})
    assert (refused.status_code, "Choose one of 裂纹." in refused.text) == (422, True)
    assert phone.post(f"{at}/report", data={**sent, "cause": "裂纹"}).status_code == 303
    where = f"first={JANUARY}&last=2199-01-01"
    assert "裂纹" in client.get(f"/business/production/scrap?{where}").text
    file = client.get(f"/business/production/scrap?by=worker&{where}&format=csv").text
    assert file.splitlines()[1] == "W1 Wang,裂纹,2,piece,100.00"
    (table,) = call(client, "GET", f"/api/biz/v1/production/figures/scrap?by=item&{where}").json["tables"]
    assert table["rows"] == [{"item": "BOLT bolt", "cause": "裂纹", "scrap": "2", "unit": "piece", "share": 10_000}]
    assert client.get("/business/production/scrap?first=2026-02-01&last=2026-01-01").status_code == 422
    done = call(client, "POST", f"/api/biz/v1/production/cause/{made.json['id']}/retire", {})
    assert (done.status_code, Cause.get().is_active) == (200, False)
    assert "datalist" in phone.get(at).text  # no list any more: in words of one's own
