"""The demo company: loaded and removed by one click, apart from the firm's own data, and right to the fen."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from bizlite.core import registry
from bizlite.core.database import alone, write
from bizlite.core.errors import Refused
from bizlite.core.models import Audit
from bizlite.core.transfer import digest, tables
from bizlite.demo import place, works
from bizlite.finance import parties, periods
from bizlite.finance.models import Party, Period
from bizlite.production import orders as work
from bizlite.production.models import Order as WorkOrder
from bizlite.sales.models import Order
from bizlite.web.app import create_app
from tests.bizlite import invariants
from tests.bizlite.conftest import leave
from tests.bizlite.web_site import OWNER, asker, call, content, identify

CHINA = datetime.timezone(datetime.timedelta(hours=8))
LOAD, REMOVE = "/business/guide/demo", "/business/guide/demo/remove"


@pytest.fixture
def url(sqlite: Callable[[], str]) -> Iterator[str]:
    yield sqlite()
    leave()


@pytest.fixture
def app(url: str, tmp_path: Path) -> Flask:
    return create_app(url, identify, folder=tmp_path)


def build(url: str, day: datetime.date, language: str = "zh") -> None:
    registry.open_company(url)
    with write():
        works.build(day, language, CHINA)


@pytest.mark.parametrize(
    "day",
    ["2026-11-27", *(pytest.param(day, marks=pytest.mark.long) for day in ("2026-03-01", "2028-01-03", "2027-10-10"))],
)
def test_on_any_day_it_is_right_and_in_the_middle_of_work(url: str, day: str) -> None:
    today = datetime.date.fromisoformat(day)
    build(url, today)
    invariants.hold()
    assert work.in_work()
    assert any(work.state(order) == "closed" for order in WorkOrder.select())
    assert Order.select().where(~Order.posted).count() == 1
    # The last month that is over is left for closing it.
    assert Period.select().exists()
    assert periods.after(periods.after(periods.closed_until())) == periods.of(today)


@pytest.mark.long
def test_the_same_day_gives_the_same_company(sqlite: Callable[[], str]) -> None:
    """But for the secrets of job cards and PINs, which are drawn."""
    drawn = {"core_setting", "production_worker", "core_audit"}
    found = []
    for _ in range(2):
        build(sqlite(), datetime.date(2026, 11, 27), "en")
        found.append({t.name: digest(place.database.obj, t) for t in tables() if t.name not in drawn})
        leave()
    assert found[0] == found[1]


def test_it_is_loaded_and_removed_and_leaves_nothing(app: Flask, tmp_path: Path) -> None:
    client, before = asker(app), content()
    assert "Look at a demo company first" in client.get("/business/").text
    assert call(client, "POST", LOAD).status_code == 303
    page = client.get("/business/").text
    assert "Demo company." in page
    assert "Look at a demo company first" not in page
    assert "Hengrui" in client.get("/business/company").text
    assert call(client, "POST", LOAD).status_code == 422
    assert (tmp_path / "demo" / "company.db").exists()
    assert call(client, "POST", REMOVE).status_code == 303
    assert not (tmp_path / "demo").exists()
    assert content() == before
    assert "Demo company." not in client.get("/business/").text
    assert call(client, "POST", REMOVE).status_code == 422


def test_a_company_with_data_never_gives_way_to_it(app: Flask) -> None:
    client = asker(app)
    parties.add(OWNER, "C1", "ours", is_customer=True)
    before = content()
    refused = call(client, "POST", LOAD)
    assert refused.status_code == 422
    assert "before the first entry" in refused.text
    assert content() == before
    assert "Look at a demo company first" not in client.get("/business/").text


def test_what_is_entered_while_it_waits_is_not_hidden_behind_it(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody enters the first customer in the moment in which another presses the demo's button."""
    looked, is_empty = threading.Event(), place.is_empty

    def look() -> bool:
        found = is_empty()
        looked.set()
        return found

    monkeypatch.setattr(place, "is_empty", look)
    answers: list[int] = []
    other = threading.Thread(target=lambda: answers.append(call(asker(app), "POST", LOAD).status_code))
    with alone():
        other.start()
        looked.wait(1)  # it looks before it waits for us, or not at all until then
        parties.add(OWNER, "C1", "ours", is_customer=True)
    other.join()
    assert answers == [422]
    assert Party.get().name == "ours"
    assert not (tmp_path / "demo").exists()


def test_it_is_open_again_after_a_start_until_the_own_company_has_data(app: Flask, url: str, tmp_path: Path) -> None:
    assert call(asker(app), "POST", LOAD).status_code == 303
    leave()
    again = create_app(url, identify, folder=tmp_path)
    assert place.is_open()
    assert Path(again.config["FOLDER"]) == tmp_path / "demo"
    leave()
    # A backup of the firm's own was put back meanwhile.
    registry.open_company(url)
    Party.create(id=1, code="C1", name="ours", is_customer=True)
    leave()
    create_app(url, identify, folder=tmp_path)
    assert not place.is_open()
    assert Party.get().name == "ours"
    assert not (tmp_path / "demo").exists()


def test_a_build_that_breaks_off_leaves_the_own_company_open(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content()
    monkeypatch.setattr(works.Works, "inspections", lambda self: 1 // 0)
    with app.app_context(), pytest.raises(ZeroDivisionError):
        place.load(OWNER, *app.extensions["own"], "zh")
    assert not place.is_open()
    assert content() == before
    assert not (tmp_path / "demo").exists()


def test_only_who_may_loads_it(app: Flask) -> None:
    with pytest.raises(Refused):
        place.load(type(OWNER)(user="x", rights=frozenset({"sales.*"})), *app.extensions["own"], "zh")
    assert not Audit.select().where(Audit.user == "x").exists()
