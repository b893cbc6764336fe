"""Three real lines behind the real daemon: shares by weight, rate and what is free, backups, draining, sticking, bound
groups, a line that dies, and one whose month is spent."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator

import pytest

from firmware.client import Client
from tests.kernel.lines_office import PAGE, Office
from tests.lab import netns
from tests.lab.addresses import LAN_ADDRESS, server_addresses
from tests.lab.names import SHARED
from tests.lab.site import Site

pytestmark = pytest.mark.kernel

OTHER_PAGE = "http://www.taobao.com/address"
STREAM = "http://internet.test/stream"
SITES = {  # names with a server each
    "qq.com": ("weixin.qq.com", "v.qq.com", "mail.qq.com"),
    "163.com": ("mail.163.com", "music.163.com", "study.163.com"),
}
DOWNLOAD = "http://internet.test/bytes/99999999999"
RATE_BPS = 20_000_000


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


def test_what_each_line_takes_is_told(office: Office) -> None:
    one, two, three = office.names
    office.change(**{f"wans__{one}__weight": 3, f"wans__{three}__role": "backup"})
    netns.wait_until(lambda: office.takes() == {one: 75, two: 25, three: 0}, "two share by weight")
    office.cut(one)
    netns.wait_until(lambda: office.takes() == {one: 0, two: 100, three: 0}, "one is left")
    office.cut(two)
    netns.wait_until(lambda: office.takes() == {one: 0, two: 0, three: 100}, "the backup takes all")
    office.mend(one)
    netns.wait_until(lambda: office.takes() == {one: 100, two: 0, three: 0}, "the first is back")
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


@pytest.mark.parametrize("sticky", ["host", "server", "site"])
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


def test_all_servers_of_a_site_see_one_line(office: Office) -> None:
    office.change(balance={"sticky": "site"})
    netns.wait_until(lambda: office.line_of() != "", "the page is there")
    seen = {
        (host.name, site): {office.line_of(host.name, f"http://{name}/address") for name in names}
        for host in office.site.hosts
        for site, names in SITES.items()
    }
    assert all(len(lines) == 1 and "" not in lines for lines in seen.values()), seen
    assert len(set.union(*seen.values())) > 1, "another site may take another line"
    known = office.site.run("router", ["nft", "list", "map", "inet", "rs", "site4"]).stdout
    assert all(server_addresses(name)[0] in known for names in SITES.values() for name in names)


def test_a_server_of_two_sites_does_not_keep_the_others_from_theirs(office: Office) -> None:
    office.change(balance={"sticky": "site"})
    for name in SHARED:
        office.site.run("sales1", ["dig", "+short", f"@{LAN_ADDRESS.partition('/')[0]}", name])
    known = office.site.run("router", ["nft", "list", "map", "inet", "rs", "site4"]).stdout
    found = dict(re.findall(r"(198\.18\.3\.\d) .*?: (0x\w+)", known))
    assert found.keys() == {"198.18.3.1", "198.18.3.2", "198.18.3.3"}
    assert found["198.18.3.1"] == found["198.18.3.2"] != found["198.18.3.3"], "the first site keeps it"


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


def test_a_question_that_died_with_its_line_is_asked_anew(office: Office) -> None:
    """dnsmasq takes a question of another host for one with the question under way, and waits for that answer."""
    asked = [f"n{number}.internet.test" for number in range(4)]
    lost = False
    for alive in office.names:  # which server dnsmasq asks is its own affair
        office.change()
        for name in set(office.names) - {alive}:
            office.site.cut(office.line(name), silently=True)
        lost = not all(answers(office, "sales1", asked).values())
        netns.wait_until(lambda: {name for name, up in office.states().items() if up} == {alive}, "one line works")  # noqa: B023
        if lost:
            break
    assert lost, "no question was under way"
    netns.wait_until(lambda: all(answers(office, "boss1", asked).values()), "all names are answered", 10)


def answers(office: Office, host: str, names: list[str]) -> dict[str, str]:
    """What the router says of each name, asked at once; "" when it says nothing within a second."""
    argv = ["dig", "+short", "+tries=1", "+time=1", f"@{LAN_ADDRESS.partition('/')[0]}"]
    asked = {name: office.site.popen(host, [*argv, name]) for name in names}
    told = {name: process.communicate()[0] for name, process in asked.items()}
    return {name: "" if asked[name].returncode else text for name, text in told.items()}


def test_a_group_of_lines_shares_what_a_rule_gives_to_it(office: Office) -> None:
    one, two, three = office.names
    policy = {"position": 1, "groups": ["sales"], "lines": ["bound", one]}
    settings = {f"wans__{three}__weight": 3, "line_groups": {"bound": {"lines": [two, three]}}}
    office.change(line_policies={"sales": policy}, **settings)
    assert office.shares(8, "sales1") == {two: 2, three: 6}
    assert set(office.shares(9, "boss1")) == {one, two, three}
    office.cut(three)
    netns.wait_until(lambda: set(office.shares(3, "sales1")) == {two}, "the other of the group takes all")
    office.cut(two)
    netns.wait_until(lambda: office.line_of("sales1") == one, "the rule's next line is taken")
    office.mend(three)
    netns.wait_until(lambda: set(office.shares(3, "sales1")) == {three}, "the group is back")
    office.mend(two)


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


def test_new_connections_are_dealt_out_by_rate(office: Office) -> None:
    one, two, three = office.names
    rates = {one: RATE_BPS, two: 3 * RATE_BPS, three: RATE_BPS}
    office.change(
        **{f"wans__{name}__down_bps": rate for name, rate in rates.items()},
        **{f"wans__{three}__role": "backup"},
        balance={"by": "rate"},
    )
    shares = office.shares(16)
    assert (abs(shares[one] - 4) <= 1, abs(shares[two] - 12) <= 1) == (True, True), shares


def test_the_idle_line_is_preferred_while_a_download_fills_the_other(office: Office) -> None:
    one, two, three = office.names
    office.change(
        **{f"wans__{name}__down_bps": RATE_BPS for name in office.names},
        **{f"wans__{three}__role": "backup"},
        line_policies={"sales": {"position": 1, "groups": ["sales"], "lines": [one]}},
        balance={"by": "free"},
    )
    shares = office.shares(8, "boss1")
    assert abs(shares[one] - shares[two]) <= 2, "idle lines share alike"
    fetch = ["curl", "-4", "-sS", "--limit-rate", str(RATE_BPS // 8), "-o", "/dev/null", DOWNLOAD]
    player = office.site.popen("sales1", fetch)
    try:
        netns.wait_until(lambda: office.shares(8, "boss1")[two] >= 7, "new connections take the idle line", 40)
        assert player.poll() is None
    finally:
        player.kill()
        player.communicate()
    netns.wait_until(lambda: office.shares(8, "boss1")[one] >= 3, "both lines are idle again", 40)


def test_a_line_whose_month_is_spent_is_left_until_the_cap_is_raised(office: Office) -> None:
    one, two, three = office.names
    office.change()
    cap = office.moved(one) + 5_000_000
    policy = {"position": 1, "groups": ["sales"], "lines": [one]}
    settings = {f"wans__{one}__monthly_bytes": cap, "line_policies": {"sales": policy}}
    office.change(**settings)
    assert not office.month(one)["spent"]
    assert office.line_of("sales1") == one
    office.site.curl("sales1", "http://internet.test/bytes/6000000", "-4", "-o", "/dev/null")
    netns.wait_until(lambda: office.month(one)["spent"], "the month is spent", 100)
    assert office.month(one)["used_bytes"] >= cap
    assert any("used up" in message for message in office.alarms())
    netns.wait_until(lambda: set(office.shares(6, "boss1")) <= {two, three}, "others take the new connections")
    assert office.line_of("sales1") in (two, three), "its rule passes it over"

    office.kill_rsd()
    office.all_up()
    assert set(office.shares(6, "boss1")) <= {two, three}, "after a restart the same"

    office.cut(two)
    office.cut(three)
    netns.wait_until(lambda: office.line_of("boss1") == one, "it is used when no other works")
    office.mend(two)
    office.mend(three)
    netns.wait_until(lambda: set(office.shares(4, "boss1")) <= {two, three}, "and left again")

    with Client(office.site.product.run / "rsd.sock") as client:
        client.call("config.set", path=f"wans.{one}.monthly_bytes", value=cap * 10)
        client.call("config.commit", message="a larger cap")
    netns.wait_until(lambda: office.line_of("sales1") == one, "a raised cap counts at once")
    assert not any("used up" in message for message in office.alarms())
