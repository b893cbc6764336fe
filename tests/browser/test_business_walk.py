"""The business as its people use it: the guide from nothing to the first paid order, and a whole order from the
customer's call to the month's close, with the job card on a worker's phone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from waitress.server import create_server
from werkzeug.middleware.shared_data import SharedDataMiddleware

from bizlite.core.session import EVERYTHING, Session
from bizlite.finance import closing, parties, periods
from bizlite.finance.models import Invoice, Open, Period
from bizlite.finance.reports import trial_balance
from bizlite.production import boms, cards, centres, routings, workers
from bizlite.production.models import Card
from bizlite.purchasing import suppliers
from bizlite.quality import plans
from bizlite.sales import orders as sales
from bizlite.sales import prices
from bizlite.sales.models import Order
from bizlite.stock import items
from bizlite.stock.models import OnHand
from bizlite.web.app import create_app
from bizlite.web.guard import Who
from bizlite.web.texts import catalogue
from tests.bizlite import invariants
from tests.bizlite.conftest import leave
from tests.browser.person import DESK, PHONE, Person

LOOK = str(Path(__file__).parents[2] / "webui" / "static")
TODAY = Session(user="boss", rights=frozenset({EVERYTHING})).today  # the day at the site
MAIN = 1  # the main store
YUAN = 1_000_000  # a price is kept in millionths


class Clerk(Person):
    """Somebody at the business pages, whose texts are in another catalogue."""

    def t(self, text: str, **places: object) -> str:
        said = catalogue(self.language).gettext(text)
        return said % places if places else said

    def unfold(self, summary: str) -> WebElement:
        """What is folded away under these words, unless it stands open already."""
        said = self.t(summary)

        def search() -> WebElement | None:
            for element in self.driver.find_elements(By.CSS_SELECTOR, "details"):
                head = element.find_element(By.TAG_NAME, "summary")
                if head.text.strip() == said:
                    if element.get_attribute("open") is None:
                        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", head)
                        head.click()
                    return element
            return None

        found: WebElement = self.wait(search, f"something folded away as {said!r}", lambda: self.text)
        return found

    def press(self, summary: str, **typed: str) -> None:
        """Fills in what is folded away under these words, by name of field, and presses its button."""
        part = self.unfold(summary)
        for name, text in typed.items():
            field = part.find_element(By.NAME, name)
            field.clear()
            field.send_keys(text)
        button = part.find_element(By.CSS_SELECTOR, "button:not([type=button])")
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
        button.click()
        self.wait(lambda: not _is_there(button), f"the page behind {summary!r}", lambda: self.text)

    def both(self, name: str) -> None:
        """A picture at the desk and one as on a phone; neither is wider than its window."""
        for size, words in ((PHONE, "phone"), (DESK, "desk")):
            self.resize(size)
            assert self.overflow() <= 0, f"{name} is too wide on a {words}"
            self.screenshot(f"business-{name}-{words}-{self.language}")


def _is_there(element: WebElement) -> bool:
    try:
        return element.is_enabled()
    except StaleElementReferenceException:
        return False


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
    boss.fill("Item", "SH-100")
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
    # The customer calls: 10 shafts.
    boss.open("/business/sales/order/new")
    boss.fill("Customer", "C01")
    boss.fill("Item", "SHAFT")
    boss.fill("Quantity", "10")
    boss.click("Save")
    boss.click("Confirm")
    boss.reads("SO-")
    boss.both("walk-1-order")

    # Steel is bought and comes; it may go into the store when it was inspected.
    boss.open("/business/purchasing/order/new")
    boss.fill("Supplier", "V01")
    boss.fill("Item", "BAR")
    boss.fill("Quantity", "20")
    boss.click("Save")
    boss.click("It is sent")
    boss.reads("PO-")
    boss.both("walk-2-purchase")
    bought = boss.path
    boss.press("Receive", their_number="LS-77")
    boss.reads(boss.t("Nothing was changed."))
    boss.both("walk-3-waits")
    boss.click("Inspect", "link")
    boss.tick("材质证明 certificate")
    boss.both("walk-4-inspection")
    boss.click("Post the inspection")
    boss.reads(boss.t("Inspected for"))
    boss.open(bought)
    boss.press("Receive", their_number="LS-77")
    boss.both("walk-5-receipt")
    boss.open(bought)
    boss.press("Enter the invoice", their_number="88001")

    # A work order; its first card is scanned by a worker, who is nobody to the router.
    boss.open("/business/production/order/new")
    boss.fill("Item", "SHAFT")
    boss.fill("Quantity", "10")
    boss.driver.execute_script("document.getElementById('due').value = arguments[0]", TODAY().isoformat())
    boss.click("Save")
    boss.click("Release")
    boss.reads("WO-")
    boss.both("walk-6-work-order")
    work = boss.path
    card = Card.get()
    boss.open(f"{work}/print")
    boss.both("walk-7-cards")
    phone.open(f"/business/production/scan/{cards.token(card.id)}")
    phone.fill("Your code", "W1")
    phone.fill("PIN", "1234")
    phone.screenshot(f"business-walk-8-sign-in-phone-{phone.language}")
    phone.click("That is me")
    phone.click("Begin")
    phone.reads(phone.t("Last reports"))
    phone.fill("Good", "10")
    phone.screenshot(f"business-walk-8-card-phone-{phone.language}")
    phone.click("Good")
    phone.reads(phone.t("Inspect"))
    assert phone.overflow() <= 0
    phone.screenshot(f"business-walk-8-good-phone-{phone.language}")

    # Quality measures two of them; then the worker finishes the card.
    boss.open(work)
    boss.click("Inspect", "link")
    for field in boss.driver.find_elements(By.CSS_SELECTOR, "fieldset input"):
        field.send_keys("29.99")
    boss.both("walk-9-quality")
    boss.click("Post the inspection")
    boss.reads(boss.t("Inspected for"))
    phone.driver.refresh()
    phone.click("Finish")
    phone.reads(phone.t("This operation is finished."))
    phone.screenshot(f"business-walk-9-finished-phone-{phone.language}")
    boss.open(work)
    boss.press("Receive the product", quantity="10")
    boss.open(work)
    boss.click("Close")
    boss.reads(boss.t("closed"))
    boss.both("walk-10-made")

    # Delivered, invoiced, paid; the supplier too.
    boss.open(f"/business/sales/order/{Order.get().id}")
    boss.press("Deliver")
    boss.reads("DN-")
    boss.both("walk-11-delivery")
    boss.open(f"/business/sales/order/{Order.get().id}")
    boss.press("Invoice what was delivered")
    boss.both("walk-12-invoice")
    for kind, code, amount in (("received", "C01", "1130"), ("paid", "V01", "113")):
        boss.open("/business/finance/payment/new")
        boss.choose("Kind", kind)
        boss.fill("Customer or supplier", code)
        boss.fill("Amount", amount)
        boss.click("Save")
        boss.reads(boss.t("Done."))
    boss.both("walk-13-payment")
    boss.open("/business/reports/close")
    boss.both("walk-14-close")
    month = periods.of(TODAY())
    for one in (closing.next_period(TODAY()), month):  # a new company begins with the month before
        boss.click("Close %(month)s", month=one)
        boss.reads(boss.t("Closed last: %(month)s by %(user)s", month=one, user="boss"))
    boss.both("walk-15-closed")
    boss.open("/business/reports/")
    boss.both("walk-16-overview")
    all_is_settled(month)


def make_works() -> None:
    """What a works has before the first call: items, prices, a bill, a routing, a worker, what quality looks at."""
    session = Session(user="boss", rights=frozenset({EVERYTHING}))
    parties.add(session, "C01", "鑫达 Xinda", is_customer=True)
    steel = parties.add(session, "V01", "宏图 Hongtu", is_supplier=True)
    bar = items.add_item(session, "BAR", "圆钢 steel bar", unit="kg", account="1403").id
    shaft = items.add_item(session, "SHAFT", "传动轴 shaft").id
    prices.add(session, shaft, TODAY(), 113 * YUAN)
    suppliers.add(session, steel.id, bar, 565 * YUAN // 100, lead_days=2, is_preferred=True)
    bom = boms.draft(session, shaft, "A", 1, [boms.Component(item=bar, quantity=2000)])
    boms.release(session, bom.id, bom.version)
    lathe = centres.add(session, "L1", "车床 lathe").id
    steps = [routings.Step(code="turn", name="车削 turning", centre=lathe, run_ms=60_000)]
    routing = routings.draft(session, shaft, "A", steps)
    routings.release(session, routing.id, routing.version)
    workers.add(session, "W1", "王师傅 Wang", pin="1234")
    plans.add(session, "IN", "来料 incoming", "receipt", bar, [plans.Look(name="材质证明 certificate")])
    diameter = [plans.Look(name="直径 diameter", unit="mm", scale=2, low=2998, high=3000)]
    plans.add(session, "OP", "车后 turned", "operation", shaft, diameter, operation="turn", sample=2)


def all_is_settled(month: int) -> None:
    """Stock and ledger say the same on every day, nothing is owed, the order is closed, the month too."""
    invariants.hold()
    assert not sales.is_open(Order.get().id)
    assert not OnHand.select().where((OnHand.location == MAIN) & (OnHand.quantity != 0)).exists()
    balances = {total.account: total.balance for total in trial_balance(TODAY())}
    settled = ("1403", "1405", "4001", "1122", "220201", "220202")
    assert [balances.get(code, 0) for code in settled] == [0] * len(settled)
    assert balances["1002"] == 113_000 - 11_300
    assert (balances["5001"], balances["5401"]) == (-100_000, 10_000)
    assert not Open.select().where(Open.rest != 0).exists()
    assert Period.select().where(Period.period == month).exists()
