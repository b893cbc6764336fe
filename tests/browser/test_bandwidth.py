"""Bandwidth as a person shares it out: rates of a line, a limit and its mistakes, who uses it, a limit for an hour."""

from __future__ import annotations

import pytest

from firmware.client import Client
from tests.browser.person import Person
from tests.browser.test_lines import applied, setting
from tests.lab.site import Site


@pytest.fixture
def shaped(begun: Site) -> Site:
    """The site, with the rates of its first line known."""
    with Client(begun.product.run / "rsd.sock") as client:
        for way in ("up", "down"):
            client.call("config.set", path=f"wans.wan1.{way}_bps", value=20_000_000)
        client.call("config.commit", message="rates")
    return begun


def test_the_rate_of_a_line_is_told_where_the_line_is(person: Person, shaped: Site) -> None:
    person.open("/lines/wan2")
    person.fill("How fast down (Mbit/s)", "fast")
    person.fill("How fast up (Mbit/s)", "0.5")
    person.click("Save")
    person.reads(person.t("Write a rate in Mbit/s such as 20 or 0.5; 500k and 1G are understood too."))
    person.fill("How fast down (Mbit/s)", "50")
    person.click("Save")
    applied(person)
    assert setting(shaped, "wans.wan2.down_bps") == 50_000_000
    assert setting(shaped, "wans.wan2.up_bps") == 500_000


def test_a_limit_is_made_and_its_mistakes_are_told_at_their_fields(person: Person, shaped: Site) -> None:
    person.open("/bandwidth/")
    person.click("Switch on")
    person.reads(person.t("Switch off"))
    person.open("/bandwidth/limits/new")
    person.tick("sales")
    person.fill("Down at least (Mbit/s)", "8")
    person.fill("Down at most (Mbit/s)", "5")
    person.click("Save")
    person.reads(person.t("Please correct the marked fields. Nothing has been changed."))
    assert person.driver.find_element("id", "down_min_bps").get_attribute("aria-invalid") == "true"
    person.screenshot(f"bandwidth-wrong-{person.language}")
    person.fill("Down at least (Mbit/s)", "2")
    person.click("Save")
    person.reads(person.t("Regular: limits and guarantees"))
    person.open("/bandwidth/limits/sales")
    person.reads(person.t("What it would mean right now"))
    applied(person)
    assert setting(shaped, "qos.limits.sales.down_max_bps") == 5_000_000
    assert setting(shaped, "qos.enabled") is True
    person.open("/bandwidth/")
    person.screenshot(f"bandwidth-{person.language}")


def test_who_uses_the_line_is_limited_for_an_hour(person: Person, shaped: Site) -> None:
    with Client(shaped.product.run / "rsd.sock") as client:
        client.call("config.set", path="qos.enabled", value=True)
        client.call("config.commit", message="on")
    host = shaped.hosts[0].name
    stream = ["curl", "-4", "-s", "--limit-rate", "300k", "-o", "/dev/null", "http://internet.test/stream"]
    player = shaped.popen(host, stream)
    try:

        def is_shown() -> bool:
            person.open("/bandwidth/")
            return bool(person.driver.find_elements("css selector", "#live table details.pop"))

        person.wait(is_shown, "the host is shown", lambda: person.text, timeout_s=30)
        person.screenshot(f"bandwidth-now-{person.language}")
        person.driver.find_element("css selector", "#live table details.pop summary").click()
        person.driver.find_element("css selector", "#live table details.pop button").click()
        applied(person)
        (limit,) = dict(setting(shaped, "qos.limits")).values()  # type: ignore[call-overload]
        assert (limit["down_max_bps"], limit["always"]) == (500_000, True)
        assert limit["until"].endswith("Z")
    finally:
        player.kill()
        player.communicate()
