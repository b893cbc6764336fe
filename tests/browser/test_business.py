"""The business in the browser: switched on, every page of the core in its sizes, and who is there for it alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select

from bizlite.core import rights
from bizlite.web.texts import catalogue
from firmware.client import Client
from tests.browser.conftest import PASSWORD
from tests.browser.person import DESK, PHONE, Person
from tests.browser.test_pages import _NAMELESS, _SAME_IDS
from tests.lab.site import Site

PAGES = {
    "start": "/business/",
    "search": "/business/search?q=Wang",
    "modules": "/business/modules",
    "rights": "/business/rights",
    "fields": "/business/fields",
    "parties": "/business/finance/party",
    "party-new": "/business/finance/party/new",
    "party": "/business/finance/party/1",
    "party-log": "/business/log/finance.party/1",
    "items": "/business/stock/item",
    "vouchers": "/business/finance/entry",
    "voucher-new": "/business/finance/entry/new",
    "matching": "/business/finance/matching",
    "statements": "/business/finance/statements",
    "company": "/business/company",
    "not-there": "/business/finance/party/999",
}


@pytest.fixture
def on(begun: Site) -> Site:
    with Client(begun.product.run / "rsd.sock") as root:
        root.call("config.set", path="business.enabled", value=True)
        root.call("config.set", path="users.zhao", value={"role": "clerk"})
        root.call("config.commit", message="the business")
        root.call("password.change", user="zhao", new=PASSWORD)
    return begun


def b(person: Person, text: str) -> str:
    """A text of the business's pages in the person's language."""
    return catalogue(person.language).gettext(text)


def add_party(person: Person, code: str, name: str) -> None:
    person.open("/business/finance/party/new")
    person.fill(b(person, "Code"), code)
    person.fill(b(person, "Name"), name)
    ActionChains(person.driver).key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(Keys.CONTROL).perform()


def test_an_admin_switches_it_on_in_the_page(arrive: Callable[..., Person]) -> None:
    person = arrive()
    person.open("/business/")
    assert "404" in person.driver.page_source or "/business/" not in person.driver.page_source
    person.open("/system/business")
    person.tick("The business pages are on")
    person.click("Save")
    person.reads(person.t("The business pages are on"))
    person.screenshot(f"business-setting-{person.language}")
    assert person.find("checkbox", "The business pages are on").is_selected()


def test_every_page_of_the_core_fits_and_is_named(arrive: Callable[..., Person], on: Site, tmp_path: Path) -> None:
    person = arrive()
    person.open("/business/finance/party")
    code = f"C-{person.language}"
    add_party(person, code, f"Wang {person.language}")
    person.reads(f"Wang {person.language}")
    file = tmp_path / "drawing.txt"
    file.write_text("a drawing")
    person.driver.find_element(By.CSS_SELECTOR, "input[type=file]").send_keys(str(file))
    person.click(b(person, "Add the file"))
    person.reads("drawing.txt")
    faults = []
    for size in (DESK, PHONE):
        for name, path in PAGES.items():
            person.open(path)
            person.resize(size)
            if person.overflow() > 0:
                faults.append(f"{name} at {size[0]} is {person.overflow()} px too wide")
            if len(person.driver.find_elements(By.TAG_NAME, "h1")) != 1:
                faults.append(f"{name} has not exactly one heading of the first level")
            faults += [f"{name}: no name: {element}" for element in person.driver.execute_script(_NAMELESS)]
            faults += [f"{name}: the id {twice} stands twice" for twice in person.driver.execute_script(_SAME_IDS)]
            height = int(person.driver.execute_script("return document.documentElement.scrollHeight"))
            person.resize((size[0], min(max(height, size[1]), 3000)))
            person.screenshot(f"business-{name}-{size[0]}-{person.language}")
    assert faults == []


def test_who_is_for_the_business_only_comes_there_after_the_login(
    arrive: Callable[..., Person], on: Site, language: str
) -> None:
    owner = arrive()
    owner.open("/business/rights")
    for right in ("finance.party.view", "finance.party.change"):
        form = _form(owner, "grant")
        form.find_element(By.NAME, "holder").send_keys("sales")
        Select(form.find_element(By.NAME, "right")).select_by_value(right)
        form.find_element(By.CSS_SELECTOR, "button").click()
        owner.reads(b(owner, rights.words()[right]))
    form = _form(owner, "assign")
    form.find_element(By.NAME, "user").send_keys("zhao")
    form.find_element(By.NAME, "holder").send_keys("sales")
    form.find_element(By.CSS_SELECTOR, "button").click()
    owner.reads("zhao")
    with Person(on.page_url, language, size=PHONE) as clerk:
        clerk.log_in("zhao", PASSWORD)
        clerk.wait(lambda: clerk.path == "/business/", "the start of the business", lambda: clerk.text)
        add_party(clerk, f"Z-{language}", "Li")
        clerk.reads("Li")
        clerk.screenshot(f"business-clerk-{language}")
        clerk.open("/lines/")
        assert clerk.driver.find_elements(By.CSS_SELECTOR, "a[href='/lines/wan1']") == []
        clerk.open("/business/")
        clerk.click(b(clerk, "Menu"), role="link")
        clerk.driver.find_element(By.CSS_SELECTOR, "form[action='/logout'] button").click()
        clerk.wait(lambda: clerk.path == "/login", "the login", lambda: clerk.text)


def _form(person: Person, what: str) -> WebElement:
    """A form under "Who may what", by what it does."""
    return person.driver.find_element(By.XPATH, f"//form[input[@name='what' and @value='{what}']]")
