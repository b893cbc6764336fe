"""A virtual site with the product, set up once; each story begins with the site's own configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from firmware.client import Client
from tests.browser.person import DESK, Person
from tests.lab import config
from tests.lab.site import Site
from webui import catalogue

OWNER, PASSWORD = "chen", "二十四节气-春雨惊春清谷天"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session", autouse=True)
def _catalogue() -> None:
    catalogue.compile_all()


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """Two lines, four hosts, the router set up by its owner ``OWNER``."""
    with Site(name="browser", wans=2, hosts=4) as site:
        with Client(site.product.run / "rsd.sock") as client:
            first = (site.product.run / "first-password").read_text().strip()
            client.call("setup.finish", password_first=first, user=OWNER, password=PASSWORD, language="zh")
        yield site


@pytest.fixture(params=["zh", "en"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def begun(site: Site) -> Iterator[Site]:
    """The site as it was after its start, whatever the story before left behind."""
    _restore(site)
    yield site
    _restore(site)


def _restore(site: Site) -> None:
    with Client(site.product.run / "rsd.sock") as root:
        waiting = root.call("status")["pending"]
        if waiting:
            root.call("config.rollback", revision=root.call("config.revision", id=waiting["revision"])["parent"])
        owner = root.call("login", user=OWNER, password=PASSWORD)["session"]
        with Client(site.product.run / "rsd.sock", owner) as client:
            client.call("config.discard")
            client.call("logout")
        wanted = config.office(site.lines, site.hosts)
        root.call("config.import", text=config.text(wanted))
        root.call("config.set", path=f"users.{OWNER}", value={"role": "owner", "language": "zh"})
        root.call("config.commit", message="as it was")


@pytest.fixture
def arrive(begun: Site, language: str) -> Iterator[Callable[..., Person]]:
    """Make a person who has logged in; what the browser asked of others and complained of fails the story."""
    people: list[Person] = []
    with ExitStack() as stack:

        def make(*, size: tuple[int, int] = DESK, javascript: bool = True) -> Person:
            person = stack.enter_context(Person(begun.page_url, language, size=size, javascript=javascript))
            people.append(person)
            person.log_in(OWNER, PASSWORD)
            person.find("button", "Log out") if size[0] > 960 else person.find("button", "Menu")
            return person

        yield make
    assert [url for person in people for url in person.foreign] == []
    assert [words for person in people for words in person.complaints] == []


@pytest.fixture
def person(arrive: Callable[..., Person]) -> Person:
    """Somebody who has logged in, at a desk."""
    return arrive()
