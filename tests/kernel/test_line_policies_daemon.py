"""Rules for lines behind the real daemon: by list, port, DSCP and name, in order, also when a line dies."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from firmware.client import Client, Refused
from tests.kernel.test_lines_daemon import OTHER_PAGE, PAGE, Office
from tests.lab import netns
from tests.lab.addresses import SERVERS_V4, server_addresses
from tests.lab.site import Site

pytestmark = pytest.mark.kernel

ROUTER = "192.168.10.1"
SITE = "www.taobao.com"  # OTHER_PAGE's
# Asks for a page with a mark of its own and prints the answer's last line: the address it was seen from.
MARKED = """
import socket, sys
with socket.socket() as talk:
    talk.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, int(sys.argv[3]) << 2)
    talk.settimeout(3)
    talk.connect((sys.argv[1], 80))
    talk.sendall(f"GET /address HTTP/1.0\\r\\nHost: {sys.argv[2]}\\r\\n\\r\\n".encode())
    answer = talk.recv(4096)
print(answer.decode().split()[-1])
"""


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    with Site(name="rules", wans=3, hosts=4) as site:
        office = Office(site)
        office.remember()
        office.all_up()
        yield office


def rule(position: int, *lines: str, **kinds: Any) -> dict[str, Any]:
    return {"position": position, "lines": list(lines), **kinds}


def put(office: Office, name: str, content: str) -> dict[str, Any]:
    with Client(office.site.product.run / "rsd.sock") as client:
        return dict(client.call("prefixes.import", name=name, content=content))


def network_of(site: str) -> str:
    """The server of a site alone."""
    return f"{server_addresses(site)[0]}/32"


def learned(office: Office) -> str:
    """What dnsmasq has put into the sets."""
    sets = office.site.run("router", ["nft", "list", "sets", "inet"]).stdout  # without their elements
    names = [line.split()[1] for line in sets.splitlines() if line.startswith("\tset learned4_")]
    return "".join(office.site.run("router", ["nft", "list", "set", "inet", "rs", name]).stdout for name in names)


def wait_for_line(office: Office, wanted: str, host: str = "sales1", page: str = OTHER_PAGE) -> None:
    netns.wait_until(lambda: office.line_of(host, page) == wanted, f"{page} by {wanted or 'no line'}", 20)


def test_what_is_in_a_list_leaves_by_its_line_and_by_the_next_when_that_dies(office: Office) -> None:
    _one, two, three = office.names
    office.change(prefix_lists={"near": {}}, line_policies={"near": rule(10, two, three, prefix_lists=["near"])})
    assert set(office.shares(9, page=OTHER_PAGE)) == set(office.names), "a list without contents is for nothing"
    assert put(office, "near", f"{network_of(SITE)}\n203.0.113.0/24\n")["ipv4"] == 2
    assert set(office.shares(4, page=OTHER_PAGE)) == {two}
    assert set(office.shares(9, page=PAGE)) == set(office.names)
    office.cut(two)
    wait_for_line(office, three)
    assert set(office.shares(3, page=OTHER_PAGE)) == {three}
    office.mend(two)
    wait_for_line(office, two)


def test_contents_change_over_and_back_without_a_reload_of_others(office: Office) -> None:
    two = office.names[1]
    office.change(prefix_lists={"near": {}}, line_policies={"near": rule(10, two, prefix_lists=["near"])})
    put(office, "near", f"{network_of(SITE)}\n")
    assert set(office.shares(3, page=OTHER_PAGE)) == {two}
    put(office, "near", f"{network_of('internet.test')}\n")
    assert set(office.shares(3, page=PAGE)) == {two}
    assert len(set(office.shares(9, page=OTHER_PAGE))) == 3
    with Client(office.site.product.run / "rsd.sock") as client:
        with pytest.raises(Refused, match="line 2: rubbish"):
            client.call("prefixes.import", name="near", content="1.0.1.0/24\nrubbish\n")
        client.call("prefixes.rollback", name="near")
    assert set(office.shares(3, page=OTHER_PAGE)) == {two}
    sets = office.site.run("router", ["nft", "list", "sets", "inet"]).stdout
    assert sets.count("set prefixes4_near_") == 1, "the contents before are gone"


def test_a_list_of_ten_thousand_prefixes_is_loaded(office: Office) -> None:
    two = office.names[1]
    office.change(prefix_lists={"large": {}}, line_policies={"large": rule(10, two, prefix_lists=["large"])})
    many = "".join(f"{a}.{b}.{c}.0/25\n" for a in (20, 30) for b in range(20) for c in range(250))
    assert put(office, "large", f"{many}{SERVERS_V4}\n")["ipv4"] == 10_001
    assert set(office.shares(4)) == {two}


def test_the_port_decides(office: Office) -> None:
    _one, two, _three = office.names
    office.change(line_policies={"web": rule(10, two, ports=["tcp/80-81"])})
    assert set(office.shares(4)) == {two}
    page = PAGE.replace("http:", "https:")
    seen = {office.site.curl("sales1", page, "-4", "-k").stdout.strip() for _ in range(9)}
    assert len(seen) == 3


def test_the_routers_own_connections_have_rules_of_their_own(office: Office) -> None:
    one, two, three = office.names
    server = server_addresses("internet.test")[0]
    argv = ["curl", "-sS", "-m", "3", "-H", "Host: internet.test", f"http://{server}/address"]

    def seen() -> str:
        found = office.site.run("router", argv, check=False).stdout.strip()
        return next((line.name for line in office.site.lines if office._address(line) == found), "")

    policy = rule(10, two, three, router=True, ports=["tcp/80"])
    office.change(line_policies={"own": policy})
    assert {seen() for _ in range(4)} == {two}
    assert set(office.shares(9)) == {one, two, three}, "hosts are not meant"
    office.cut(two)
    netns.wait_until(lambda: seen() == three, "the next of its lines is taken", 20)
    assert office.states()[one], "the lines are still tested each by itself"
    office.mend(two)
    office.change(line_policies={"own": {**policy, "ports": ["tcp/443"]}})
    assert {seen() for _ in range(3)} == {one}, "what no rule is for leaves as before"


def test_the_mark_of_the_sender_decides(office: Office) -> None:
    _one, two, _three = office.names
    office.change(line_policies={"voice": rule(10, two, dscp=["ef"])})

    def seen(dscp: int) -> str:
        argv = [sys.executable, "-c", MARKED, server_addresses("internet.test")[0], "internet.test", str(dscp)]
        return office.site.run("sales1", argv).stdout.strip()

    marked = {seen(46) for _ in range(4)}
    assert len(marked) == 1
    assert len({seen(0) for _ in range(9)}) == 3
    assert marked == {(office.site.address("router", office.line(two).port) or "").partition("/")[0]}


def test_the_name_decides_and_what_was_learned_outlives_other_changes(office: Office) -> None:
    _one, two, three = office.names
    policy = rule(10, two, domains=["taobao.com"])
    office.change(line_policies={"shop": policy})
    assert "elements" not in learned(office)

    def ask() -> bool:
        answer = office.site.run("sales1", ["dig", "+short", f"@{ROUTER}", SITE], check=False).stdout
        return server_addresses(SITE)[0] in answer

    netns.wait_until(ask, "the name is answered", 20)
    assert server_addresses(SITE)[0] in learned(office)
    assert set(office.shares(4, page=OTHER_PAGE)) == {two}
    assert set(office.shares(9, page=PAGE)) == set(office.names)
    with Client(office.site.product.run / "rsd.sock") as client:
        client.call("config.set", path="line_policies.other", value=rule(20, three, ports=["tcp/9"]))
        client.call("config.commit", message="another rule")
    assert server_addresses(SITE)[0] in learned(office)
    assert set(office.shares(4, page=OTHER_PAGE)) == {two}


def test_an_application_decides(office: Office) -> None:
    two = office.names[1]
    office.change(line_policies={"shop": rule(10, two, applications=["taobao"])})
    wait_for_line(office, two)
    assert set(office.shares(4, page=OTHER_PAGE)) == {two}


def test_the_lowest_position_decides_between_kinds(office: Office) -> None:
    one, two, three = office.names
    rules = {
        "who": rule(20, two, groups=["sales"]),
        "where": rule(10, three, prefix_lists=["near"]),
        "both": rule(5, one, prefix_lists=["near"], groups=["boss"]),
    }
    office.change(prefix_lists={"near": {}}, line_policies=rules)
    put(office, "near", f"{network_of(SITE)}\n")
    assert set(office.shares(3, "sales1", OTHER_PAGE)) == {three}
    assert set(office.shares(3, "sales1", PAGE)) == {two}
    assert set(office.shares(3, "boss1", OTHER_PAGE)) == {one}
    assert set(office.shares(9, "boss1", PAGE)) == {one, two, three}


def test_strict_is_strict_for_a_list_too(office: Office) -> None:
    one, two, _three = office.names
    rules = {
        "near": rule(10, two, prefix_lists=["near"], strict=True),
        "all": rule(20, one, ports=["tcp/1-65535"]),
    }
    office.change(prefix_lists={"near": {}}, line_policies=rules)
    put(office, "near", f"{network_of(SITE)}\n{server_addresses(SITE)[1]}/128\n")
    assert set(office.shares(3, page=OTHER_PAGE)) == {two}
    assert set(office.shares(3, page=PAGE)) == {one}
    done = office.site.curl("sales1", OTHER_PAGE, "-6", "--max-time", "3", check=False)
    assert done.returncode != 0, "no IPv6 to what is bound strictly"
    office.cut(two)
    wait_for_line(office, "")
    office.mend(two)
    wait_for_line(office, two)


def test_a_change_of_words_leaves_the_kernel_alone(office: Office) -> None:
    two = office.names[1]
    office.change(prefix_lists={"near": {}}, line_policies={"near": rule(10, two, prefix_lists=["near"])})
    put(office, "near", f"{network_of(SITE)}\n")
    before = office.site.run("router", ["nft", "list", "chains", "inet"]).stdout
    assert "whole_prefixes4_near_" in before
    with Client(office.site.product.run / "rsd.sock") as client:
        client.call("config.set", path="line_policies.near.description", value="the same")
        client.call("config.commit", message="words only")
    assert office.site.run("router", ["nft", "list", "chains", "inet"]).stdout == before
