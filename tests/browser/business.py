"""People at the pages of the business, and the order that they take from the customer's call to the month's close,
wherever the pages are: alone (test_business_walk.py) or behind the router's front (test_business_front.py).
"""

from __future__ import annotations

import re

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from bizlite.core.session import EVERYTHING, Session
from bizlite.finance import parties, periods
from bizlite.finance.models import Open, Period
from bizlite.finance.reports import trial_balance
from bizlite.production import boms, centres, routings, workers
from bizlite.production.prints import qr
from bizlite.purchasing import suppliers
from bizlite.quality import plans
from bizlite.sales import orders as sales
from bizlite.sales import prices
from bizlite.sales.models import Order
from bizlite.stock import items
from bizlite.stock.models import OnHand
from bizlite.web.texts import catalogue
from tests.bizlite import invariants
from tests.browser.person import DESK, PHONE, Person
from webui import i18n

BOSS = Session(user="boss", rights=frozenset({EVERYTHING}))
TODAY = BOSS.today
MAIN = 1  # the main store
YUAN = 1_000_000  # a price is kept in millionths


class Clerk(Person):
    """Somebody at the business pages, whose texts are in another catalogue."""

    def t(self, text: str, **places: object) -> str:
        said = catalogue(self.language).gettext(text)
        if said == text:  # the router's own, as on its login
            said = i18n.catalogue(self.language).gettext(text)
        return said % places if places else said

    def log_in(self, user: str, password: str) -> None:
        self.open("/login")
        self.enter(user, password)

    def enter(self, user: str, password: str) -> None:
        """Fills in the router's login, which is on the page."""
        self.wait(lambda: self.driver.find_elements(By.NAME, "password"), "the login", lambda: self.text)
        self.driver.find_element(By.NAME, "user").send_keys(user)
        self.driver.find_element(By.NAME, "password").send_keys(password + Keys.ENTER)

    def printed(self) -> list[str]:
        """What the codes of the job cards on this page say; each is what it is linked to."""
        links = self.driver.find_elements(By.CSS_SELECTOR, ".jobcard a")
        said = [link.get_attribute("href") or "" for link in links]
        drawn = [link.find_element(By.CSS_SELECTOR, "path").get_attribute("d") for link in links]
        assert drawn == [re.findall(r' d="([^"]+)"', str(qr(text)))[-1] for text in said]
        return said

    def scan(self, address: str) -> None:
        """Opens what a code on paper says."""
        self.driver.get(f"{address}?lang={self.language}")

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

    def focus(self) -> str:
        """The name of the field that has the keyboard."""
        return self.driver.switch_to.active_element.get_attribute("name") or ""

    def press_post(self) -> None:
        """Ctrl and Enter: saves, or posts."""
        ActionChains(self.driver).key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(Keys.CONTROL).perform()

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


def walk(boss: Clerk, phone: Clerk, name: str = "boss") -> None:
    """An order from the call to the month's close, in the company of ``make_works``; the phone is nobody's login."""
    # The customer calls: 10 shafts.
    boss.open("/business/sales/order/new")
    boss.fill("Customer", "C01")
    boss.fill("Item", "SHAFT")
    boss.fill("Quantity", "10")
    boss.click("Save")
    boss.click("Confirm")
    boss.reads("SO-")
    boss.both("walk-1-order")
    order = boss.path

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
    boss.open(f"{work}/print")
    boss.both("walk-7-cards")
    phone.scan(boss.printed()[0])
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
    boss.open(order)
    boss.press("Deliver")
    boss.reads("DN-")
    boss.both("walk-11-delivery")
    boss.open(order)
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
    if month % 100 < periods.LAST:  # a December is closed when its year is over
        boss.click("Close %(month)s", month=month)
        boss.reads(boss.t("Closed last: %(month)s by %(user)s", month=month, user=name))
        boss.both("walk-15-closed")
    boss.open("/business/reports/")
    boss.both("walk-16-overview")


def make_works() -> None:
    """What a works has before the first call: items, prices, a bill, a routing, a worker, what quality looks at."""
    session = BOSS
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


def all_is_settled() -> None:
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
    assert Period.select().where(Period.period == periods.of(TODAY())).exists()
