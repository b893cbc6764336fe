"""Several lines as a person sees them: what is shared how, a group with its own line, a backup, draining."""

from __future__ import annotations

from pathlib import Path

from firmware.client import Client
from tests.browser.person import Person
from tests.lab.site import Site


def applied(person: Person) -> None:
    person.click("Apply")
    person.wait(
        lambda: person.t("The change is in force.") in person.text or person.t("Keep") in person.text,
        "the change is applied",
        lambda: person.text,
    )
    if person.t("Does everything still work? Keep the change?") in person.text:
        person.click("Keep")


def setting(site: Site, path: str) -> object:
    with Client(site.product.run / "rsd.sock") as client:
        return client.call("config.get", path=path, which="running")


def test_what_stays_together_is_chosen(person: Person, begun: Site) -> None:
    person.open("/lines/")
    person.reads(person.t("How connections are shared"))
    person.driver.find_element("id", "sticky-host").click()
    person.click("Save")
    applied(person)
    assert setting(begun, "balance.sticky") == "host"
    person.open("/lines/")
    assert person.driver.find_element("id", "sticky-host").is_selected()
    person.screenshot(f"lines-{person.language}")


def test_a_group_gets_its_own_line(person: Person, begun: Site) -> None:
    person.open("/lines/policies/new")
    person.click("Save")
    person.reads(person.t("Please correct the marked fields. Nothing has been changed."))
    person.tick("sales")
    person.tick("wan1")
    person.tick("wan2")
    person.choose("First choice", "wan2")
    person.screenshot(f"lines-rule-{person.language}")
    person.click("Save")
    person.reads("sales → wan2, wan1")
    applied(person)
    assert setting(begun, "line_policies.sales.lines") == ["wan2", "wan1"]


def test_a_line_becomes_a_backup_that_answers_fast(person: Person, begun: Site) -> None:
    person.open("/lines/wan2")
    person.choose("What it is for", "Waits until no other line works")
    person.click("IPv6, share and health")
    person.fill("Ask every … milliseconds", "100")
    person.click("Save")
    person.reads(person.t("Please correct the marked fields. Nothing has been changed."))
    person.fill("Ask every … milliseconds", "200")
    person.click("Save")
    applied(person)
    assert setting(begun, "wans.wan2.role") == "backup"
    assert setting(begun, "wans.wan2.health.interval_ms") == 200
    person.open("/lines/")
    person.reads(person.t("backup"))


def test_a_list_is_made_and_filled(person: Person, begun: Site, tmp_path: Path) -> None:
    # One for each language: contents outlive the test's configuration.
    name, title = {"zh": ("unicom", "China Unicom"), "en": ("telecom", "China Telecom")}[person.language]
    file = tmp_path / f"{name}.txt"
    file.write_text("1.0.1.0/24\nrubbish\n")
    person.open(f"/lines/lists/new?title={name}")
    person.click("Save")
    applied(person)
    person.open(f"/lines/lists/{name}")
    person.driver.find_element("id", "file").send_keys(str(file))
    person.click("Look at the file")
    person.reads("rubbish")
    file.write_text("1.0.1.0/24\n1.0.2.0/24\n")
    person.driver.find_element("id", "file").send_keys(str(file))
    person.click("Look at the file")
    person.reads("1.0.2.0/24")
    person.screenshot(f"prefix-preview-{person.language}")
    person.click("Put it in force")
    person.screenshot(f"prefix-list-{person.language}")
    with Client(begun.product.run / "rsd.sock") as client:
        assert [row["ipv4"] for row in client.call("prefixes.list") if row["name"] == name] == [2]
    person.open("/lines/policies/new")
    person.tick(title)
    person.tick("wan2")
    person.click("Save")
    applied(person)
    assert setting(begun, f"line_policies.{name}.lines") == ["wan2"]
