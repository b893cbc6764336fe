"""Which line a flow takes: choice by weight, one table per line, replies by the line that the flow came in by."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_address
from typing import Literal

from firmware.features import nft
from firmware.features.dealing import deal, site_sets
from firmware.features.part import Part
from firmware.features.problems import problem
from firmware.features.topology import MAIN_TABLE, WAN_MASK, Line, lan_networks4, lan_networks6, lines, turn
from firmware.model.config import Config
from firmware.model.facts import Facts
from firmware.model.plan import NftSet, Route, Rule
from firmware.model.problem import Problem
from firmware.model.values import Network

DEFAULT4, DEFAULT6 = "0.0.0.0/0", "::/0"
PRIORITY_MAIN, PRIORITY_MARK, PRIORITY_SOURCE = 1000, 2000, 3000
# Plus the line's number in the main table; 0 would read back as 1024 for IPv6.
METRIC_UP, METRIC_BY_TURN, METRIC_DOWN = 100, (100, 500, 600, 700), 1000
METRIC_UNREACHABLE = 65_535
_FAMILIES: tuple[Literal[4, 6], ...] = (4, 6)
_NEVER_ROUTED4 = (IPv4Network("224.0.0.0/3"),)  # multicast, reserved, broadcast
_NEVER_ROUTED6 = (IPv6Network("fe80::/10"), IPv6Network("ff00::/8"))


def verify(config: Config, facts: Facts) -> list[Problem]:
    balance = config.balance
    if balance.by == "weight":
        return []
    problems = []
    if unknown := sorted(name for name, wan in config.wans.items() if wan.enabled and not wan.down_bps):
        message = "The rate down of %(lines)s is not known, so connections cannot be shared by it."
        remedy = "Enter how fast down these lines are, or share by weight."
        names = ", ".join(unknown)
        problems.append(problem("balance", "by", value=balance.by, message=message, remedy=remedy, lines=names))
    if balance.by == "free" and balance.sticky != "no":
        message = "While something stays together the lines share by their rates, not by what is free."
        remedy = "Let nothing stay together, or share by rate."
        problems.append(problem("balance", "by", value=balance.by, message=message, remedy=remedy, severity="warning"))
    return problems


def render(config: Config, facts: Facts) -> Part:
    active = lines(config, facts)
    return Part(
        routes=tuple(route for line in active for route in _routes(line)),
        ip_rules=_main_rules() + tuple(rule for line in active for rule in _ip_rules(line)),
        rules={
            "wan_choice": (
                # Nobody outside has one of our addresses.
                "iifname @wan_devices ip saddr @lan_networks4 drop",
                "iifname @wan_devices ip6 saddr @lan_networks6 drop",
                "ct mark 0 jump line_choice",
                f"meta mark set ct mark and {WAN_MASK:#x}",
            ),
            "line_choice": (
                "ct mark set iifname map @line_of_device return",
                "ip daddr @local4 return",
                "ip6 daddr @local6 return",
                "ct mark set ip daddr map @line_of_network4 return",
                # IPv6 is not translated: who has an address of a line's prefix leaves by that line.
                "ct mark set ip6 saddr map @line_of_prefix6",
                "jump line_policies",  # whoever finds a line there does not come back
                *deal(config, facts, active),
            ),
            "own_choice": (
                'oifname "lo" return',
                "ip daddr @local4 return",
                "ip6 daddr @local6 return",
                "jump own_policies",
            ),
            "wan_choice_out": (
                "meta mark and 0x40000000 != 0 accept",  # a DNS answer on its way to the fastpath
                # Questions that test a line carry its mark; two modems may have given the same address.
                f"meta mark and {WAN_MASK:#x} != 0 ct mark 0 ct mark set meta mark and {WAN_MASK:#x}",
                "ct mark 0 ct state new jump own_choice",
                # The box's own flows stay on the line whose address they have (probes bind to one).
                "ct mark 0 ct mark set ip saddr map @line_of_address4",
                "ct mark 0 ct mark set ip6 saddr map @line_of_address6",
                "ct mark 0 ct mark set ip6 saddr map @line_of_prefix6",
                f"meta mark set ct mark and {WAN_MASK:#x}",
            ),
        },
        sets=(*_sets(config, facts, active), *site_sets(config)),
    )


def _sets(config: Config, facts: Facts, active: tuple[Line, ...]) -> tuple[NftSet, ...]:
    own4 = [IPv4Network(line.address4.ip) for line in active if line.address4]
    own6 = [IPv6Network(line.address6.ip) for line in active if line.address6]
    local4 = collapse_addresses([*lan_networks4(config), *own4, *_NEVER_ROUTED4])
    local6 = collapse_addresses([*lan_networks6(config, facts), *own6, *_NEVER_ROUTED6])
    networks4 = _by_network((line.address4.network, line) for line in active if line.address4)
    prefixes6 = _by_network((line.prefix6, line) for line in active if line.prefix6)
    return (
        nft.named("local4", "set", "ipv4_addr", map(str, local4), interval=True),
        nft.named("local6", "set", "ipv6_addr", map(str, local6), interval=True),
        _marks("line_of_device", "ifname", {nft.device(line.device): line for line in active}),
        _marks("line_of_address4", "ipv4_addr", {str(a.address4.ip): a for a in reversed(active) if a.address4}),
        _marks("line_of_address6", "ipv6_addr", {str(a.address6.ip): a for a in reversed(active) if a.address6}),
        _marks("line_of_network4", "ipv4_addr", networks4, interval=True),
        _marks("line_of_prefix6", "ipv6_addr", prefixes6, interval=True),
    )


def _marks(name: str, key: str, line_by_key: dict[str, Line], interval: bool = False) -> NftSet:
    elements = (f"{text} : {nft.mark(line.mark)}" for text, line in line_by_key.items())
    return nft.named(name, "map", f"{key} : mark", elements, interval)


def _by_network(pairs: Iterable[tuple[Network, Line]]) -> dict[str, Line]:
    """Lines by their networks; of networks that overlap (two lines of one provider) the first line's counts."""
    kept: dict[Network, Line] = {}
    for network, line in pairs:
        if not any(network.overlaps(other) for other in kept):
            kept[network] = line
    return {str(network): line for network, line in kept.items()}


def _routes(line: Line) -> list[Route]:
    """The line's default routes, in its own table (also while it is down: probes need it) and in the main one."""
    metric = (METRIC_BY_TURN[turn(line)] if line.up else METRIC_DOWN) + line.number
    routes = []
    for default, gateway, address in (
        (DEFAULT4, line.gateway4, line.address4),
        (DEFAULT6, line.gateway6, line.address6),
    ):
        # Without its route a marked flow must not leak to another line, where its address is wrong.
        routes.append(Route(to=default, table=line.table, metric=METRIC_UNREACHABLE, kind="unreachable"))
        if gateway is None:
            continue
        via = ip_address(gateway)
        if line.is_dialled:
            routes.append(Route(to=default, table=line.table, device=line.device, metric=METRIC_UP))
            routes.append(Route(to=default, table=MAIN_TABLE, device=line.device, metric=metric))
            continue
        if address is not None and via not in address.network and not via.is_link_local:
            # Two lines may have the same gateway: their routes must not take each other's place.
            place, metric_near = f"{via}/{via.max_prefixlen}", METRIC_UP + line.number
            routes.append(Route(to=place, table=MAIN_TABLE, device=line.device, metric=metric_near))
        routes.append(Route(to=default, table=line.table, device=line.device, via=gateway, metric=METRIC_UP))
        routes.append(Route(to=default, table=MAIN_TABLE, device=line.device, via=gateway, metric=metric))
    if line.prefix6 is not None:  # RFC 7084 WPD-5: what no LAN uses goes nowhere, instead of back to the provider
        routes.append(Route(to=str(line.prefix6), table=MAIN_TABLE, metric=METRIC_UNREACHABLE, kind="unreachable"))
    return routes


def _main_rules() -> tuple[Rule, ...]:
    """Whatever is nearer than a default route wins over every mark."""
    return tuple(
        Rule(priority=PRIORITY_MAIN, family=family, table=MAIN_TABLE, suppress_prefixlength=0) for family in _FAMILIES
    )


def _ip_rules(line: Line) -> list[Rule]:
    rules = [
        Rule(priority=PRIORITY_MARK + line.number, family=family, table=line.table, mark=line.mark, mask=WAN_MASK)
        for family in _FAMILIES
    ]
    priority = PRIORITY_SOURCE + line.number
    if line.address4:
        rules.append(Rule(priority=priority, family=4, table=line.table, source=f"{line.address4.ip}/32"))
    if line.address6:
        rules.append(Rule(priority=priority, family=6, table=line.table, source=f"{line.address6.ip}/128"))
    if line.prefix6:
        rules.append(Rule(priority=priority, family=6, table=line.table, source=str(line.prefix6)))
    return rules
