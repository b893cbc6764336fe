"""The short form, a part of ``make test``: a new box is set up and updated in the browser, as its owner would do it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.person import DESK, PHONE, Person
from tests.image import budgets, bundles
from tests.image.machine import Machine
from tests.image.updating import CONFIRMED
from webui import catalogue

pytestmark = [pytest.mark.image, pytest.mark.timeout(1800)]

VERSION = "0.2.0"
_USER, _PASSWORD = "lin", "春风又绿江南岸2026"
_SLOW_S = 600.0  # the box is emulated in software, on a machine that does other things as well


@pytest.fixture(scope="module")
def bundle(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundles.make(tmp_path_factory.mktemp("bundle"), images, VERSION)


@pytest.fixture(scope="module")
def machine(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    catalogue.compile_all()
    with Machine(
        images / "disk.img", tmp_path_factory.mktemp("machine"), memory_mb=budgets.machine_mb(images)
    ) as machine:
        machine.start()
        machine.log_in()
        machine.wait_for_page()
        yield machine


def test_an_update_from_the_page(machine: Machine, bundle: Path) -> None:
    """The owner does it at his desk, in Chinese; somebody else looks on with a phone, in English."""
    with person(machine, "zh", DESK) as owner, person(machine, "en", PHONE) as onlooker:
        set_up(owner, machine.run("cat /run/rs/first-password").strip())
        machine.wait_until(CONFIRMED)
        owner.open("/system/update/")
        reads(owner, "No update under way", "slot %(slot)s", slot="A")
        onlooker.log_in(_USER, _PASSWORD)
        onlooker.find("button", "Menu")
        owner.click("From a file…")
        owner.find("textbox", "File rs-….swu").send_keys(str(bundle))
        owner.screenshot("update-file-zh")
        onlooker.open("/system/update/")
        reads(onlooker, "Waiting for the file")
        send(owner)
        reads_one(onlooker, "Writing", "Verifying")
        onlooker.screenshot("update-writing-en")
        assert onlooker.overflow() == 0
        reads(onlooker, "Ready to restart")
        onlooker.screenshot("update-ready-en")
        reads(owner, "Ready to restart", "Version %(version)s", version=VERSION)
        owner.screenshot("update-ready-zh")
        assert owner.overflow() == 0
        owner.click("Restart into the new version")
        reads(owner, "Restarting")
    machine.log_in()
    machine.wait_until(CONFIRMED)
    assert "rs.slot=B" in machine.run("cat /proc/cmdline")
    machine.wait_for_page()
    for language, size in (("zh", DESK), ("en", PHONE)):
        with person(machine, language, size) as owner:
            owner.log_in(_USER, _PASSWORD)
            owner.find("button", "Log out" if size == DESK else "Menu")
            owner.open("/system/update/")
            reads(owner, "Confirmed", "Version %(version)s", "slot %(slot)s", version=VERSION, slot="B")
            owner.screenshot(f"update-confirmed-{language}")


def test_memory_is_left(machine: Machine) -> None:
    (available_kb,) = re.findall(r"MemAvailable: +(\d+) kB", machine.run("cat /proc/meminfo"))
    assert int(available_kb) >= budgets.AVAILABLE_MB * 1024


def person(machine: Machine, language: str, size: tuple[int, int]) -> Person:
    """Somebody at the box's page, who has the patience that an emulated box asks for."""
    return Person(f"https://127.0.0.1:{machine.page_port}", language, size=size, wait_s=_SLOW_S)


def set_up(owner: Person, first_password: str) -> None:
    """The wizard's first page; the lines that it proposes are right."""
    owner.open("/")
    owner.fill("First password", first_password)
    owner.fill("Your user name", _USER)
    owner.fill("Your own password", _PASSWORD)
    owner.fill("The same password again", _PASSWORD)
    owner.click("Continue")
    reads(owner, "How does the internet come in?")


def reads(who: Person, *texts: str, **places: object) -> None:
    who.reads(*(who.t(text, **places) for text in texts))


def reads_one(who: Person, *texts: str) -> None:
    """Whichever the page shows when it looks next."""
    said = [who.t(text) for text in texts]
    who.wait(lambda: any(text in who.text for text in said), f"one of {said}", lambda: who.text)


def send(who: Person) -> None:
    """Press the button without waiting for the answer, which comes when all is written."""
    button = who.find("button", "Send the file")
    who.driver.execute_script("const button = arguments[0]; setTimeout(() => button.click())", button)
