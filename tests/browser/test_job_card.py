"""A worker at a job card: scanned, signed in by PIN, reported while the wifi is away, on a phone of 360 pixels."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from waitress.server import create_server
from werkzeug.middleware.shared_data import SharedDataMiddleware

from bizlite.production import cards
from bizlite.production.models import Report
from bizlite.web.app import create_app
from tests.bizlite.conftest import leave
from tests.bizlite.workshop import Shop, make_shop
from tests.browser.person import DESK, PHONE, Person

ROOT = Path(__file__).parents[2]
WORDS = {
    "zh": {"who": "您是谁？", "me": "是我", "code": "工号", "pin": "密码", "good": "合格", "start": "开工",
           "finish": "完工", "unsent": "未发送：1 条", "finished": "本工序已完工。", "scrap": "报废或返工"},
    "en": {"who": "Who are you?", "me": "That is me", "code": "Your code", "pin": "PIN", "good": "Good",
           "start": "Begin", "finish": "Finish", "unsent": "Not sent yet: 1.",
           "finished": "This operation is finished.", "scrap": "Scrap or rework"},
}  # fmt: skip


@dataclass
class Site:
    """The pages of a shop, and where its first job card is."""

    url: str
    shop: Shop
    card: int

    @property
    def path(self) -> str:
        return f"/business/production/scan/{cards.token(self.card)}"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Site]:
    app = create_app(f"sqlite://{tmp_path}/company.db", lambda environ: None)
    made = make_shop()
    order = made.order()
    pages = SharedDataMiddleware(app, {"/static": str(ROOT / "webui" / "static")})
    server = create_server(pages, host="127.0.0.1", port=0, threads=2)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield Site(f"http://127.0.0.1:{server.effective_port}", made, cards.of_order(order.id)[0].id)
    server.close()
    thread.join(10)
    leave()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_worker_reports_with_and_without_wifi(shop: Site, language: str) -> None:
    words = WORDS[language]
    with Person(shop.url, language, size=PHONE) as worker:
        worker.open(shop.path)
        worker.reads(words["who"])
        worker.screenshot(f"card-who-{language}")
        worker.fill(words["code"], "W1")
        worker.fill(words["pin"], "1234")
        worker.click(words["me"])
        worker.reads(words["start"], words["finish"])
        assert worker.overflow() == 0
        worker.click(words["start"])
        worker.wait(lambda: Report.select().count() == 1, "the start is reported")

        worker.driver.set_network_conditions(offline=True, latency=0, throughput=0)
        worker.fill(words["good"], "10")
        worker.click(words["good"])
        worker.reads(words["unsent"])
        worker.screenshot(f"card-offline-{language}")
        assert worker.overflow() == 0
        assert Report.select().count() == 1

        worker.driver.delete_network_conditions()
        worker.wait(lambda: cards.tally(shop.card).good == 10, "the report is sent when the wifi is back")
        worker.wait(lambda: words["unsent"] not in worker.text, "nothing is left in the queue")
        worker.screenshot(f"card-reported-{language}")
        worker.click(words["finish"])
        worker.reads(words["finished"])
        worker.screenshot(f"card-finished-{language}")
        assert not worker.driver.find_elements(By.CSS_SELECTOR, "[data-report]")
        worker.read_logs()
        assert worker.complaints == []


def test_the_office_sees_it_and_prints(shop: Site, tmp_path: Path) -> None:
    """Board, picture, cards on paper: nothing wider than the window, nothing the browser complains of."""
    shop.shop.report(cards.of_order(1)[0], "good", 4)
    office = create_app(f"sqlite://{tmp_path}/company.db", _admin)
    pages = SharedDataMiddleware(office, {"/static": str(ROOT / "webui" / "static")})
    server = create_server(pages, host="127.0.0.1", port=0, threads=2)
    thread = threading.Thread(target=server.run)
    thread.start()
    with Person(f"http://127.0.0.1:{server.effective_port}", "zh", size=DESK) as person:
        for size, suffix in ((DESK, "desk"), (PHONE, "phone")):
            person.resize(size)
            for path, name in (
                ("board", "board"), ("gantt", "gantt"), ("pay?first=2026-04-01&last=2026-04-30", "pay"),
                ("order/1", "order"), ("order/1/print", "print"), ("order/1/print?paper=ticket", "ticket"),
            ):  # fmt: skip
                person.open(f"/business/production/{path}")
                person.screenshot(f"production-{name}-{suffix}")
                assert person.overflow() == 0, (name, suffix)
        person.read_logs()
        assert person.complaints == []
    server.close()
    thread.join(10)


def _admin(environ: dict[str, object]) -> object:
    from bizlite.web.guard import Who

    return Who(name="admin", roles=frozenset({"admin"}))
