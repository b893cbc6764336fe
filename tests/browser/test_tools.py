"""The field tools as a person uses them: a mistake at its field, an answer in words, a capture that is stopped."""

from __future__ import annotations

from tests.browser.person import Person
from tests.lab.addresses import server_addresses
from tests.lab.site import Site


def test_somebody_looks_for_a_fault(person: Person, begun: Site) -> None:
    person.open("/system/tools/")
    person.driver.find_element("id", "port-host").send_keys("-x")
    person.click("Check")
    person.reads(person.t("Please correct the marked fields. Nothing has been changed."))
    assert person.driver.find_element("id", "port-host").get_attribute("aria-invalid") == "true"
    field = person.driver.find_element("id", "port-host")
    field.clear()
    field.send_keys(server_addresses("internet.test")[0])
    number = person.driver.find_element("id", "port-port")
    number.clear()
    number.send_keys("80")
    person.click("Check")
    person.reads("takes connections at port 80" if person.language == "en" else "的端口 80 可以连接")
    person.screenshot(f"tools-port-{person.language}")
    person.open("/system/tools/")
    person.click("Look")
    person.reads(person.t("Behind it"))
    person.screenshot(f"tools-cable-{person.language}")
    person.open("/system/tools/")
    before = doors(begun)
    person.click("Capture")
    person.reads(person.t("At work …"))
    person.wait(lambda: doors(begun) > before, "it listens")
    person.click("Stop")
    person.reads(person.t("Download, %(size)s", size="").partition(",")[0].partition("（")[0])
    person.screenshot(f"tools-capture-{person.language}")


def doors(site: Site) -> int:
    """The packet sockets on the router."""
    return len(site.run("router", ["cat", "/proc/net/packet"]).stdout.splitlines())
