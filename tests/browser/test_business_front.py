"""The business behind the router's own front (lighttpd, rsweb, rsd), as its people meet it in a virtual site."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from selenium.webdriver.common.by import By

from bizlite.core import registry, transfer
from firmware.client import Client
from firmware.daemon import business_data
from tests.bizlite.conftest import leave
from tests.bizlite.workshop import make_shop
from tests.browser.business import Clerk, all_is_settled, make_works, walk
from tests.browser.conftest import OWNER, PASSWORD
from tests.browser.person import DESK, PHONE
from tests.lab.addresses import LAN_ADDRESS
from tests.lab.site import Site

LAN = LAN_ADDRESS.partition("/")[0]
DEMO_S = 90.0  # the demo company is made by its own commands, nine weeks of them
Arrive = Callable[..., Clerk]
_ANSWER = """
const [address, options, done] = arguments;
fetch(address, options).then(answer => done([answer.status, answer.headers.get("Content-Security-Policy")]))
"""


@pytest.fixture(params=["zh", pytest.param("en", marks=pytest.mark.long)])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def arrive(begun: Site, language: str) -> Iterator[Arrive]:
    """Make somebody at the router's page, who logs in; or with a phone on the LAN, who is nobody to the router."""
    people: list[Clerk] = []
    with ExitStack() as stack:
        port = stack.enter_context(_port_of_cards(begun))

        def make(user: str = "", size: tuple[int, int] = DESK) -> Clerk:
            if not user:
                found_at = f"MAP {LAN}:80 127.0.0.1:{port}"
                people.append(stack.enter_context(Clerk(f"http://{LAN}", language, size=PHONE, found_at=found_at)))
                return people[-1]
            person = stack.enter_context(Clerk(begun.page_url, language, size=size))
            people.append(person)
            person.log_in(user, PASSWORD)
            person.wait(lambda: person.path != "/login", "the page behind the login", lambda: person.text)
            return person

        yield make
    assert [url for person in people for url in person.foreign] == []
    assert [words for person in people for words in person.complaints] == []


@contextmanager
def _port_of_cards(site: Site) -> Iterator[int]:
    """A port of this machine that leads to the router's port 80 as a phone on the LAN has it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    argv = [sys.executable, "-m", "tests.lab.forwarder", f"{site.prefix}router", str(port), LAN, "80"]
    forwarder = subprocess.Popen(argv)
    try:
        yield port
    finally:
        forwarder.terminate()
        forwarder.wait()


def start_with(site: Site, folder: Path, fill: Callable[[], object] = lambda: None) -> None:
    """Another company takes the place of whatever the site's is, as when a backup is put back."""
    (folder / business_data.FOLDER).mkdir()
    registry.open_company(f"sqlite://{folder}/{business_data.FOLDER}/{business_data.DATABASE}")
    try:
        fill()
    finally:
        leave()
    business_data.restore(site.product.state, folder)


def switch_on(site: Site, *, on: bool = True) -> None:
    with Client(site.product.socket) as root:
        root.call("config.set", path="business.enabled", value=on)
        root.call("config.commit", message="the business")


def log_out_elsewhere(person: Clerk, site: Site) -> None:
    """Their session ends; their browser does not know it."""
    cookie = person.driver.get_cookie("__Host-rs")
    assert cookie
    with Client(site.product.socket, cookie["value"]) as client:
        client.call("logout")


def test_a_card_on_a_phone_needs_neither_login_nor_certificate(arrive: Arrive, begun: Site, tmp_path: Path) -> None:
    start_with(begun, tmp_path, lambda: make_shop().order())
    boss, worker = arrive(OWNER), arrive()
    boss.open("/system/business")
    boss.tick("The business pages are on")
    boss.click("Save")
    boss.click("Apply")
    boss.reads(boss.t("The change is in force."))

    # The code names the LAN, however the office came here.
    boss.open("/business/production/order/1/print")
    printed = boss.printed()
    assert {urlsplit(text)[:2] for text in printed} == {("http", LAN)}
    worker.scan(printed[0])
    worker.fill("Your code", "W1")
    worker.fill("PIN", "1234")
    worker.click("That is me")
    worker.click("Begin")
    worker.reads(worker.t("Last reports"), worker.t("Undo"))
    worker.screenshot(f"business-front-card-{worker.language}")

    # All else of the box still wants TLS.
    places = (urlsplit(printed[0]).path, "/business/", "/login", "/business/production/board", "/api/biz/v1/stock/item")
    asked = [begun.curl(begun.hosts[0].name, f"http://{LAN}{path}", "-w", "%{http_code}", "-o", "/dev/null")
             for path in places]  # fmt: skip
    assert [answer.stdout for answer in asked] == ["200", "308", "308", "308", "308"]


@pytest.mark.long
def test_the_demo_comes_and_goes(arrive: Arrive, begun: Site, tmp_path: Path) -> None:
    start_with(begun, tmp_path)
    switch_on(begun)
    boss = arrive(OWNER)
    boss.open("/business/")
    boss.driver.set_page_load_timeout(DEMO_S)
    boss.find("button", "Look at a demo company first").click()
    boss.reads(boss.t("Remove the demo"))
    for path in ("/business/production/board", "/business/reports/", "/business/reports/close"):
        boss.open(path)
        assert boss.t("Something went wrong here; the log has the details.") not in boss.text
    boss.click("Remove the demo")
    boss.reads(boss.t("Show me how"))
    assert boss.t("Demo company.") not in boss.text


def test_nothing_is_lost_when_the_login_ends_and_the_business_goes_off_and_on(
    arrive: Arrive, begun: Site, tmp_path: Path
) -> None:
    start_with(begun, tmp_path)
    switch_on(begun)
    boss = arrive(OWNER)
    boss.open("/business/finance/party/new")
    boss.fill("Code", "C01")
    boss.fill("Name", "鑫达 & “Xinda”")
    log_out_elsewhere(boss, begun)
    boss.click("Save")
    boss.reads(boss.t("Your login had ended. Nothing is lost: log in, and what you had filled in is saved."))
    boss.screenshot(f"business-front-again-{boss.language}")
    boss.enter(OWNER, PASSWORD)
    boss.reads("C01 鑫达 & “Xinda”", boss.t("Done."))
    party = boss.path

    file = tmp_path / "drawing.bin"
    file.write_bytes(bytes(1 << 20))
    boss.driver.find_element(By.CSS_SELECTOR, "input[type=file]").send_keys(str(file))
    boss.click("Add the file")
    boss.reads("drawing.bin")

    # A form without its token, and one from elsewhere, change nothing.
    sent = {"method": "POST", "body": "code=C02", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}
    status, policy = boss.driver.execute_async_script(_ANSWER, "/business/finance/party/new", sent)
    assert (status, "default-src 'none'" in policy, "unsafe" in policy) == (400, True, False)

    switch_on(begun, on=False)
    for path in ("/business/", party, "/business/static/biz.css", "/api/biz/v1/finance/party"):
        status, _ = boss.driver.execute_async_script(_ANSWER, path, {})
        assert (path, status) == (path, 404)
    switch_on(begun)
    boss.open(party)
    boss.reads("C01 鑫达 & “Xinda”", "drawing.bin")


@pytest.mark.long
def test_an_order_from_the_call_to_the_months_close(arrive: Arrive, begun: Site, tmp_path: Path) -> None:
    start_with(begun, tmp_path, make_works)
    switch_on(begun)
    walk(arrive(OWNER), arrive(), OWNER)
    transfer.backup(begun.product.state / business_data.FOLDER / business_data.DATABASE, tmp_path / "after.db")
    registry.open_company(f"sqlite://{tmp_path}/after.db")
    try:
        all_is_settled()
    finally:
        leave()
