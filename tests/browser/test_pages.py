"""Every page in both languages, light and dark, wide and on a phone: fits, is named, asks nobody outside."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from selenium.webdriver.common.by import By

from tests.browser.person import DESK, PHONE, Person
from tests.lab.site import Site

PAGES = {
    "overview": "/",
    "hosts": "/hosts/",
    "host": "/hosts/{mac}",
    "group": "/groups/sales",
    "control": "/control/",
    "block": "/control/new",
    "application": "/control/applications/douyin",
    "schedules": "/schedules/",
    "schedule": "/schedules/new?like=work",
    "unknown": "/recognition/",
    "own": "/recognition/own",
    "own-new": "/recognition/own/new?ports=7000",
    "hidden": "/recognition/hidden",
    "database": "/recognition/database",
    "lines": "/lines/",
    "line-rule": "/lines/policies/new",
    "line-group": "/lines/groups/new",
    "line-measuring": "/lines/measuring",
    "prefix-list": "/lines/lists/new?title=telecom",
    "line": "/lines/wan1",
    "lan": "/lans/office",
    "names": "/lans/names",
    "forward": "/lans/forwards/new",
    "bandwidth": "/bandwidth/",
    "bandwidth-limit": "/bandwidth/limits/new",
    "bandwidth-smart": "/bandwidth/smart",
    "bandwidth-elastic": "/bandwidth/elastic",
    "bandwidth-priority": "/bandwidth/priority",
    "bandwidth-rule": "/bandwidth/rules/new",
    "revisions": "/revisions/",
    "changes": "/changes/",
    "system": "/system/",
    "general": "/system/general",
    "business": "/system/business",
    "users": "/users/",
    "user": "/users/new",
    "backup": "/system/backup",
    "diagnosis": "/system/diagnosis",
    "tools": "/system/tools/",
    "lost": "/nowhere",
}
# Fields and buttons that a screen reader could not name; what a closed menu hides has no innerText yet.
_NAMELESS = """
const text = e => e.checkVisibility({contentVisibilityAuto: true}) ? e.innerText : e.textContent;
return [...document.querySelectorAll('input:not([type=hidden]), select, textarea, button, a[href]')].filter(e =>
  !(e.getAttribute('aria-label') || text(e).trim() || (e.labels && e.labels.length)))
  .map(e => e.outerHTML)
"""
_SAME_IDS = """
const ids = [...document.querySelectorAll('[id]')].map(e => e.id); return ids.filter((id, n) => ids.indexOf(id) !== n)
"""


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page(arrive: Callable[..., Person], begun: Site, theme: str, size: tuple[int, int]) -> None:
    begun.curl("sales1", "https://www.douyin.com/bytes/300000", "-o", "/dev/null")
    person = arrive(size=size)
    person.open(f"/?theme={theme}")
    faults = []
    for name, path in PAGES.items():
        person.open(path.format(mac=begun.hosts[0].mac))
        person.resize(size)
        height = int(person.driver.execute_script("return document.documentElement.scrollHeight"))
        if person.overflow() > 0:
            faults.append(f"{name} is {person.overflow()} px too wide")
        if len(person.driver.find_elements(By.TAG_NAME, "h1")) != 1:
            faults.append(f"{name} has not exactly one heading of the first level")
        if len(person.driver.find_elements(By.TAG_NAME, "main")) != 1:
            faults.append(f"{name} has not exactly one main part")
        faults += [f"{name}: no name: {element}" for element in person.driver.execute_script(_NAMELESS)]
        faults += [f"{name}: the id {twice} stands twice" for twice in person.driver.execute_script(_SAME_IDS)]
        person.resize((size[0], min(max(height, size[1]), 3000)))
        person.screenshot(f"{name}-{size[0]}-{theme}-{person.language}")
    assert faults == []


def test_large_print_on_a_phone_fits(arrive: Callable[..., Person], begun: Site) -> None:
    person = arrive(size=PHONE)
    person.open("/?print=large")
    wide = []
    for name, path in PAGES.items():
        person.open(path.format(mac=begun.hosts[0].mac))
        if person.overflow() > 0:
            wide.append(name)
    assert wide == []
