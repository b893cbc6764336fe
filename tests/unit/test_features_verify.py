"""Single mistakes and the borders beside them; the golden case ``wrong`` shows all kinds of mistakes together."""

from __future__ import annotations

import msgspec
import pytest

from firmware.features import FEATURES, groups, render, verify
from firmware.model import codec
from firmware.model.config import Config
from firmware.model.defaults import factory
from firmware.model.facts import Facts, LineState, PortFact

PORTS = [f"eth{n}" for n in range(6)]
LINE = LineState(up=True, address="198.51.100.2/24", gateway="198.51.100.1", dns=("198.51.100.53",))
FACTS = Facts(ports={name: PortFact() for name in PORTS}, lines={"line1": LINE}, applications={"wechat": "im"})
BOX = factory(PORTS[:3])
KEY = "A" * 43 + "="
OWN = {"name_zh": "收银", "name_en": "Till", "category": "office"}
PATTERN = "applications.till.patterns.0.hex"


def changed(*steps: tuple[str, object], start: Config = BOX) -> Config:
    for path, value in steps:
        start = codec.set_path(start, path, value)
    return start


def found(config: Config, facts: Facts = FACTS) -> list[tuple[str, str]]:
    return [(problem.severity, problem.path) for problem in verify(config, facts)]


@pytest.mark.parametrize("count", range(7))
def test_factory_is_right(count: int) -> None:
    config = factory(PORTS[:count])
    assert verify(config, FACTS) == []
    assert render(config, FACTS) == render(config, FACTS)


def test_every_feature_has_both_halves() -> None:
    assert all(callable(feature.verify) and callable(feature.render) for feature in FEATURES)


def test_empty_configuration_renders() -> None:
    assert found(Config()) == [("error", "users")]
    assert "policy drop" in render(Config(), Facts()).nft_rules


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("lans.office.address", "10.255.255.254/8"),
        ("lans.office.address", "192.168.8.1/30"),
        ("lans.office.dhcp.end", "192.168.8.254"),
        ("lans.office.dhcp.reservations.a", {"mac": "02:00:00:00:00:01", "address": "192.168.8.254"}),
        ("port_forwards.a", {"ports": "80", "to_address": "192.168.8.9"}),
        ("port_forwards.a", {"ports": "1-1024", "to_port": 64512, "to_address": "192.168.8.9"}),
        ("groups.g.members", "192.168.8.0/24, ::/0, 02:00:00:00:00:01"),
        ("wans.line1.enabled", False),
        ("dns.records", {"www.lan": "192.168.8.3", "six.lan": "2001:db8::1"}),
        ("policies.p", {"position": 1, "action": "block", "applications": ["wechat"], "categories": ["game"]}),
        ("system.hostname", "x" * 63),
        ("recognition", {"publishers": {"hq": KEY}, "update_url": "https://a.example/apps", "update_daily": True}),
        ("recognition.publishers.hq", "MCowBQYDK2VwAyEA" + KEY[:-1] + "="),
        ("business", {"enabled": True, "database": "postgresql://biz@192.0.2.1/firm"}),
        ("speed_test", {"download_url": "http://192.0.2.1:8080/big", "upload_url": "http://192.0.2.1:8080/"}),
        ("applications.till", {**OWN, "patterns": [{"transport": "udp", "hex": "16 03 ?? 01"}]}),
        ("dns", {"redirect": True, "canary": True, "hide_ech_keys": True}),
    ],
)
def test_borders_that_are_right(setting: str, value: object) -> None:
    config = changed((setting, value))
    assert found(config) == []
    assert render(config, FACTS) == render(config, FACTS)


@pytest.mark.parametrize(
    ("setting", "value", "path"),
    [
        ("lans.office.address", "192.168.8.1/31", "lans.office.address"),
        ("lans.office.address", "192.168.8.255/24", "lans.office.address"),
        ("lans.office.address", "2001:db8::1/64", "lans.office.address"),
        ("lans.office.address", "127.0.0.1/8", "lans.office.address"),
        ("lans.office.ports", "eth1, eth1", "lans.office.ports.1"),
        ("lans.office.ports", "eth0", "wans.line1.interface"),
        ("system.hostname", "a.b", "system.hostname"),
        ("system.hostname", "a\nb", "system.hostname"),
        ("system.timezone", "../../etc/passwd", "system.timezone"),
        ("dns.domain", "lan\nconf-file=/etc/shadow", "dns.domain"),
        ("system.ntp_servers", ["pool.ntp.org\nallow all"], "system.ntp_servers.0"),
        ("port_forwards.a", {"ports": "65536", "to_address": "192.168.8.9"}, "port_forwards.a.ports"),
        ("port_forwards.a", {"ports": "1-1025", "to_port": 5, "to_address": "192.168.8.9"}, "port_forwards.a.ports"),
        ("port_forwards.a", {"ports": "22", "to_port": 23, "to_address": "2001:db8::1"}, "port_forwards.a.to_port"),
        ("users.admin.enabled", False, "users"),
        ("users.admin.role", "admin", "users"),
        ("interfaces.eth9", {}, "interfaces.eth9"),
        ("recognition.publishers.hq", KEY[4:], "recognition.publishers.hq"),
        ("recognition.publishers.hq", "no key", "recognition.publishers.hq"),
        ("recognition.update_url", "ftp://a.example/apps", "recognition.update_url"),
        ("business.database", "sqlite:///tmp/x.db", "business.database"),
        ("business.database", "postgresql://host", "business.database"),
        ("business.database", "postgresql://a:secret@host/firm", "business.database"),
        ("recognition.update_url", "https://", "recognition.update_url"),
        ("recognition.update_url", "https://a.example/a b", "recognition.update_url"),
        ("recognition", {"publishers": {"hq": KEY}, "update_daily": True}, "recognition.update_daily"),
        ("recognition", {"update_url": "https://a.example/", "update_daily": True}, "recognition.publishers"),
        ("update.url", "ftp://a.example/x.swu", "update.url"),
        ("update.daily", True, "update.daily"),
        ("update.restart_from", "25:00", "update.restart_from"),
        ("update.restart_until", "03:00", "update.restart_until"),
        ("speed_test.download_url", "ftp://a.example/big", "speed_test.download_url"),
        ("speed_test.upload_url", "", "speed_test.upload_url"),
        ("applications.till", OWN, "applications.till"),
        ("applications.wechat", {**OWN, "ports": ["7000"]}, "applications.wechat"),
        ("applications.till", {**OWN, "patterns": [{"transport": "tcp", "hex": "16 ?? ??"}]}, PATTERN),
        ("applications.till", {**OWN, "patterns": [{"transport": "tcp", "hex": "16 03 0"}]}, PATTERN),
        ("applications.till", {**OWN, "patterns": [{"transport": "tcp", "hex": "16" * 33}]}, PATTERN),
    ],
)
def test_one_mistake_is_one_error(setting: str, value: object, path: str) -> None:
    assert found(changed((setting, value))) == [("error", path)]


def test_lan_named_as_a_port_is_refused() -> None:
    facts = msgspec.structs.replace(FACTS, ports={**FACTS.ports, "br-office": PortFact()})
    assert found(BOX, facts) == [("error", "lans.office")]


def test_leased_network_over_a_lan_only_warns() -> None:
    facts = msgspec.structs.replace(FACTS, lines={"line1": LineState(up=True, address="192.168.8.50/24")})
    assert found(BOX, facts) == [("warning", "wans.line1")]


def test_two_static_lines_may_share_a_network_but_no_address() -> None:
    static = {"protocol": "static", "gateway": "198.51.100.1", "dns": ["198.51.100.53"], "ipv6": "off"}
    one = {**static, "interface": "eth0", "number": 1, "address": "198.51.100.2/24"}
    two = {**static, "interface": "eth3", "number": 2, "address": "198.51.100.3/24"}
    good = changed(("wans.line1", one), ("wans.line2", two))
    told = [("warning", "wans.line2.address")]  # what is in that network is reached by one of them only
    assert found(good) == told
    render(good, FACTS)
    same = changed(("wans.line2.address", "198.51.100.2/24"), start=good)
    assert sorted(found(same)) == [("error", "wans.line2.address"), *told]


def test_lines_share_a_port_when_their_vlans_differ() -> None:
    line = {"interface": "eth0", "ipv6": "off"}
    for one, two, wrong in (
        ({}, {"vlan": 41}, []),
        ({"vlan": 41}, {"vlan": 42}, []),
        ({}, {}, ["wans.line2.interface"]),
        ({"vlan": 41}, {"vlan": 41}, ["wans.line2.interface"]),
    ):
        config = changed(("wans.line1", {**line, **one, "number": 1}), ("wans.line2", {**line, **two, "number": 2}))
        assert found(config) == [("error", path) for path in wrong]
        if not wrong:
            render(config, FACTS)


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ({"vlan": 41, "vlan_priority": 5, "mtu": 1500}, None),
        ({"vlan_priority": 5}, "wans.line1.vlan_priority"),
        ({"mtu": 1400}, "wans.line1.mtu"),
        ({"vlan": 41, "mtu": 1501}, "wans.line1.mtu"),
        ({"interface": "eth1", "vlan": 41}, None),  # a LAN's port may carry a line's VLAN besides
        ({"interface": "eth1"}, "wans.line1.interface"),
        ({"protocol": "pppoe", "username": "a@163.gd"}, None),
        ({"protocol": "pppoe", "username": "a", "vlan": 41, "mtu": 1492}, None),
        ({"protocol": "pppoe"}, "wans.line1.username"),
        ({"protocol": "pppoe", "username": "a\nb"}, "wans.line1.username"),
        ({"protocol": "pppoe", "username": "a", "service_name": ""}, "wans.line1.service_name"),
        ({"protocol": "pppoe", "username": "a", "mtu": 1493}, "wans.line1.mtu"),
        ({"protocol": "pppoe", "username": "a", "address": "203.0.113.9/24"}, "wans.line1.protocol"),
        ({"username": "a"}, "wans.line1.username"),
        ({"protocol": "static", "address": "203.0.113.9/32", "gateway": "192.0.2.1", "dns": ["192.0.2.1"]}, None),
        ({"protocol": "static", "address": "203.0.113.9/30", "gateway": "192.0.2.1"}, "wans.line1.gateway"),
        ({"protocol": "static", "address": "203.0.113.9/30", "gateway": "203.0.113.11"}, "wans.line1.gateway"),
        ({"protocol": "static", "address": "203.0.113.9/30", "gateway": "fe80::1"}, "wans.line1.gateway"),
        ({"protocol": "static", "address": "203.0.113.9/32", "gateway": "2001:db8::1"}, "wans.line1.gateway"),
    ],
)
def test_a_line_and_its_device(line: dict[str, object], path: str | None) -> None:
    config = changed(("wans.line1", {"interface": "eth0", "number": 1, "ipv6": "off", **line}))
    assert [p for severity, p in found(config) if severity == "error"] == ([path] if path else [])
    if path is None:
        render(config, FACTS)


def test_a_dialled_line_without_password_or_kernel_is_told() -> None:
    config = changed(("wans.line1", {"interface": "eth0", "number": 1, "protocol": "pppoe", "username": "a"}))
    assert found(config) == [("warning", "wans.line1.username")]
    facts = msgspec.structs.replace(FACTS, passwords=frozenset({"line1"}))
    assert found(config, facts) == []
    assert found(config, msgspec.structs.replace(facts, has_pppoe=False)) == [("error", "wans.line1.protocol")]


def test_a_line_without_a_session_is_not_offloaded() -> None:
    """Its device is not there, and the kernel takes no flowtable that names it: nothing at all would be offloaded."""
    dialled = {"interface": "eth0", "number": 1, "protocol": "pppoe", "username": "a"}
    config = changed(("wans.line1", dialled), ("wans.line2", {"interface": "eth3", "number": 2}))
    session = LineState(up=True, address="100.64.0.2/32", gateway="100.64.0.1")
    for state, is_there in ((session, True), (LineState(up=True), False)):
        facts = msgspec.structs.replace(FACTS, lines={"line1": state}, has_flowtable=True)
        assert ("ppp1" in render(config, facts).nft_offload) == is_there
        assert "eth3" in render(config, facts).nft_offload


def test_questions_of_the_name_server_that_is_asked_are_not_led_back_to_it() -> None:
    """A shop's own server in the LAN asks the internet; dnsmasq would ask it, and it dnsmasq."""
    config = changed(("dns.redirect", True), ("dns.upstreams", ["192.168.8.5", "223.5.5.5", "2001:db8:f00::5"]))
    state = LineState(up=True, ipv6_prefix="2001:db8:f00::/56")
    rules = render(config, msgspec.structs.replace(FACTS, lines={"line1": state})).nft_rules
    assert "ip saddr != { 192.168.8.5 } ip daddr != { 192.168.8.0/24" in rules
    assert "ip6 saddr != { 2001:db8:f00::5 } ip6 daddr != { 2001:db8:f00::/64 }" in rules
    without = render(changed(("dns.redirect", True), ("dns.upstreams", ["223.5.5.5"])), FACTS).nft_rules
    assert "saddr != " not in without


def test_a_vlan_named_as_a_port_is_refused() -> None:
    config = changed(("wans.line1.vlan", 41))
    facts = msgspec.structs.replace(FACTS, ports={**FACTS.ports, "eth0.41": PortFact()})
    assert found(config, facts) == [("error", "wans.line1.vlan")]


def test_port_forwards_of_different_lines_or_protocols_do_not_clash() -> None:
    forward = {"ports": "8000-8010", "to_address": "192.168.8.9"}
    config = changed(("port_forwards.a", forward), ("port_forwards.b", {**forward, "protocol": "udp"}))
    assert found(config) == []
    assert found(changed(("port_forwards.c", {**forward, "protocol": "both"}), start=config)) == [
        ("error", "port_forwards.c.ports"),
        ("error", "port_forwards.c.ports"),
    ]
    assert found(changed(("port_forwards.b", {**forward, "enabled": False}), start=config)) == []


@pytest.mark.parametrize(
    ("before", "policy", "is_shadowed"),
    [
        ({}, {}, True),
        ({}, {"groups": ["g"], "applications": ["wechat"]}, True),
        ({"groups": ["g"]}, {}, False),
        ({"groups": ["g"]}, {"groups": ["g"]}, True),
        ({"groups": ["g", "h"]}, {"groups": ["h"]}, True),
        ({"groups": ["g"]}, {"groups": ["g", "h"]}, False),
        ({"categories": ["im"]}, {"applications": ["wechat"]}, False),
        ({"categories": ["im", "game"]}, {"categories": ["game"]}, True),
        ({"categories": ["im"]}, {}, False),
        ({"except_groups": ["g"]}, {}, False),
        ({"except_applications": ["wechat"]}, {}, False),
        ({"schedule": "s"}, {}, False),
        ({"schedule": "s"}, {"schedule": "s"}, True),
        ({"enabled": False}, {}, False),
    ],
)
def test_shadowed_policy_warns(before: dict[str, object], policy: dict[str, object], is_shadowed: bool) -> None:
    config = changed(
        ("groups.g.members", "192.168.8.2"),
        ("groups.h.members", "192.168.8.3"),
        ("schedules.s", {"windows": [{}]}),
        ("policies.first", {"position": 1, "action": "allow", **before}),
        ("policies.second", {"position": 2, "action": "block", **policy}),
    )
    assert found(config) == ([("warning", "policies.second")] if is_shadowed else [])


def test_group_that_is_too_large() -> None:
    members = ["192.0.2.1"] * (groups.MEMBERS_MAX + 1)
    assert found(changed(("groups.g", {"members": members}))) == [("error", "groups.g.members")]


def test_many_bad_members_are_told_shortly() -> None:
    problems = verify(changed(("groups.g", {"members": ["x"] * 1000})), FACTS)
    assert len(problems) == 51
    assert problems[0].params["count"] == "950"


def test_hundred_thousand_members_become_few_ranges() -> None:
    members = [f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(100_000)]
    config = changed(
        ("groups.g", {"members": members}), ("policies.p", {"position": 1, "action": "block", "groups": ["g"]})
    )
    assert found(config) == []
    (group,) = render(config, FACTS).fastpath.groups
    assert group.ranges == (("10.0.0.0", "10.1.134.159"),)


def test_schedules_and_switches_decide_what_is_in_force() -> None:
    config = changed(
        ("schedules.s", {"windows": [{"start": "08:00", "end": "09:00"}]}),
        ("policies.a", {"position": 2, "action": "block", "schedule": "s"}),
        ("policies.b", {"position": 1, "action": "allow", "categories": ["im"]}),
    )
    assert [row.name for row in render(config, FACTS).fastpath.rows] == ["b"]
    now = msgspec.structs.replace(FACTS, active_schedules=frozenset({"s"}))
    assert [row.name for row in render(config, now).fastpath.rows] == ["b", "a"]


def test_policies_leave_the_rules_alone() -> None:
    """Nothing per host or policy in nft: cost does not grow, and only the generation changes rules."""
    config = changed(
        ("groups.g.members", "192.168.8.2"), ("policies.p", {"position": 1, "action": "block", "groups": ["g"]})
    )
    before, after = render(BOX, FACTS), render(config, FACTS)
    assert (before.nft_rules, before.nft_sets) == (after.nft_rules, after.nft_sets)


def test_weights_fill_the_wheel_exactly() -> None:
    config = changed(
        ("wans.line1.weight", 3),
        ("wans.line2", {"interface": "eth3", "number": 2, "weight": 1}),
        ("wans.line2.ipv6", "off"),
    )
    facts = msgspec.structs.replace(
        FACTS,
        lines={"line1": LINE, "line2": msgspec.structs.replace(LINE, address="203.0.113.2/24", gateway="203.0.113.1")},
    )
    assert (
        "numgen inc mod 4 map { 0-1 : 0x00001000, 2 : 0x00002000, 3 : 0x00001000 }" in render(config, facts).nft_rules
    )
    down = msgspec.structs.replace(facts, lines={"line1": LineState(), "line2": facts.lines["line2"]})
    assert "meta nfproto ipv4 ct mark set 0x00002000" in render(config, down).nft_rules
