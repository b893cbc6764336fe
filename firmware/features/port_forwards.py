"""Port forwards: from a line's address to a host of a LAN, from outside and (hairpin) from inside alike.

The map is keyed by the line's *address*, so one lookup serves both directions. Towards an IPv6 host nothing is
translated: the forward only opens the way to it.
"""

from __future__ import annotations

from collections.abc import Iterator

from firmware.features import nft
from firmware.features.part import Part
from firmware.features.port_forward_checks import verify
from firmware.features.topology import bridge, lan_address, lines
from firmware.model.config import Config, PortForward
from firmware.model.facts import Facts
from firmware.model.values import parse_address, parse_ports

__all__ = ["render", "verify"]

_KEY4 = "ip daddr . meta l4proto . th dport"


def render(config: Config, facts: Facts) -> Part:
    moved: list[str] = []
    kept: list[str] = []
    opened: list[str] = []
    for _, forward in sorted(config.port_forwards.items()):
        if not forward.enabled:
            continue
        if parse_address(forward.to_address).version == 6:
            opened += _open(forward)
        elif forward.to_port is None:
            kept += _keep(config, facts, forward)
        else:
            moved += _move(config, facts, forward)
    same_lan = (f"{lan_address(lan).network} . {nft.device(bridge(name))}" for name, lan in config.lans.items())
    return Part(
        rules={
            "nat_in": (
                f"dnat ip to {_KEY4} map @port_forwards",
                f"dnat ip to {_KEY4} map @port_range_forwards",
            ),
            "forward": (
                "ct status dnat accept",
                "iifname @wan_devices ip6 daddr . meta l4proto . th dport @open_ports6 accept",
            ),
            # From a LAN back into the same LAN: the server must answer through the router.
            "nat_out": ("ct status dnat ip saddr . oifname @same_lan masquerade",),
        },
        sets=(
            nft.named(
                "port_forwards", "map", "ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service", moved
            ),
            nft.named(
                "port_range_forwards", "map", "ipv4_addr . inet_proto . inet_service : ipv4_addr", kept, interval=True
            ),
            nft.named("open_ports6", "set", "ipv6_addr . inet_proto . inet_service", opened, interval=True),
            nft.named("same_lan", "set", "ipv4_addr . ifname", same_lan, interval=True),
        ),
    )


def _protocols(forward: PortForward) -> tuple[str, ...]:
    return ("tcp", "udp") if forward.protocol == "both" else (forward.protocol,)


def _sources(config: Config, facts: Facts, forward: PortForward) -> Iterator[str]:
    for line in lines(config, facts):
        if line.address4 and forward.wan in (None, line.name):
            yield str(line.address4.ip)


def _ports(forward: PortForward) -> str:
    first, last = parse_ports(forward.ports)
    return str(first) if first == last else f"{first}-{last}"


def _keep(config: Config, facts: Facts, forward: PortForward) -> Iterator[str]:
    for address in _sources(config, facts, forward):
        for protocol in _protocols(forward):
            yield f"{address} . {protocol} . {_ports(forward)} : {forward.to_address}"


def _move(config: Config, facts: Facts, forward: PortForward) -> Iterator[str]:
    """One element per port, since a map cannot shift a range."""
    first, last = parse_ports(forward.ports)
    shift = (forward.to_port or first) - first
    for address in _sources(config, facts, forward):
        for protocol in _protocols(forward):
            for port in range(first, last + 1):
                yield f"{address} . {protocol} . {port} : {forward.to_address} . {port + shift}"


def _open(forward: PortForward) -> Iterator[str]:
    for protocol in _protocols(forward):
        yield f"{parse_address(forward.to_address)} . {protocol} . {_ports(forward)}"
