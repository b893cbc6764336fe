"""LANs: a bridge of ports with the router's addresses in it; that networks neither overlap nor make no sense."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Interface, ip_interface

from firmware.features import nft
from firmware.features.interfaces import port_link
from firmware.features.part import Part
from firmware.features.problems import problem, unknown, unreadable
from firmware.features.topology import (
    BRIDGE_NAME_MAX,
    BRIDGE_PREFIX,
    bridge,
    lan_address,
    lan_addresses6,
    lan_networks4,
    lan_networks6,
)
from firmware.model.config import Config, Lan
from firmware.model.facts import Facts
from firmware.model.plan import Link
from firmware.model.problem import Problem
from firmware.model.values import InterfaceAddress, Network, parse_interface


def verify(config: Config, facts: Facts) -> list[Problem]:
    problems: list[Problem] = []
    for name, lan in sorted(config.lans.items()):
        problems += _verify_lan(config, facts, name, lan)
    return problems + _verify_overlaps(config, facts) + _verify_subnets(config)


def render(config: Config, facts: Facts) -> Part:
    links: list[Link] = []
    sysctls: dict[str, str] = {}
    for name, lan in sorted(config.lans.items()):
        device = bridge(name)
        addresses = [str(lan_address(lan)), *(str(a) for a in lan_addresses6(config, facts, lan))]
        links.append(Link(name=device, kind="bridge", addresses=tuple(sorted(addresses))))
        links += [port_link(config, port, master=device) for port in lan.ports]
        sysctls[f"net/ipv4/conf/{device}/rp_filter"] = "1"
        sysctls[f"net/ipv6/conf/{device}/accept_ra"] = "0"
    lans = sorted(config.lans)
    return Part(
        links=tuple(links),
        sysctls=sysctls,
        sets=(
            nft.named("lan_devices", "set", "ifname", (nft.device(bridge(name)) for name in lans)),
            nft.named("lan_networks4", "set", "ipv4_addr", map(str, lan_networks4(config)), interval=True),
            nft.named("lan_networks6", "set", "ipv6_addr", map(str, lan_networks6(config, facts)), interval=True),
        ),
    )


def _verify_lan(config: Config, facts: Facts, name: str, lan: Lan) -> list[Problem]:
    problems = []
    if len(name) > BRIDGE_NAME_MAX:
        problems.append(
            problem(
                "lans",
                name,
                value=name,
                message="The name of a LAN is too long.",
                remedy="Use at most %(limit)s characters.",
                limit=BRIDGE_NAME_MAX,
            )
        )
    elif bridge(name) in facts.ports:
        problems.append(
            problem(
                "lans",
                name,
                value=name,
                message="A port is called %(device)s already.",
                remedy="Give the LAN another name.",
                device=BRIDGE_PREFIX + name,
            )
        )
    if lan.zone not in config.zones:
        problems.append(
            unknown("lans", name, "zone", value=lan.zone, known=config.zones, message="There is no zone %(value)s.")
        )
    address, wrong = unreadable(
        parse_interface,
        lan.address,
        "lans",
        name,
        "address",
        message="This is no address with a prefix length.",
        remedy="Write the router's address in this LAN as 192.168.8.1/24.",
    )
    problems += wrong
    if address is not None and not _is_usable(address):
        problems.append(
            problem(
                "lans",
                name,
                "address",
                value=lan.address,
                message="The router cannot have this address in a LAN.",
                remedy="Use an IPv4 address of a host in a network of length 8 to 30, such as 192.168.8.1/24.",
            )
        )
    return problems


def _is_usable(address: InterfaceAddress) -> bool:
    if not isinstance(address, IPv4Interface) or not 8 <= address.network.prefixlen <= 30:
        return False
    is_host = address.ip not in (address.network.network_address, address.network.broadcast_address)
    return is_host and not (address.is_multicast or address.is_loopback or address.is_unspecified)


def _networks(config: Config, facts: Facts) -> Iterator[tuple[tuple[str, ...], Network, bool]]:
    """All networks with the path that names each; whether a person wrote it (else a line was given it)."""
    for name, lan in sorted(config.lans.items()):
        yield from _network(("lans", name, "address"), lan.address, True)
    for name, wan in sorted(config.wans.items()):
        state = facts.lines.get(name)
        if wan.protocol == "static" and wan.address:
            yield from _network(("wans", name, "address"), wan.address, True)
        elif state and state.address:
            yield from _network(("wans", name), state.address, False)


def _network(path: tuple[str, ...], text: str, is_written: bool) -> Iterator[tuple[tuple[str, ...], Network, bool]]:
    try:
        yield path, ip_interface(text).network, is_written
    except ValueError:
        return  # told where the address itself is verified


def _verify_overlaps(config: Config, facts: Facts) -> list[Problem]:
    """Every pair of networks that share addresses; a leased one only warns, since no commit could mend it there."""
    problems = []
    known: list[tuple[tuple[str, ...], Network, bool]] = []
    for path, network, is_written in _networks(config, facts):
        for other_path, other, _ in known:
            if network.version != other.version or not network.overlaps(other):
                continue
            if path[0] == other_path[0] == "wans":
                problems.append(_shared_by_lines(path, network, other_path))
                continue
            problems.append(
                problem(
                    *path,
                    value=network,
                    message="This network overlaps with %(other)s of %(owner)s.",
                    remedy="Move one of them to other addresses.",
                    severity="error" if is_written else "warning",
                    other=other,
                    owner=".".join(other_path[:2]),
                )
            )
        known.append((path, network, is_written))
    return problems


def _shared_by_lines(path: tuple[str, ...], network: Network, other_path: tuple[str, ...]) -> Problem:
    """Two lines of one provider, or two modems as delivered. Each has its own table, so that the internet is reached by
    both; what is in the network itself by the first only."""
    return problem(
        *path,
        value=network,
        message="Line %(other)s has the same network: hosts in it, such as the modem's page, are reached by that line "
        "only.",
        remedy="The internet is reached by both. To reach both modems give one of them another network.",
        severity="warning",
        other=other_path[1],
    )


def _verify_subnets(config: Config) -> list[Problem]:
    problems = []
    owner: dict[int, str] = {}
    for name, lan in sorted(config.lans.items()):
        if lan.ipv6 and owner.setdefault(lan.subnet_id, name) != name:
            problems.append(
                problem(
                    "lans",
                    name,
                    "subnet_id",
                    value=lan.subnet_id,
                    message="LAN %(other)s has the same IPv6 subnet number.",
                    remedy="Give each LAN its own, or switch IPv6 off in one.",
                    other=owner[lan.subnet_id],
                )
            )
    return problems
