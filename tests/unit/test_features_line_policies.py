"""Line policies: the rules are carried out on a model of nft and say the same as the policies read one by one."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.features import render, verify
from firmware.features.line_policies import POLICIES_MAX
from firmware.features.line_policies import render as render_policies
from firmware.features.part import Part
from firmware.model.config import Application, Config, Group, LinePolicy, PrefixList
from firmware.model.facts import Facts, LineState, PrefixFact, Signs
from firmware.model.values import Mac, parse_dscp, parse_member, parse_transport_ports
from tests.unit.test_features_lines import facts as line_facts
from tests.unit.test_features_lines import site

GROUPS = {
    "sales": Group(members=("192.168.8.10-192.168.8.20", "02:00:00:00:00:01", "2001:db8::10-2001:db8::20")),
    "boss": Group(members=("192.168.8.15", "192.168.8.30", "02:00:00:00:00:02")),
}
LISTS = {"telecom": ("1.0.1.0/24", "2400::/16"), "unicom": ("1.0.2.0/23",), "ipv6": ("2408::/16",)}
SIGNS = {"wechat": Signs(domains=("qq.com",)), "cloud": Signs(domains=("cloud.test",), networks=("203.0.113.0/24",))}
# Addresses that dnsmasq has put into the sets, by the names they were asked for.
LEARNED = {"qq.com": "198.51.100.1", "cloud.test": "198.51.100.2", "a.test": "198.51.100.3", "b.test": "2001:db8:f::1"}
LINES = ("wan1", "wan2", "wan3")


class Packet(NamedTuple):
    source: str
    mac: str
    to: str
    transport: str
    port: int
    dscp: int

    @property
    def version(self) -> int:
        return ip_address(self.to).version


def bound(policies: dict[str, LinePolicy], **changes: Any) -> Config:
    own = {"till": Application(name_zh="x", name_en="x", category="other", domains=("a.test",))}
    lists = {name: PrefixList() for name in LISTS}
    return msgspec.structs.replace(
        site(**changes), groups=GROUPS, prefix_lists=lists, applications=own, line_policies=policies
    )


def facts(*down: str) -> Facts:
    """What the box knows; ``ipv6`` has no IPv4."""
    known = {
        name: PrefixFact(
            digest=name * 12, ipv4=sum(":" not in p for p in prefixes), ipv6=sum(":" in p for p in prefixes)
        )
        for name, prefixes in LISTS.items()
    }
    applications = dict.fromkeys(SIGNS, "im") | {"hidden": "p2p"}
    return msgspec.structs.replace(line_facts(*down), prefix_lists=known, signs=SIGNS, applications=applications)


class Rules:
    """A model of what nft does with the chains, for the words that line policies use."""

    def __init__(self, part: Part, dnsmasq: str = "") -> None:
        self.chains = part.rules
        self.sets = {item.name: set(item.elements) for item in part.sets}
        for item in part.sets:
            if item.elements_file:
                name = item.elements_file.removeprefix("prefixes/").removesuffix(".txt")
                self.sets[item.name] |= {p for p in LISTS[name] if (":" in p) == (item.family == 6)}
        for domain, address in LEARNED.items():
            for line in dnsmasq.splitlines():
                if line.startswith(f"nftset=/{domain}/"):
                    version = ip_address(address).version
                    for name in re.findall(rf"{version}#inet#rs#(\w+)", line):
                        self.sets[name].add(address)

    def decide(self, packet: Packet) -> str:
        """``line_N``, ``line_kept``, ``drop``, or "" for what no policy decides."""
        return self._run("line_policies", packet) or ""

    def _run(self, chain: str, packet: Packet) -> str | None:
        for rule in self.chains[chain]:
            parts = re.fullmatch(r"(.*?) ?\b(jump \S+|return|vmap \S+|update .*)", rule)
            assert parts is not None, rule
            match, verb = parts.groups()
            if verb.startswith("vmap"):
                found = dict(element.split(" : ") for element in self.sets[verb.removeprefix("vmap @")])
                way = found.get(f"ipv{packet.version}")
                if way is not None:
                    return way.removeprefix("goto ")
            elif verb.startswith("update") or not self._matches(match, packet):
                continue
            elif verb == "return":
                return None
            elif (way := self._run(verb.removeprefix("jump "), packet)) is not None:
                return way
        return None

    def _matches(self, text: str, packet: Packet) -> bool:
        terms = re.findall(r"((?:[a-z0-9]+ [a-z0-9]+)(?: \. [a-z0-9]+ [a-z0-9]+)?) (!= )?(@\S+|\{.*?\}|ipv[46])", text)
        assert " ".join(f"{key} {negation}{what}" for key, negation, what in terms) == text
        return all(self._term(key, bool(negation), what, packet) for key, negation, what in terms)

    def _term(self, key: str, is_negated: bool, what: str, packet: Packet) -> bool:
        if key == "meta nfproto":
            return what == f"ipv{packet.version}"
        if key.startswith("ip") and (key[:3] == "ip6") != (packet.version == 6):
            return False  # the packet is of another family: nft adds that condition by itself
        if what[0] == "@":
            elements = self.sets[what[1:]]
        else:
            elements = {element.strip() for element in what.strip("{}").split(",")}
        return _has(elements, key, packet) != is_negated


def _has(elements: set[str], key: str, packet: Packet) -> bool:
    field = key.removesuffix(" . meta l4proto")
    if key == "meta l4proto . th dport":
        spans = [element.split(" . ") for element in elements]
        return any(t == packet.transport and _in_span(packet.port, span) for t, span in spans)
    if key == "meta l4proto":
        return packet.transport in elements
    if field.endswith("dscp"):
        return str(packet.dscp) in elements
    if field == "ether saddr":
        return packet.mac in elements
    address = packet.source if field.endswith("saddr") else packet.to
    return any(_covers(element, address) for element in elements)


def _in_span(port: int, span: str) -> bool:
    first, _, last = span.partition("-")
    return int(first) <= port <= int(last or first)


def _covers(member: str, address: str) -> bool:
    found, number = parse_member(member), ip_address(address)
    return not isinstance(found, Mac) and found.version == number.version and found.first <= int(number) <= found.last


def expected(config: Config, now: Facts, packet: Packet) -> str:
    """What the policies say, read one by one."""
    policies = sorted((p for p in config.line_policies.values() if p.enabled), key=lambda p: p.position)
    has_strict = any(policy.strict for policy in policies)
    for policy in policies:
        if (packet.version == 6 and not has_strict) or not _is_for(config, policy, packet):
            continue
        line = next((name for name in policy.lines if now.lines[name].up), None)
        if packet.version == 6 and policy.strict:
            return "drop"
        if line is not None:
            return f"line_{line[-1]}" if packet.version == 4 else "line_kept"
        if policy.strict:
            return "drop"
    return ""


def _is_for(config: Config, policy: LinePolicy, packet: Packet) -> bool:
    members = [member for group in policy.groups for member in config.groups[group].members]
    if policy.groups and not any(packet.mac == m if m[2] == ":" else _covers(m, packet.source) for m in members):
        return False
    prefixes = [prefix for name in policy.prefix_lists for prefix in LISTS[name]]
    if policy.prefix_lists and not any(_covers(prefix, packet.to) for prefix in prefixes):
        return False
    signs = [SIGNS.get(app) or Signs(domains=config.applications[app].domains) for app in policy.applications]
    servers = {LEARNED[domain] for sign in signs for domain in sign.domains}
    networks = [network for sign in signs for network in sign.networks]
    if policy.applications and packet.to not in servers and not any(_covers(n, packet.to) for n in networks):
        return False
    if policy.domains and packet.to not in {LEARNED[domain] for domain in policy.domains}:
        return False
    ports = [parse_transport_ports(text) for text in policy.ports]
    if policy.ports and not any(t == packet.transport and low <= packet.port <= high for t, low, high in ports):
        return False
    return not policy.dscp or packet.dscp in {parse_dscp(text) for text in policy.dscp}


def _some(*values: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.one_of(st.just(()), st.lists(st.sampled_from(values), max_size=2, unique=True).map(tuple))


POLICIES = st.builds(
    LinePolicy,
    position=st.just(1),
    groups=_some(*GROUPS),
    prefix_lists=_some(*LISTS),
    applications=_some("wechat", "cloud", "till"),
    domains=_some("a.test", "b.test"),
    ports=_some("tcp/443", "tcp/400-500", "udp/443", "udp/1-65535"),
    dscp=_some("ef", "10"),
    lines=st.lists(st.sampled_from(LINES), min_size=1, max_size=2, unique=True).map(tuple),
    strict=st.booleans(),
    enabled=st.booleans(),
)
V4 = st.tuples(
    st.sampled_from(("192.168.8.15", "192.168.8.11", "192.168.8.30", "192.168.8.99")),
    st.sampled_from(("1.0.1.7", "1.0.2.7", "9.9.9.9", "203.0.113.9", *(a for a in LEARNED.values() if "." in a))),
)
V6 = st.tuples(
    st.sampled_from(("2001:db8::15", "2001:db8::99")),
    st.sampled_from(("2400::1", "2408::1", "2606::1", LEARNED["b.test"])),
)
PACKETS = st.builds(
    lambda pair, mac, transport, port, dscp: Packet(pair[0], f"02:00:00:00:00:0{mac}", pair[1], transport, port, dscp),
    st.one_of(V4, V6),
    st.integers(1, 3),
    st.sampled_from(("tcp", "udp", "icmp")),
    st.sampled_from((443, 450, 80)),
    st.sampled_from((0, 10, 46)),
)


@settings(max_examples=400, deadline=None)
@given(
    policies=st.lists(POLICIES, max_size=5),
    order=st.randoms(use_true_random=False),
    packets=st.lists(PACKETS, min_size=1, max_size=8),
    down=st.sets(st.sampled_from(LINES)),
)
def test_the_lowest_position_that_matches_decides(
    policies: list[LinePolicy], order: Any, packets: list[Packet], down: set[str]
) -> None:
    positions = order.sample(range(1, 1000), len(policies))
    named = {
        f"p{number}": msgspec.structs.replace(policy, position=position)
        for number, (policy, position) in enumerate(zip(policies, positions, strict=True))
    }
    config, now = bound(named), facts(*down)
    dnsmasq = next(file.content for file in render(config, now).files if file.path == "dnsmasq.d/dns.conf")
    part = render_policies(config, now)
    if not part.rules:
        assert all(expected(config, now, packet) == "" for packet in packets)
        return
    rules = Rules(part, dnsmasq)
    for packet in packets:
        assert rules.decide(packet) == expected(config, now, packet)


SALES = LinePolicy(position=20, groups=("sales",), lines=("wan2", "wan3"))
BOSS = LinePolicy(position=10, groups=("boss",), lines=("wan1",), strict=True)


def test_a_dead_line_changes_elements_only() -> None:
    config = bound({"sales": SALES, "boss": BOSS})
    before, after = render_policies(config, facts()), render_policies(config, facts("wan2", "wan1"))
    assert before.rules == after.rules
    changed = {item.name: list(item.elements) for item, old in zip(after.sets, before.sets, strict=True) if item != old}
    assert changed == {
        "way_sales": ["ipv4 : goto line_3", "ipv6 : goto line_kept"],
        "way_boss": ["ipv4 : drop", "ipv6 : drop"],
    }


def test_groups_are_bound_by_address_and_mac() -> None:
    sets = {item.name: item.elements for item in render_policies(bound({"sales": SALES}), facts()).sets}
    assert sets == {
        "hosts4_sales": ("192.168.8.10-192.168.8.20",),
        "hosts_mac_sales": ("02:00:00:00:00:01",),
        "way_sales": ("ipv4 : goto line_2",),
    }


def test_lists_are_loaded_once_and_only_for_the_families_that_are_asked() -> None:
    telecom = LinePolicy(position=1, prefix_lists=("telecom", "unicom"), lines=("wan1",))
    again = LinePolicy(position=2, prefix_lists=("telecom",), lines=("wan2",))
    sets = [item.name for item in render_policies(bound({"a": telecom, "b": again}), facts()).sets if item.is_kept]
    assert sets == ["prefixes4_telecom_telecomtelec", "prefixes4_unicom_unicomunicom"]
    strict = msgspec.structs.replace(again, strict=True)
    sets = [item.name for item in render_policies(bound({"a": telecom, "b": strict}), facts()).sets if item.is_kept]
    assert "prefixes6_telecom_telecomtelec" in sets


def test_names_of_several_policies_fill_the_sets_of_all() -> None:
    """dnsmasq looks at the longest name only."""
    policies = {
        "all": LinePolicy(position=1, domains=("test",), lines=("wan1",)),
        "one": LinePolicy(position=2, domains=("a.test",), lines=("wan2",)),
    }
    conf = next(f.content for f in render(bound(policies), facts()).files if f.path == "dnsmasq.d/dns.conf")
    lines = {line.split("/")[1]: line for line in conf.splitlines() if line.startswith("nftset=")}
    assert lines["test"].count("4#inet#rs#learned4_") == 1
    assert lines["a.test"].count("4#inet#rs#learned4_") == 2
    assert "6#" not in conf


def errors(config: Config, now: Facts) -> dict[str, str]:
    return {p.path: p.message for p in verify(config, now) if p.severity == "error"}


@pytest.mark.parametrize(
    ("key", "value", "at"),
    [
        ("ports", "443", "ports.0"),
        ("ports", "icmp/1", "ports.0"),
        ("ports", "tcp/0-5", "ports.0"),
        ("dscp", "64", "dscp.0"),
        ("dscp", "af44", "dscp.0"),
        ("domains", "*.a.test", "domains.0"),
        ("prefix_lists", "nothing", "prefix_lists.0"),
        ("applications", "nothing", "applications.0"),
        ("applications", "hidden", "applications.0"),
    ],
)
def test_mistakes_are_named_with_their_place(key: str, value: str, at: str) -> None:
    policy = LinePolicy(position=1, lines=("wan1",), **{key: (value,)})  # type: ignore[arg-type]
    assert list(errors(bound({"p": policy}), facts())) == [f"line_policies.p.{at}"]


def test_so_many_policies_and_no_more() -> None:
    policies = {f"p{n}": LinePolicy(position=n, ports=(f"tcp/{n}",), lines=("wan1",)) for n in range(1, 66)}
    assert list(errors(bound(policies), facts())) == ["line_policies"]
    del policies["p65"]
    assert len(policies) == POLICIES_MAX
    assert errors(bound(policies), facts()) == {}


def test_a_name_that_too_many_name_is_refused() -> None:
    policies = {
        f"p{n}": LinePolicy(position=n, domains=("a.test", f"x{n}.test"), lines=("wan1",), strict=True)
        for n in range(1, 30)
    }
    assert list(errors(bound(policies), facts())) == ["line_policies"]


def test_an_empty_list_is_a_warning_and_matches_nothing() -> None:
    policy = LinePolicy(position=1, prefix_lists=("telecom",), lines=("wan1",))
    config, now = bound({"p": policy}), msgspec.structs.replace(facts(), prefix_lists={})
    found = [p for p in verify(config, now) if p.path.startswith("line_policies")]
    assert [(p.path, p.severity) for p in found] == [("line_policies.p.prefix_lists.0", "warning")]
    assert render_policies(config, now).rules == {}


@pytest.mark.parametrize(
    ("changes", "at"),
    [
        ({"url": "ftp://a/b"}, "url"),
        ({"sha256": "abc"}, "sha256"),
        ({"daily": True}, "daily"),
        ({"daily": True, "url": "https://a/b", "sha256": "0" * 64}, "sha256"),
    ],
)
def test_mistakes_in_lists_are_named(changes: dict[str, Any], at: str) -> None:
    config = msgspec.structs.replace(bound({}), prefix_lists={"telecom": PrefixList(**changes)})
    assert list(errors(config, facts())) == [f"prefix_lists.telecom.{at}"]


def test_networks_of_applications_may_overlap() -> None:
    """nft takes no intervals that do."""
    config = bound({"own": LinePolicy(position=1, lines=("wan1",), applications=("till", "shop", "cloud"))})
    nets = {"till": ("203.0.113.128/25", "2001:db8::/32"), "shop": ("203.0.112.0/24", "2001:db8:1::/48")}
    for name, networks in nets.items():
        config.applications[name] = Application(name_zh="x", name_en="x", category="other", networks=networks)
    assert elements(config, "networks4_own") == ("203.0.112.0/23",)
    config.line_policies["strict"] = LinePolicy(position=2, lines=("wan1",), ports=("tcp/1",), strict=True)
    assert elements(config, "networks6_own") == ("2001:db8::/32",)


def elements(config: Config, name: str) -> tuple[str, ...]:
    (found,) = [item.elements for item in render_policies(config, facts()).sets if item.name == name]
    return found


def test_dscp_is_read_by_name_and_number() -> None:
    assert [parse_dscp(text) for text in ("EF", "cs1", "af21", "AF43", "0", "63")] == [46, 8, 18, 38, 0, 63]


def test_lines_that_are_off_are_no_way() -> None:
    config = bound({"sales": SALES}, wan2={"enabled": False})
    states = {name: LineState(up=True) for name in ("wan1", "wan3")}
    part = render_policies(config, msgspec.structs.replace(facts(), lines=states))
    assert next(item.elements for item in part.sets if item.name == "way_sales") == ("ipv4 : goto line_3",)


def test_rules_of_the_router_itself_are_asked_apart() -> None:
    own = LinePolicy(position=1, router=True, ports=("udp/51820",), lines=("wan2",))
    hosts = LinePolicy(position=2, ports=("tcp/443",), lines=("wan1",))
    rules = render_policies(bound({"tunnel": own, "web": hosts}), facts()).rules
    assert rules["line_policies"] == ("meta nfproto ipv4 jump policy_web",)
    assert rules["own_policies"][-1] == "meta nfproto ipv4 jump policy_tunnel"
    assert "dport 53 return" in rules["own_policies"][0], "each line's names are asked over it"
    grouped = msgspec.structs.replace(own, groups=(next(iter(GROUPS)),))
    assert list(errors(bound({"tunnel": grouped}), facts())) == ["line_policies.tunnel.router"]
