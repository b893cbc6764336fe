"""Limits as rs-shape gets them: whose they are, when they end, and what of wrong input is told."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.features import limits, qos, verify
from firmware.model.config import Config, Elastic, Group, Lan, Limit, Qos, Wan
from firmware.model.facts import Facts, PortFact

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def packed(text: str) -> bytes:
    address = ip_address(text)
    return address.packed if address.version == 6 else bytes(10) + b"\xff\xff" + address.packed


def config(**made: Limit) -> Config:
    return Config(qos=Qos(enabled=True, limits=made))


@pytest.mark.parametrize("until", ["tomorrow", "2026-11-26 14:30", "2026-11-26T14:30:00+08:00", ""])
def test_a_moment_that_cannot_be_read_is_told_and_stops_nothing(until: str) -> None:
    bad = config(a=Limit(position=1, until=until), b=Limit(position=2, until="2026-11-26T11:00:00Z"))
    assert limits.ended(bad, NOW) == {"b"}
    assert limits.next_end(bad, NOW) is None
    assert [problem.path for problem in verify(bad, Facts()) if problem.path.endswith("until")] == [
        "qos.limits.a.until"
    ]


RANGES = st.sampled_from([
    "0.0.0.0/0", "::/0", "192.0.2.0/24", "192.0.2.7", "192.0.2.8-192.0.2.20", "255.255.255.255", "2001:db8::/32",
    "2001:db8::5", "::ffff:0:0/96", "::fffe:0:0/95", "::1", "ffff::/16",
])  # fmt: skip


@given(st.lists(st.lists(RANGES, min_size=1, max_size=3), min_size=1, max_size=6), RANGES)
def test_the_first_limit_owns_and_ranges_are_in_order(hosts: list[list[str]], asked: str) -> None:
    made = [Limit(position=n, hosts=tuple(some)) for n, some in enumerate(hosts, 1)]
    owned, _ = limits.owners(Config(), made)
    edges = [(packed(item.first), packed(item.last)) for item in owned]
    assert all(first <= last for first, last in edges)
    assert all(last < first for (_, last), (first, _) in pairwise(edges))
    address = asked.partition("/")[0].partition("-")[0]
    if ip_address(address).version == 6 and packed(address)[:12] == bytes(10) + b"\xff\xff":
        return  # what IPv4 is to rs-shape belongs to IPv4
    version = ip_address(address).version
    wanted = next((n for n, some in enumerate(hosts) if any(holds(text, address, version) for text in some)), None)
    found = [item.limit for item in owned if packed(item.first) <= packed(address) <= packed(item.last)]
    assert found == ([] if wanted is None else [wanted])


def holds(text: str, address: str, version: int) -> bool:
    from firmware.model.values import Range, parse_member

    member = parse_member(text)
    assert isinstance(member, Range)
    return member.version == version and member.first <= int(ip_address(address)) <= member.last


def test_an_application_is_counted_by_its_own_number_before_its_categorys() -> None:
    shaped = Config(
        lans={"x": Lan(ports=("eth1",), address="192.0.2.1/24")},
        wans={"a": Wan(interface="eth0", number=1, up_bps=10**7, down_bps=10**7)},
        qos=Qos(enabled=True, elastic=Elastic(enabled=True, application_connections={"p2p": 500, "xunlei": 20})),
    )
    facts = Facts(ports={"eth0": PortFact(), "eth1": PortFact()}, applications={"xunlei": "p2p", "bittorrent": "p2p"})
    text = qos.render(shaped, facts).nft_shape
    assert "0x1 : jump counted0, 0x2 : jump counted1" in text
    assert "@counted0_4 { ct original ip saddr ct count over 20 }" in text
    assert "@counted1_4 { ct original ip saddr ct count over 500 }" in text


def test_what_cannot_be_given_is_told() -> None:
    lines = {"a": Wan(interface="eth0", number=1, up_bps=10**7, down_bps=10**7)}
    made = {
        "much": Limit(position=1, groups=("g",), down_min_bps=2 * 10**7),
        "upside": Limit(position=2, groups=("g",), up_min_bps=5 * 10**6, up_max_bps=10**6),
        "crowd": Limit(position=3, groups=("none",), down_min_bps=2 * 10**6, shared_down_max_bps=10**6),
        "both": Limit(position=3, groups=("g",), shared_down_min_bps=9 * 10**6),
        "more": Limit(position=5, groups=("g",), shared_down_min_bps=9 * 10**6),
    }
    groups = {"g": Group(members=("192.0.2.7",))}
    told = verify(Config(wans=lines, groups=groups, qos=Qos(enabled=True, limits=made)), Facts())
    paths = {(problem.severity, problem.path) for problem in told if problem.path.startswith("qos")}
    assert paths == {
        ("error", "qos.limits.much.down_min_bps"),
        ("error", "qos.limits.upside.up_min_bps"),
        ("error", "qos.limits.crowd.groups.0"),
        ("error", "qos.limits.crowd.down_min_bps"),
        ("error", "qos.limits.crowd.position"),
        ("warning", "qos.limits"),
    }
