"""The business as its people use it: the guide from nothing to the first paid order, and a whole order from the
customer's call to the month's close, with the job card on a worker's phone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from waitress.server import create_server
from werkzeug.middleware.shared_data import SharedDataMiddleware

from bizlite.finance.models import Invoice, Open
from bizlite.sales.models import OrderLine
from bizlite.stock.models import OnHand
from bizlite.web.app import create_app
from bizlite.web.guard import Who
from tests.bizlite import invariants
from tests.bizlite.conftest import leave
from tests.browser.business import Clerk, all_is_settled, make_works, walk
from tests.browser.person import DESK, PHONE

LOOK = str(Path(__file__).parents[2] / "webui" / "static")


@pytest.fixture
def site(tmp_path: Path, language: str) -> Iterator[str]:
    """The address of an empty company; its owner is logged in, except where a card is scanned."""

    def identify(environ: dict[str, Any]) -> Who | None:
        if environ["PATH_INFO"].startswith("/business/production/scan"):
            return None
        return Who(name="boss", roles=frozenset({"admin"}), language=language)

    app = create_app(f"sqlite://{tmp_path}/company.db", identify, folder=tmp_path)
    server = create_server(SharedDataMiddleware(app, {"/static": LOOK}), host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join(10)
    leave()


@pytest.fixture
def arrive(site: str, language: str) -> Iterator[Callable[..., Clerk]]:
    people: list[Clerk] = []

    def make(size: tuple[int, int] = DESK) -> Clerk:
        people.append(Clerk(site, language, size=size))
        return people[-1]

    yield make
    for person in people:
        person.__exit__()
    assert [url for person in people for url in person.foreign] == []
    assert [words for person in people for words in person.complaints] == []


def test_the_guide_leads_from_nothing_to_the_first_paid_order(arrive: Callable[..., Clerk]) -> None:
    boss = arrive()
    boss.open("/business/")
    boss.both("start-empty")
    boss.click("Show me how")
    boss.reads(boss.t("First steps"))
    boss.both("guide")
    boss.click("Do it now", "link")
    boss.fill("Name", "恒锐机械")
    boss.choose("Taxpayer", "small-scale taxpayer")
    boss.both("guide-company")
    boss.click("Save")
    boss.reads(boss.t("Done."), boss.t("Step %(number)s of 8", number=2))

    boss.click("Do it now", "link")
    boss.fill("Code", "SH-100")
    boss.fill("Name", "传动轴")
    boss.both("guide-item")
    boss.click("Save")
    boss.reads(boss.t("Step %(number)s of 8", number=3))

    boss.click("Do it now", "link")
    boss.fill("Code", "C01")
    boss.fill("Name", "鑫达输送设备")
    assert boss.find("checkbox", "Customer").is_selected()
    boss.click("Save")
    boss.reads(boss.t("Step %(number)s of 8", number=4))
    boss.both("guide-customer")

    boss.click("Do it now", "link")
    boss.fill("Quantity", "20")
    boss.fill("Worth in all", "1000")
    boss.both("guide-stock")
    boss.click("Post the count")
    boss.reads(boss.t("Step %(number)s of 8", number=5))

    # Left, and taken up again.
    boss.open("/business/guide/")
    boss.click("Leave the guide")
    boss.reads(boss.t("What is due"))
    boss.click("Show me how")
    boss.click("Do it now", "link")
    assert boss.find("textbox", "Customer").get_attribute("value") == "C01"
    assert boss.find("textbox", "Item").get_attribute("value") == "SH-100"
    boss.fill("Quantity", "5")
    boss.fill("Price", "101")
    boss.both("guide-order")
    boss.click("Save")
    boss.click("Confirm")
    boss.reads(boss.t("Step %(number)s of 8", number=6))
    boss.both("guide-order-confirmed")
    boss.press("Deliver")
    boss.reads(boss.t("Step %(number)s of 8", number=7))
    boss.click("Do it now", "link")
    boss.press("Invoice what was delivered")
    boss.reads(boss.t("Step %(number)s of 8", number=8))
    boss.both("guide-invoice")
    boss.click("Do it now", "link")
    assert boss.find("textbox", "Amount").get_attribute("value") == "505.00"
    boss.click("Save")
    boss.reads(boss.t("All is done: your first order is delivered and paid."))
    boss.both("guide-paid")

    invariants.hold()
    invoice = Invoice.get()
    assert (invoice.net, invoice.tax) == (50_000, 500)  # the reduced rate of a small taxpayer
    assert not Open.select().where(Open.rest != 0).exists()
    assert OnHand.get().quantity == 15
    boss.click("What next", "link")
    boss.both("guide-done")
    boss.click("Close the guide")
    boss.reads(boss.t("What is due"))
    assert boss.t("First steps") not in boss.text


def test_an_order_from_the_call_to_the_months_close(arrive: Callable[..., Clerk]) -> None:
    boss, phone = arrive(), arrive(PHONE)
    boss.open("/business/")
    make_works()
    walk(boss, phone)
    all_is_settled()


@pytest.mark.parametrize("language", ["en"])
def test_a_clerk_at_the_counter_needs_no_mouse(arrive: Callable[..., Clerk]) -> None:
    clerk = arrive()
    clerk.open("/business/")
    make_works()
    clerk.open("/business/sales/order")
    clerk.keys("n")
    clerk.wait(lambda: clerk.focus() == "party", "the field of the customer", clerk.focus)
    clerk.keys("C01")
    while clerk.focus() != "text":
        clerk.keys(Keys.ENTER)
    clerk.keys(Keys.TAB)  # a remark has lines of its own: Enter does not leave it
    for line in range(4):  # one more than the form had
        assert clerk.focus() == f"lines.{line}.item"
        clerk.keys("SHAFT", Keys.ENTER, str(line + 1), *[Keys.ENTER] * 5)
    assert clerk.focus() == "lines.4.item"
    clerk.press_post()
    clerk.reads(clerk.t("Done."), clerk.t("draft"))
    clerk.press_post()
    clerk.reads("SO-", clerk.t("posted"))
    assert [line.quantity for line in OrderLine.select().order_by(OrderLine.position)] == [1, 2, 3, 4]
    number = clerk.driver.find_element(By.TAG_NAME, "h1").text
    clerk.open("/business/stock/item")
    clerk.keys("/")
    clerk.keys(number, Keys.ENTER)
    clerk.wait(lambda: "/sales/order/" in clerk.path, "the order that was searched", lambda: clerk.text)
    clerk.keys("?")
    clerk.reads(clerk.t("Search everywhere"))
    clerk.keys(Keys.ESCAPE)
    clerk.keys("/", Keys.ESCAPE, "?")
    clerk.reads(clerk.t("Search everywhere"))
