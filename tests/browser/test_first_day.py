"""A new router's first day: the wizard, the first login, and what happens to who guesses passwords."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.person import Person
from tests.lab.site import Site
from webui.i18n import LANGUAGES

OWN = "春风又绿江南岸2026"


@pytest.fixture
def fresh(language: str) -> Iterator[Site]:
    """A router that nobody has set up yet."""
    with Site(name=f"first-{language}", wans=2, hosts=1) as site:
        yield site


def test_the_first_day(fresh: Site, language: str) -> None:
    with Person(fresh.page_url, language) as person:
        person.open("/")
        assert person.path == "/setup/"
        person.reads(person.t("Welcome"))
        person.screenshot(f"wizard-{language}")
        _set_password(person, "not the first password")
        person.reads(person.t("This is not the first password of the router."))
        assert person.find("textbox", "Your user name").get_attribute("value") == "lin"

        _set_password(person, (fresh.product.run / "first-password").read_text().strip())
        person.reads(person.t("How does the internet come in?"), person.t("cable is in"), "wan1", "wan2")
        person.screenshot(f"wizard-lines-{language}")
        person.click("Continue", "link")
        person.reads(person.t("The router is ready"))
        person.click("To the overview", "link")
        person.find("button", "Log out")
        assert person.path == "/"

        person.open("/setup/")
        assert person.path == "/login", "a router is set up only once"
        person.open("/")
        person.click("Log out")
        for _ in range(5):
            person.fill("User", "lin")
            person.fill("Password", "guess")
            person.click("Log in")
        person.fill("User", "lin")
        person.fill("Password", OWN)
        person.click("Log in")
        locked = person.t("Too many wrong attempts. Try again in %(span)s; until then nobody can log in here.")
        person.reads(locked.partition("%")[0])
        person.screenshot(f"locked-{language}")
    assert person.foreign == []
    assert person.complaints == []


def _set_password(person: Person, first: str) -> None:
    person.choose("Language", LANGUAGES[person.language])
    person.fill("First password", first)
    person.fill("Your user name", "lin")
    person.fill("Your own password", OWN)
    person.reads(person.t("very good"))
    person.fill("The same password again", OWN)
    person.click("Continue")
