"""Seeing what hosts use, and blocking it: the story that the product is for."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.person import PHONE, Person
from tests.lab.site import Site
from webui.i18n import catalogue

VIDEO = "https://www.douyin.com/stream"
NAME = {"zh": "抖音", "en": "Douyin"}


@pytest.fixture
def watching(begun: Site) -> Iterator[subprocess.Popen[str]]:
    """A host that watches a stream which never ends, and gives up when nothing comes any more."""
    starving = ["--speed-limit", "1000", "--speed-time", "2"]
    player = begun.popen("sales1", ["curl", "-sS", "--limit-rate", "300k", *starving, "-o", "/dev/null", VIDEO])
    yield player
    player.kill()
    player.communicate()


def see_it_live(person: Person) -> None:
    """Wait until the overview names the application and the host."""
    person.open("/")
    person.reads(NAME[person.language], "sales1")


def block_label(person: Person) -> str:
    return catalogue(person.language).gettext("Block %(name)s") % {"name": NAME[person.language]}


def died(player: subprocess.Popen[str]) -> None:
    player.wait(timeout=20)
    assert player.returncode not in (0, None)


def test_two_clicks_block_an_application_and_it_dies(
    person: Person, watching: subprocess.Popen[str], begun: Site
) -> None:
    see_it_live(person)
    assert watching.poll() is None
    person.screenshot(f"overview-live-{person.language}")
    person.click(block_label(person))
    sentence = {"zh": "禁止所有人使用抖音", "en": "Block Douyin for everyone"}[person.language]
    person.reads(person.t("One change is not yet in force").replace("%(count)s", "1"), sentence)
    person.screenshot(f"apply-bar-{person.language}")
    assert watching.poll() is None, "nothing may happen before Apply"
    person.click("Apply")
    person.reads(person.t("The change is in force."))
    died(watching)
    assert begun.curl("sales1", VIDEO, "-o", "/dev/null", check=False).returncode != 0
    assert begun.curl("sales1", "https://www.taobao.com/", "-o", "/dev/null").returncode == 0
    person.open("/")
    person.reads(person.t("What was blocked"), NAME[person.language])
    person.wait(lambda: "sales1" in person.text, "the host among what was blocked")


def test_undo_brings_it_back(person: Person, begun: Site) -> None:
    person.open("/control/applications/douyin")
    person.click("Block for everyone")
    person.click("Apply")
    person.reads(person.t("The change is in force."))
    assert begun.curl("sales1", VIDEO, "-o", "/dev/null", check=False).returncode != 0
    person.click("Undo")
    person.reads(person.t("Taken back. The router works as before."))
    assert begun.curl("sales1", "https://www.douyin.com/", "-o", "/dev/null").returncode == 0


def test_one_host_alone_is_blocked_from_its_page(person: Person, watching: subprocess.Popen[str], begun: Site) -> None:
    see_it_live(person)
    person.click("sales1", "link")
    label = catalogue(person.language).gettext("Block %(name)s for %(host)s")
    person.click(label % {"name": NAME[person.language], "host": "sales1"})
    person.click("Apply")
    person.reads(person.t("The change is in force."))
    died(watching)
    assert begun.curl("boss1", "https://www.douyin.com/", "-o", "/dev/null").returncode == 0


def test_without_javascript_it_works_just_so(
    arrive: Callable[..., Person], watching: subprocess.Popen[str], begun: Site
) -> None:
    person = arrive(javascript=False)

    def is_shown() -> bool:
        person.open("/")
        return NAME[person.language] in person.text

    person.wait(is_shown, "the application on the overview", lambda: person.text)
    person.click(block_label(person))
    person.click("Apply")
    person.reads(person.t("The change is in force."))
    died(watching)


def test_by_keyboard_alone(person: Person, watching: subprocess.Popen[str]) -> None:
    see_it_live(person)
    person.keys(Keys.TAB)
    first = person.driver.switch_to.active_element
    assert first.accessible_name == person.t("Skip to the content")
    first.send_keys(Keys.ENTER)
    person.press_tab_until("button", block_label(person)).send_keys(Keys.ENTER)
    person.reads(person.t("Look at everything"))
    person.press_tab_until("button", "Apply").send_keys(Keys.ENTER)
    person.reads(person.t("The change is in force."))
    died(watching)


def test_on_a_phone(arrive: Callable[..., Person], watching: subprocess.Popen[str]) -> None:
    person = arrive(size=PHONE)
    see_it_live(person)
    person.click(block_label(person))
    person.reads(person.t("Look at everything"))
    assert person.overflow() <= 0
    person.screenshot(f"apply-bar-phone-{person.language}")
    person.click("Apply")
    person.reads(person.t("The change is in force."))
    died(watching)


def test_a_group_may_not_play_at_work(person: Person, begun: Site) -> None:
    person.open("/groups/new")
    person.fill("Name of the group", "客服部")
    person.tick("sales1")
    person.click("Save")
    person.reads("客服部")

    person.open("/schedules/new")
    person.fill("Name of the schedule", "全天")
    for day in ("Sat", "Sun"):
        person.tick(day)
    person.fill("From", "00:00")
    person.fill("To", "24:00")
    person.click("Save")
    person.reads("全天")

    person.open("/control/")
    person.click("Block something", "link")
    person.tick("Games")
    person.tick("客服部")
    person.choose("Schedule", "全天")
    person.click("Block")
    sentence = {"zh": "禁止客服部使用网络游戏（全天）", "en": "Block Games for 客服部, 全天"}[person.language]
    person.reads(sentence)
    person.click("Apply")
    person.reads(person.t("The change is in force."), sentence)
    game = "https://pvp.qq.com/"
    assert begun.curl("sales1", game, "-o", "/dev/null", check=False).returncode != 0
    assert begun.curl("boss1", game, "-o", "/dev/null").returncode == 0

    switch = catalogue(person.language).gettext("Switch off: %(policy)s") % {"policy": sentence}
    person.click(switch)
    person.reads(person.t("switched off"))
    person.click("Apply")
    person.reads(person.t("The change is in force."))
    assert begun.curl("sales1", game, "-o", "/dev/null").returncode == 0
