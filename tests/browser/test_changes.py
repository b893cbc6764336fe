"""Changing the router itself: wrong input, locking oneself out, revisions and the way back."""

from __future__ import annotations

import contextlib

import pytest
from selenium.common.exceptions import WebDriverException

from firmware.client import Client
from tests.browser.conftest import OWNER, PASSWORD
from tests.browser.person import Person
from tests.lab.site import Site

TAKE_BACK_S = 120.0


def test_wrong_input_stays_and_is_named_at_its_field(person: Person) -> None:
    person.open("/lans/office")
    person.fill("Address of the router here", "192.168.300.1/24")
    person.fill("Lease time in minutes", "60")
    person.click("Save")
    person.reads(person.t("Please correct the marked fields. Nothing has been changed."))
    field = person.find("textbox", "Address of the router here")
    assert field.get_attribute("value") == "192.168.300.1/24"
    assert person.find("textbox", "Lease time in minutes").get_attribute("value") == "60"
    assert field.get_attribute("aria-invalid") == "true"
    described = str(field.get_attribute("aria-describedby")).split()
    told = person.driver.find_element("id", next(name for name in described if name.endswith("error")))
    assert told.text
    assert person.t("Look at everything") not in person.text, "nothing may have been changed"


def test_two_networks_that_overlap_are_refused_with_the_reason(person: Person) -> None:
    person.open("/lines/wan1")
    person.fill("Address with prefix length", "192.168.10.77/24")
    person.click("Save")
    person.reads(person.t("Please correct the marked fields. Nothing has been changed."))


@pytest.mark.parametrize("language", ["zh"])
def test_who_locks_himself_out_is_let_in_again(person: Person, begun: Site) -> None:
    address = begun.address("router", "br-office")
    person.open("/lans/office")
    person.fill("Address of the router here", "192.168.10.254/24")
    person.click("Save")
    person.reads(person.t("You will be asked whether to keep it."))
    person.driver.set_page_load_timeout(5)
    with contextlib.suppress(WebDriverException):  # the answer never comes: the address is gone
        person.find("button", "Apply").click()
    person.wait(lambda: begun.address("router", "br-office") == "192.168.10.254", "the new address of the router")
    person.wait(
        lambda: begun.address("router", "br-office") == address, "the old address of the router", timeout_s=TAKE_BACK_S
    )
    person.driver.set_page_load_timeout(30)
    person.wait(lambda: _reload(person), "the page again", timeout_s=TAKE_BACK_S)
    person.reads(person.t("The change was taken back by itself."))
    person.screenshot(f"taken-back-{person.language}")
    person.open("/")
    assert person.t("The change was taken back by itself.") not in person.text, "it is told once"


def _reload(person: Person) -> bool:
    try:
        person.open("/lines/")
    except WebDriverException:
        return False
    return person.t("Local networks") in person.text


def test_a_risky_change_is_kept_by_the_person(person: Person) -> None:
    person.open("/lans/forwards/new")
    person.fill("What it is for", "摄像头")
    person.fill("Ports from outside", "8554")
    person.fill("To the host", "192.168.10.50")
    person.click("Save")
    person.click("Apply")
    person.reads(person.t("Does everything still work? Keep the change?"))
    person.screenshot(f"keep-it-{person.language}")
    person.click("Keep")
    person.reads(person.t("Kept. The change stays in force."))
    person.open("/lines/")
    person.reads("摄像头")
    assert person.t("Does everything still work? Keep the change?") not in person.text


def test_a_risky_change_is_taken_back_at_once(person: Person) -> None:
    person.open("/lans/forwards/new")
    person.fill("What it is for", "摄像头")
    person.fill("Ports from outside", "8555")
    person.fill("To the host", "192.168.10.50")
    person.click("Save")
    person.click("Apply")
    person.click("Take back")
    person.reads(person.t("Taken back. The router works as before."))
    person.open("/lines/")
    person.reads(person.t("None. From outside nothing can be reached."))


def test_discard_forgets_everything(person: Person) -> None:
    person.open("/system/general")
    person.fill("Host name", "another")
    person.click("Save")
    person.reads(person.t("Look at everything"))
    person.click("Discard")
    person.reads(person.t("Discarded. Nothing was changed."))
    person.open("/system/general")
    assert person.find("textbox", "Host name").get_attribute("value") == "lab-router"


def test_revisions_tell_who_changed_what_and_lead_back(person: Person, begun: Site) -> None:
    person.open("/system/general")
    person.fill("Host name", "shop-7")
    person.click("Save")
    person.click("Look at everything", "link")
    person.fill("Note for the revision", "新店开张")
    person.click("Apply with this note")
    person.reads(person.t("The change is in force."))
    person.open("/revisions/")
    person.reads("新店开张", OWNER)
    person.screenshot(f"revisions-{person.language}")
    person.click("新店开张", "link")
    person.reads("lab-router", "shop-7")
    with Client(begun.product.run / "rsd.sock") as root:
        number = root.call("config.revisions", limit=1)[0]["parent"]
    person.open("/revisions/")
    person.click("Revision %(number)s", "link", number=number)
    person.reads(person.t("This would change now:"))
    person.click("Go back to revision %(number)s", number=number)
    person.reads(person.t("The change is in force."))
    person.open("/system/")
    person.reads("lab-router")


def test_wrong_passwords_are_told_and_one_can_leave(person: Person) -> None:
    person.click("Log out")
    person.fill("User", OWNER)
    person.fill("Password", "wrong")
    person.click("Log in")
    person.reads(person.t("User or password is wrong."))
    assert person.find("textbox", "User").get_attribute("value") == OWNER
    person.fill("Password", PASSWORD)
    person.click("Log in")
    person.find("button", "Log out")


def test_a_host_gets_a_name_and_a_group(person: Person) -> None:
    person.open("/hosts/")
    person.reads("boss1")
    person.click("boss1", "link")
    person.fill("Name", "老板电脑")
    person.click("Rename")
    person.reads("老板电脑")
    person.click("sales")
    person.click("Apply")
    person.reads(person.t("The change is in force."), "老板电脑")
    person.open("/hosts/")
    person.reads("老板电脑")
