"""Several lines as a person sees them: what is shared how, a group with its own line, a backup, draining."""

from __future__ import annotations

from pathlib import Path

from firmware.client import Client
from tests.browser.person import Person
from tests.lab.addresses import server_addresses
from tests.lab.site import Site

RATE = 30_000_000


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


def test_the_picture_follows_the_traffic(person: Person, begun: Site) -> None:
    person.open("/lines/")
    person.reads(person.t("Two lines share"))
    assert len(person.driver.find_elements("css selector", "#picture .pipe.takes")) == 2
    drawn = person.driver.find_element("css selector", "#picture .ways")
    begun.curl("sales1", "http://internet.test/bytes/300000", "-o", "/dev/null")
    person.wait(
        lambda: person.driver.find_element("css selector", "#picture .ways") != drawn, "the picture is drawn anew"
    )
    person.screenshot(f"lines-picture-{person.language}")


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


def test_lines_are_bound_into_a_group_that_a_rule_names(person: Person, begun: Site) -> None:
    person.open("/lines/groups/new")
    person.fill("What it is called", "Telecom twice")
    person.click("Save")
    person.reads(person.t("Choose at least one."))
    person.tick("wan1")
    person.tick("wan2")
    person.click("Save")
    person.reads("Telecom twice")
    person.open("/lines/policies/new")
    person.click("Ports and DSCP")
    person.fill("Server ports", "tcp/443")
    person.tick("Telecom twice (wan1, wan2)")
    person.click("Save")
    person.reads("TCP 443 → Telecom twice (wan1, wan2)")
    applied(person)
    assert setting(begun, "line_groups.telecom-twice.lines") == ["wan1", "wan2"]
    assert setting(begun, "line_policies.tcp-443.lines") == ["telecom-twice"]


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


def test_a_line_is_measured_and_its_rates_are_used(person: Person, begun: Site) -> None:
    begun.limit(begun.lines[0], RATE)
    server = f"http://{server_addresses('internet.test')[0]}"
    person.open("/lines/measuring")
    person.fill("Address of a large file", "ftp://example.com/file")
    person.click("Save")
    person.reads(person.t("Please correct the marked fields. Nothing has been changed."))
    person.fill("Address of a large file", f"{server}/bytes/200000000")
    person.fill("Address that takes what is sent (POST)", f"{server}/upload")
    person.click("Save")
    applied(person)
    person.open("/lines/wan1")
    person.click("Test the speed")
    person.reads(person.t("The line is being measured; that takes some 15 seconds."))
    person.wait(lambda: person.t("Use these rates") in person.text, "the result is there", lambda: person.text, 60)
    person.screenshot(f"lines-speed-{person.language}")
    person.click("Use these rates")
    applied(person)
    found = setting(begun, "wans.wan1.down_bps")
    assert isinstance(found, int)
    assert 0.7 * RATE < found < 1.1 * RATE


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
