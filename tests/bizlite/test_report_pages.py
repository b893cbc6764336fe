"""The pages of the reports: from a question to the documents behind the answer."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from bizlite.core.session import Session
from bizlite.finance import forecast, invoices, ledger, parties, periods
from bizlite.production import orders as work
from bizlite.production import reports
from bizlite.production.models import Card
from bizlite.reports import overview
from bizlite.reports.sources import production
from bizlite.sales import orders as sales
from bizlite.sales.lines import Wanted
from bizlite.stock import counting, items, transfers
from tests.bizlite import workshop
from tests.bizlite.conftest import Fresh
from tests.bizlite.pages import form, opened
from tests.bizlite.shop import FIRST, Shop
from tests.bizlite.web_site import call
from tests.bizlite.world import clock

OWNER = Session(user="owner", rights=frozenset({"*"}))
TODAY = OWNER.today()
MONTH = TODAY.year * 100 + TODAY.month


def follow(client: FlaskClient, page: str, pattern: str) -> str:
    """The page behind the first link that fits."""
    found = re.search(f'href="({pattern})"', page)
    assert found, pattern
    answer = client.get(found[1].replace("&amp;", "&"))
    assert answer.status_code == 200
    return answer.text


@pytest.fixture
def client(sqlite: Fresh) -> Iterator[FlaskClient]:
    with opened(sqlite()) as found:
        item = items.add_item(OWNER, "I1", "Bolt")
        customer = parties.add(OWNER, "C", "Wang <b>", is_customer=True, payment_days=0)
        receive = transfers.Line(item=item.id, quantity=10, source=2, target=1, value=1000)
        transfers.post(OWNER, "receipt", TODAY, [receive])
        transfers.post(OWNER, "delivery", TODAY, [transfers.Line(item=item.id, quantity=4, source=1, target=3)])
        line = invoices.Item(text="bolts", quantity=4, price=3_000_000, rate=0, aux=f"item:{item.id}")
        invoices.post(OWNER, "sale", customer.id, TODAY, [line])
        yield found


def test_the_reports_are_answered_as_values_by_rest(client: FlaskClient) -> None:
    def tables(address: str) -> dict[str, Any]:
        answer = call(client, "GET", f"/api/biz/v1/reports/figures/{address}")
        assert answer.status_code == 200, address
        return {table["name"]: table["rows"] for table in answer.json["tables"]}

    found = tables("overview")
    assert [row["total"] for row in found["ageing-receivable"]] == [1200]
    margin = tables(f"margin?by=month&first={MONTH}")["margin-month"]
    assert [(row["revenue"], row["cost"]) for row in margin if row["revenue"]] == [(1200, 400)]
    assert len(tables("forecast")["forecast-weeks"]) > 1
    assert tables("order/1") == {}
    for address in ("work/1", "table/none"):
        assert call(client, "GET", f"/api/biz/v1/reports/figures/{address}").status_code == 404
    wrong = call(client, "GET", "/api/biz/v1/reports/figures/margin?first=202613").json["error"]["problems"]
    assert [problem["field"] for problem in wrong] == ["first"]


def test_from_the_overview_to_the_item_behind_the_profit(client: FlaskClient) -> None:
    page = client.get("/business/reports/").text
    assert "Wang &lt;b&gt;" in page
    assert "8.00" in page  # 12.00 less 4.00
    customers = follow(client, page, rf"/business/reports/margin\?by=customer&amp;first={MONTH}[^\"]*")
    assert "12.00" in customers
    bought = follow(client, customers, r"/business/reports/margin\?by=item[^\"]*")
    assert "Wang &lt;b&gt;" in bought
    assert "12.00" in bought
    made = follow(
        client, client.get("/business/reports/margin?by=item").text, r"/business/reports/margin\?by=month[^\"]*"
    )
    assert "66.67 %" in made
    statement = follow(client, page, r"/business/finance/statement\?[^\"]*")
    follow(client, statement, r"/business/finance/invoice/\d+")
    assert "1" in client.get("/business/reports/margin?by=person").text


@pytest.mark.parametrize("name", ["shortages", "to-order", "ageing-receivable", "ageing-payable", "obligations"])
def test_every_table_of_the_overview_stands_alone_and_is_taken_along(client: FlaskClient, name: str) -> None:
    assert client.get(f"/business/reports/table/{name}").status_code == 200
    for kind in ("csv", "xlsx"):
        answer = client.get(f"/business/reports/?table={name}&format={kind}")
        assert answer.status_code == 200
        assert f"{name}.{kind}" in answer.headers["Content-Disposition"]
    assert client.get("/business/reports/table/nothing").status_code == 404


@pytest.mark.parametrize("query", ["party=999", "item=999"])
def test_nobody_is_nobody(client: FlaskClient, query: str) -> None:
    assert client.get(f"/business/reports/margin?{query}").status_code == 404
    assert call(client, "GET", f"/api/biz/v1/reports/figures/margin?{query}").status_code == 404


@pytest.mark.parametrize("query", ["by=colour", "first=202613", "last=1", "first=x", "first=202602&last=202601"])
def test_a_wrong_question_says_what_is_wrong(client: FlaskClient, query: str) -> None:
    assert client.get(f"/business/reports/margin?{query}").status_code == 422
    assert client.get("/business/reports/margin?by=item&party=99").status_code == 404


def test_the_forecast_shows_weeks_and_what_they_are_made_of(client: FlaskClient) -> None:
    forecast.add_recurring(OWNER, "rent", "out", 5000, TODAY)
    page = client.get("/business/reports/forecast").text
    assert "<svg" in page
    assert "rent" in page
    assert "-38.00" in page
    follow(client, page, r"/business/finance/invoice/\d+")


def test_a_month_is_closed_from_its_list_and_opened_again(client: FlaskClient) -> None:
    month = periods.of(TODAY.replace(day=1)) - (1 if TODAY.month > 1 else 89)
    first = [ledger.Leg(account="5602", debit=1), ledger.Leg(account="1001", credit=1)]
    ledger.post(OWNER, periods.first_day(month), first)  # the first month with an entry is offered
    draft = ledger.draft(OWNER, periods.first_day(month), first[:1])
    page = client.get("/business/reports/close").text
    assert f"Close {month}" in page
    refused = form(client, "/business/reports/close", period=str(month))
    assert refused.status_code == 422
    assert "Has 1 drafts." in refused.text
    ledger.change_draft(OWNER, draft.id, 1, date=TODAY, lines=[ledger.Leg(account="5602", debit=1)])
    assert form(client, "/business/reports/close", period=str(month)).status_code == 303
    assert periods.closed_until() == (month if month % 100 < 12 else month + 1)  # a year is closed with its December
    page = client.get("/business/reports/close").text
    assert "Goods received whose invoice is missing" in page
    assert {point.name: point.count for point in overview.closing_points(MONTH)}["not_counted"] == 1
    counting.post(OWNER, TODAY, [counting.Counted(item=1, location=1, quantity=5)])
    assert {point.name: point.count for point in overview.closing_points(MONTH)}["not_counted"] == 0
    closed = periods.closed_until()
    answer = form(client, "/business/reports/close", period=str(closed), again="1")
    is_year = closed % 100 == periods.CLOSING  # which stays closed: its result is carried over
    assert (answer.status_code, periods.closed_until()) == ((422, closed) if is_year else (303, 0))
    assert (f"Open {closed} again" in page) != is_year


def test_a_finished_card_is_not_late_and_rework_is(sqlite: Fresh) -> None:
    with workshop.opened(sqlite()) as shop:
        first, second = workshop.both(shop.order())
        shop.report(first, "scrap", 3, cause="crack")
        shop.report(first, "good", 7)
        shop.report(first, "finish")
        shop.report(second, "good", 5)
        shop.report(second, "rework", 2, cause="burr")
        shop.report(second, "finish")
        late = production.late_cards(workshop.TODAY + datetime.timedelta(days=1))
        assert [(line.values[0], line.values[5]) for line in late.lines] == [(f"{second.code}R", (2, 0))]


def test_no_night_counts_as_work_at_a_card(sqlite: Fresh) -> None:
    with workshop.opened(sqlite()) as shop:
        (card, _) = workshop.both(shop.order())
        zone = workshop.SESSION.zone
        for day, hour in ((28, 16), (28, 17), (29, 7), (29, 9)):
            at = datetime.datetime(2026, 4, day, hour, 30, tzinfo=zone)
            shop.report(card, "good", 1, reported_ms=int(at.timestamp() * 1000))
        (line,) = production.people(card.order_id, zone).lines
        assert line.values[-1] == 60 + 120


def test_from_a_late_order_to_its_cards_people_and_minutes(sqlite: Fresh) -> None:
    with opened(sqlite()) as client:
        session = Session(user="owner", rights=frozenset({"*"}), now=clock)  # everything is long ago
        shop = Shop(session)
        customer = parties.add(session, "C", "Wang", is_customer=True)
        for item, lot in shop.bought:
            line = transfers.Line(item=item, lot=lot, quantity=1000, source=2, target=1, value=1000)
            transfers.post(session, "receipt", FIRST, [line])
        wanted = [Wanted(item=shop.products[0], quantity=4, price=5_000_000, rate=0)]
        sold = sales.confirm(session, sales.draft(session, customer.id, FIRST, wanted).id)
        made = work.draft(
            session, shop.products[0], 4, FIRST, date=FIRST, batch_size=4, source=("sales_order", sold.id, 0)
        )
        made = work.release(session, made.id, made.version)
        card = Card.select().where(Card.order == made).order_by(Card.position).first()
        # From 7:50 on, over the hour at which it is midnight by UTC.
        for kind, quantity, minutes in (("start", 0, 250), ("good", 3, 15)):
            at = session.now_ms() - minutes * 60_000
            reports.report(session, card.id, kind, shop.workers[0], quantity, reported_ms=at)
        page = client.get("/business/reports/").text
        assert card.code in page
        behind = follow(client, page, rf"/business/reports/work/{made.id}")
        assert re.search(r"W1</td>.*?>3<.*?>0<.*?>235<", behind, re.S)
        with_cards = client.get(f"/business/reports/order/{sold.id}").text
        assert card.code in with_cards
        late = "".join(client.get("/business/reports/?table=late-cards&format=csv").text.splitlines()[1:2])
        assert late.split(",")[5] == "1"
        assert sold.number in client.get("/business/reports/forecast").text
        assert "owner,1,20.00" in client.get("/business/reports/margin?by=person&first=202511&format=csv").text
