"""Three real lines behind the real daemon: shares, backups, draining, sticking, bound groups, and a line that dies."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from firmware.client import Client
from tests.lab import netns
from tests.lab.addresses import Line
from tests.lab.site import Site

pytestmark = pytest.mark.kernel

PAGE = "http://internet.test/address"
OTHER_PAGE = "http://www.taobao.com/address"
STREAM = "http://internet.test/stream"
FAST = {"interval_ms": 200, "fall": 3, "rise": 2}


class Office:
    """The site, and its daemon asked by the owner."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.names = [line.name for line in site.lines]

    def change(self, **settings: Any) -> None:
        """Put settings in force on top of the site's own; a path's dots are written ``__``."""
        with Client(self.site.product.run / "rsd.sock") as client:
            client.call("config.rollback", revision=self.first)
            for path, value in settings.items():
                client.call("config.set", path=path.replace("__", "."), value=value)
            client.call("config.commit", message="lines")
        self.all_up()

    @property
    def first(self) -> int:
        return self._first

    def remember(self) -> None:
        with Client(self.site.product.run / "rsd.sock") as client:
            for name in self.names:
                client.call("config.set", path=f"wans.{name}.health", value=FAST)
            self._first = int(client.call("config.commit", message="fast probes")["revision"])

    def states(self) -> dict[str, bool]:
        with Client(self.site.product.run / "rsd.sock") as client:
            return {line["name"]: line["up"] for line in client.call("lines")}

    def all_up(self) -> None:
        netns.wait_until(lambda: all(self.states().values()), "all lines work", 20)

    def line_of(self, host: str = "sales1", page: str = PAGE) -> str:
        """The line by which a new connection of the host leaves; "" when it does not."""
        done = self.site.curl(host, page, "-4", "--max-time", "3", check=False)
        seen = done.stdout.strip()
        return next((line.name for line in self.site.lines if self._address(line) == seen), "")

    def _address(self, line: Line) -> str:
        return (self.site.address("router", line.port) or "").partition("/")[0]

    def shares(self, count: int, host: str = "sales1", page: str = PAGE) -> Counter[str]:
        return Counter(self.line_of(host, page) for _ in range(count))

    def cut(self, name: str, *, silently: bool = True) -> None:
        self.site.cut(self.line(name), silently=silently)
        netns.wait_until(lambda: not self.states()[name], f"{name} is found dead", 20)

    def mend(self, name: str) -> None:
        self.site.mend(self.line(name))
        netns.wait_until(lambda: self.states()[name], f"{name} is found well", 20)

    def line(self, name: str) -> Line:
        return next(line for line in self.site.lines if line.name == name)

    def marked(self, number: int) -> int:
        """TCP flows that conntrack has on a line."""
        listed = self.site.run("router", ["conntrack", "-L", "-p", "tcp", "-o", "id"]).stdout
        marks = [
            word.removeprefix("mark=") for row in listed.splitlines() for word in row.split() if word[:5] == "mark="
        ]
        return sum(int(mark) >> 12 & 15 == number for mark in marks)


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    with Site(name="lines", wans=3, hosts=4) as site:
        office = Office(site)
        office.remember()
        office.all_up()
        yield office


@pytest.fixture
def streaming(office: Office) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Downloads that never end, one for each line asked for."""
    players: list[subprocess.Popen[str]] = []

    def play(name: str) -> subprocess.Popen[str]:
        number = office.line(name).number
        for _ in range(12):
            before = office.marked(number)
            player = office.site.popen("boss1", ["curl", "-4", "-sS", "--limit-rate", "20k", "-o", "/dev/null", STREAM])
            players.append(player)
            netns.wait_until(lambda: sum(office.marked(n) for n in range(1, 8)) > 0, "the stream flows")
            if office.marked(number) > before:
                return player
        raise AssertionError(f"no stream took {name}")

    yield play
    for player in players:
        player.kill()
        player.communicate()


def test_new_connections_are_dealt_out_by_weight(office: Office) -> None:
    one, two, three = office.names
    office.change(**{f"wans__{one}__weight": 1, f"wans__{two}__weight": 2, f"wans__{three}__weight": 3})
    shares = office.shares(24)
    assert [abs(shares[name] - wanted) <= 1 for name, wanted in zip(office.names, (4, 8, 12), strict=True)] == [
        True
    ] * 3


def test_a_backup_is_used_only_when_no_other_works(office: Office) -> None:
    one, two, three = office.names
    office.change(**{f"wans__{three}__role": "backup"})
    assert set(office.shares(8)) == {one, two}
    office.cut(one)
    assert set(office.shares(4)) == {two}
    office.cut(two, silently=False)
    netns.wait_until(lambda: office.line_of() == three, "the backup takes over")
    assert set(office.shares(4)) == {three}
    office.mend(one)
    netns.wait_until(lambda: office.line_of() == one, "the line that is back takes over")
    office.mend(two)


def test_a_line_is_drained_without_cutting_anybody(
    office: Office, streaming: Callable[[str], subprocess.Popen[str]]
) -> None:
    one, *others = office.names
    office.change()
    player = streaming(one)
    with Client(office.site.product.run / "rsd.sock") as client:
        client.call("config.set", path=f"wans.{one}.draining", value=True)
        client.call("config.commit", message="maintenance")
    assert set(office.shares(8)) == set(others)
    assert player.poll() is None
    assert office.marked(office.line(one).number) > 0


@pytest.mark.parametrize("sticky", ["host", "server"])
def test_who_sticks_stays_while_his_line_works(office: Office, sticky: str) -> None:
    office.change(balance={"sticky": sticky})
    asked = [(host.name, page) for host in office.site.hosts for page in (PAGE, OTHER_PAGE)]
    before = {pair: office.line_of(*pair) for pair in asked}
    assert all(before.values())
    for pair in asked:
        assert set(office.shares(3, *pair)) == {before[pair]}
    if sticky == "host":
        assert all(before[host.name, PAGE] == before[host.name, OTHER_PAGE] for host in office.site.hosts)
    dead = before[asked[0]]
    office.cut(dead)
    netns.wait_until(lambda: office.line_of(*asked[0]) not in ("", dead), "the dead line's hosts move")
    for pair in asked:
        if before[pair] != dead:
            assert office.line_of(*pair) == before[pair], "who was elsewhere is not moved"
    office.mend(dead)
    netns.wait_until(lambda: office.line_of(*asked[0]) == dead, "they come back")
    assert {pair: office.line_of(*pair) for pair in asked} == before


def test_only_what_was_on_the_dead_line_is_cut(
    office: Office, streaming: Callable[[str], subprocess.Popen[str]]
) -> None:
    one, two, _ = office.names
    office.change()
    doomed, healthy = streaming(one), streaming(two)
    office.cut(one)
    netns.wait_until(lambda: doomed.poll() is not None, "the stream of the dead line ends", 20)
    assert healthy.poll() is None
    netns.wait_until(lambda: office.marked(office.line(one).number) == 0, "nothing is left on the dead line")
    office.mend(one)
    assert healthy.poll() is None, "coming back cuts nobody"


def test_a_group_leaves_by_its_own_line(office: Office) -> None:
    one, two, three = office.names
    policy = {"position": 1, "groups": ["sales"], "lines": [two, three]}
    office.change(line_policies={"sales": policy})
    assert set(office.shares(6, "sales1")) == {two}
    assert set(office.shares(9, "boss1")) == {one, two, three}
    office.cut(two)
    netns.wait_until(lambda: office.line_of("sales1") == three, "the next of its lines is taken")
    office.cut(three)
    netns.wait_until(lambda: office.line_of("sales1") == one, "then any that works")
    office.mend(two)
    office.mend(three)
    office.change(line_policies={"sales": {**policy, "lines": [two], "strict": True}})
    assert set(office.shares(3, "sales1")) == {two}
    office.cut(two)
    netns.wait_until(lambda: office.line_of("sales1") == "", "strict: nowhere")
    assert office.line_of("boss1") in (one, three)
    office.mend(two)
    netns.wait_until(lambda: office.line_of("sales1") == two, "and back")
