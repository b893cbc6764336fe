"""Which connections leave by which line: by who opens them, where to, and what for.

Every policy is a chain of its own, asked in order of position, and only by the first packet of a connection. It
returns at the first kind that does not match; what passes all is told its way by a map (``way_NAME``), which is all
that changes when a line fails. Contents, however many, are sets. With a strict policy IPv6 is asked too: what a strict
one matches is dropped, what another matches first goes its way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from firmware.features import line_groups, nft, server_names
from firmware.features.part import Part
from firmware.features.problems import problem, same_position, too_many, unknown_names, unreadable
from firmware.features.server_names import LINE_MAX_BYTES, Names
from firmware.features.topology import WAN_MASK, Line, lines
from firmware.model.config import Config, LinePolicy
from firmware.model.facts import Facts
from firmware.model.plan import NftSet
from firmware.model.problem import Problem
from firmware.model.values import merge_members, parse_dscp, parse_hostname, parse_transport_ports

Family = Literal[4, 6]
POLICIES_MAX = 64
KINDS = ("groups", "prefix_lists", "applications", "domains", "ports", "dscp")
_ADDRESS: dict[Family, str] = {4: "ipv4_addr", 6: "ipv6_addr"}
_IP: dict[Family, str] = {4: "ip", 6: "ip6"}


def verify(config: Config, facts: Facts) -> list[Problem]:
    message = "There are %(value)s line rules; at most %(limit)s are possible."
    remedy = "Let one rule serve several groups, lists or ports."
    problems = too_many("line_policies", len(config.line_policies), POLICIES_MAX, message=message, remedy=remedy)
    owner: dict[int, str] = {}
    applications = facts.applications.keys() | config.applications.keys()
    for name, policy in sorted(config.line_policies.items()):
        path = ("line_policies", name)
        problems += same_position("line_policies", name, position=policy.position, owner=owner)
        for key, known, message in (
            ("groups", config.groups, "There is no group %(value)s."),
            ("prefix_lists", config.prefix_lists, "There is no prefix list %(value)s."),
            ("applications", applications, "There is no application %(value)s."),
            ("lines", config.wans.keys() | config.line_groups.keys(), "There is no line %(value)s."),
        ):
            problems += unknown_names(*path, key, names=getattr(policy, key), known=known, message=message)
        if not policy.lines:
            remedy = "Choose at least one."
            problems.append(problem(*path, "lines", message="Nothing is chosen here.", remedy=remedy))
        if not any(getattr(policy, kind) for kind in KINDS):
            message = "Nothing says which connections this rule is for."
            remedy = "Choose groups, prefix lists or applications, or name domains, ports or DSCP values."
            problems.append(problem(*path, value=name, message=message, remedy=remedy))
        if policy.router and policy.groups:
            message = "The rule is for the router's own connections, and the router is in no group."
            remedy = "Remove the groups, or let the rule be for the hosts."
            problems.append(problem(*path, "router", value="true", message=message, remedy=remedy))
        problems += _unreadable(path, policy) + _without_signs(path, policy, config, facts)
        if policy.enabled:
            problems += _without_contents(path, policy, config, facts)
    if not problems:
        problems += _too_often(config, facts)
    return problems


def _too_often(config: Config, facts: Facts) -> list[Problem]:
    """Names that so many rules ask for that dnsmasq's line becomes too long."""
    long = (line for line in server_names.dnsmasq_lines(learned_names(config, facts)) if len(line) > LINE_MAX_BYTES)
    message = "Too many line rules name %(value)s."
    remedy = "Name it in one rule, or the same names in each."
    return [problem("line_policies", value=line.split("/")[1], message=message, remedy=remedy) for line in long]


def _unreadable(path: tuple[str, str], policy: LinePolicy) -> list[Problem]:
    problems = []
    for key, reader, remedy in (
        ("domains", parse_hostname, "Write names such as example.com; what ends in them is meant too."),
        ("ports", parse_transport_ports, "Write ports such as tcp/443 or udp/5000-5010."),
        ("dscp", parse_dscp, "Write a name such as ef, af21 or cs1, or a number from 0 to 63."),
    ):
        for index, text in enumerate(getattr(policy, key)):
            message = "This cannot be read."
            problems += unreadable(reader, text, *path, key, str(index), message=message, remedy=remedy)[1]
    return problems


def _without_signs(path: tuple[str, str], policy: LinePolicy, config: Config, facts: Facts) -> list[Problem]:
    """Applications that only the first packets tell: the line is chosen before them."""
    problems = []
    for index, name in enumerate(policy.applications):
        is_known = name in config.applications or name in facts.applications
        found = server_names.signs(config, facts, name)
        if is_known and not (found.domains or found.networks):
            message = "Neither domains nor networks tell the servers of %(value)s, so no line can be chosen for it."
            remedy = "Choose another application, or a port or prefix list instead."
            problems.append(problem(*path, "applications", str(index), value=name, message=message, remedy=remedy))
    return problems


def _without_contents(path: tuple[str, str], policy: LinePolicy, config: Config, facts: Facts) -> list[Problem]:
    return [
        problem(
            *path,
            "prefix_lists",
            str(index),
            value=name,
            message="The prefix list %(value)s is empty: nothing was imported yet.",
            remedy="Import its contents on the page Lines, or by rsctl prefixes import.",
            severity="warning",
        )
        for index, name in enumerate(policy.prefix_lists)
        if name in config.prefix_lists and name not in facts.prefix_lists
    ]


class _Policy(NamedTuple):
    """A policy in force, with all that its rules refer to."""

    name: str
    policy: LinePolicy
    families: tuple[Family, ...]
    domains: Names | None
    applications: Names | None


def render(config: Config, facts: Facts) -> Part:
    active = {line.name: line for line in lines(config, facts)}
    policies = in_force(config, facts)
    if not policies:
        return Part()
    rules: dict[str, tuple[str, ...]] = {"line_kept": (f"meta mark set ct mark and {WAN_MASK:#x}", "accept")}
    for line in active.values():
        mark = nft.mark(line.mark)
        rules[f"line_{line.number}"] = (f"ct mark set {mark} meta mark set {mark} accept",)
    sets: dict[str, NftSet] = {}
    jumps: list[str] = []
    own = ["meta l4proto { tcp, udp } th dport 53 return"]  # names are asked of each line's own servers
    for item in policies:
        conditions = list(_conditions(item, config, facts))
        rules[f"policy_{item.name}"] = (*conditions, *_refreshes(item), f"meta nfproto vmap @way_{item.name}")
        (own if item.policy.router else jumps).extend(_jumps(item))
        found = [*_host_sets(item, config), *_place_sets(item, config, facts), _way(item, config, active)]
        sets |= {one.name: one for one in found}  # lists serve several policies
    return Part(
        rules=rules | {"line_policies": tuple(jumps), "own_policies": tuple(own) if len(own) > 1 else ()},
        sets=tuple(sets.values()),
    )


def in_force(config: Config, facts: Facts) -> list[_Policy]:
    """The policies that can match, in order."""
    enabled = {name: policy for name, policy in config.line_policies.items() if policy.enabled}
    families: tuple[Family, ...] = (4, 6) if any(policy.strict for policy in enabled.values()) else (4,)
    with6 = 6 in families
    found = []
    for name, policy in sorted(enabled.items(), key=lambda item: item[1].position):
        if policy.prefix_lists and not any(facts.prefix_lists.get(one) for one in policy.prefix_lists):
            continue
        domains = server_names.names_of(policy.domains, with6)
        applications = server_names.of_applications(config, facts, policy, with6)
        found.append(_Policy(name, policy, families, domains, applications))
    return found


def learned_names(config: Config, facts: Facts) -> list[Names]:
    """The names whose servers dnsmasq has to tell (dns.py)."""
    both = (names for item in in_force(config, facts) for names in (item.domains, item.applications))
    return [names for names in both if names is not None]


def _jumps(item: _Policy) -> Iterator[str]:
    """Who is no Ethernet neighbour has no MAC: groups are matched here, where a match that fails does no harm."""
    name, only4 = item.name, "" if 6 in item.families else "meta nfproto ipv4 "
    if not item.policy.groups:
        yield f"{only4}jump policy_{name}"
        return
    for family in item.families:
        yield f"{_IP[family]} saddr @hosts{family}_{name} jump policy_{name}"
    yield f"{only4}ether saddr @hosts_mac_{name} jump policy_{name}"


def _conditions(item: _Policy, config: Config, facts: Facts) -> Iterator[str]:
    """A rule for each kind and family: it returns when none of the kind's sets has the packet."""
    policy = item.policy
    if policy.ports:
        yield "meta l4proto != { tcp, udp } return"
        yield f"meta l4proto . th dport != {{ {', '.join(_ports(policy.ports))} }} return"
    for family in item.families:
        ip = _IP[family]
        if policy.dscp:
            values = ", ".join(map(str, sorted({parse_dscp(text) for text in policy.dscp})))
            yield f"{ip} dscp != {{ {values} }} return"
        if policy.prefix_lists:
            sets = [one.name for one in _list_sets(policy, facts, family)]
            yield _unless_in(family, f"{ip} daddr . meta l4proto", sets)
        if policy.applications:
            sets = _learned(item.applications, family)
            sets += [_networks(item, family)] if server_names.networks(config, facts, policy, family) else []
            yield _unless_in(family, f"{ip} daddr", sets)
        if policy.domains:
            yield _unless_in(family, f"{ip} daddr", _learned(item.domains, family))


def _unless_in(family: Family, key: str, sets: Sequence[str]) -> str:
    if not sets:
        return f"meta nfproto ipv{family} return"
    return " ".join(f"{key} != @{name}" for name in sets) + " return"


def _learned(names: Names | None, family: Family) -> list[str]:
    return [] if names is None else [names.set4 if family == 4 else names.set6]


def _refreshes(item: _Policy) -> Iterator[str]:
    """What is used stays known: neither dnsmasq nor nft lengthens the life of what is in a set."""
    for family in item.families:
        for set_ in _learned(item.domains, family) + _learned(item.applications, family):
            yield f"{_IP[family]} daddr @{set_} update @{set_} {{ {_IP[family]} daddr }}"


def _host_sets(item: _Policy, config: Config) -> Iterator[NftSet]:
    if not item.policy.groups:
        return
    ranges, macs = merge_members(member for group in item.policy.groups for member in config.groups[group].members)
    for family in item.families:
        texts = [_span(*ends) for ends in ranges if (":" in ends[0]) == (family == 6)]
        yield nft.named(f"hosts{family}_{item.name}", "set", _ADDRESS[family], texts, interval=True)
    yield nft.named(f"hosts_mac_{item.name}", "set", "ether_addr", macs)


def _place_sets(item: _Policy, config: Config, facts: Facts) -> Iterator[NftSet]:
    yield from server_names.learned_sets(names for names in (item.domains, item.applications) if names is not None)
    for family in item.families:
        yield from _list_sets(item.policy, facts, family)
        if networks := server_names.networks(config, facts, item.policy, family):
            yield nft.named(_networks(item, family), "set", _ADDRESS[family], networks, interval=True)


def _list_sets(policy: LinePolicy, facts: Facts, family: Family) -> Iterator[NftSet]:
    """The lists' contents. The second half of the key matches everything: nft 1.0.6 reads all plain intervals of all
    tables back before it changes an element anywhere (60 MB and 0.3 s with 43,000 of them), but no concatenations; and
    dnsmasq changes elements by nft's library."""
    for name in sorted(set(policy.prefix_lists)):
        fact = facts.prefix_lists.get(name)
        if fact is not None and (fact.ipv4 if family == 4 else fact.ipv6):
            yield NftSet(
                name=f"prefixes{family}_{name}_{fact.digest[:12]}",
                kind="set",
                type=f"{_ADDRESS[family]} . inet_proto",
                flags=("interval",),
                elements_file=f"prefixes/{name}.txt",
                family=family,
            )


def _networks(item: _Policy, family: Family) -> str:
    return f"networks{family}_{item.name}"


def _way(item: _Policy, config: Config, active: dict[str, Line]) -> NftSet:
    """Where it goes now; an empty map lets the next policy decide."""
    chain = line_groups.way(item.policy, config, active)
    ways = [] if chain is None else [f"ipv4 : goto {chain}"]
    if item.policy.strict:
        ways = [*(ways or ["ipv4 : drop"]), "ipv6 : drop"]
    elif chain is not None and 6 in item.families:
        ways.append("ipv6 : goto line_kept")
    return nft.named(f"way_{item.name}", "vmap", "nf_proto : verdict", ways)


def _ports(texts: Iterable[str]) -> Iterator[str]:
    """Elements that do not overlap."""
    by_transport: dict[str, list[tuple[int, int]]] = {"tcp": [], "udp": []}
    for transport, first, last in sorted(map(parse_transport_ports, texts)):
        spans = by_transport[transport]
        if spans and first <= spans[-1][1] + 1:
            spans[-1] = (spans[-1][0], max(last, spans[-1][1]))
        else:
            spans.append((first, last))
    for transport, spans in by_transport.items():
        for first, last in spans:
            yield f"{transport} . {_span(str(first), str(last))}"


def _span(first: str, last: str) -> str:
    return first if first == last else f"{first}-{last}"
