"""Port forwards: from a line's address to a host of a LAN, from outside and (hairpin) from inside alike.

The map is keyed by the line's *address*, so one lookup serves both directions. Where several lines were given the same
one (modems as delivered), the first line's forward has the port. Towards an IPv6 host nothing is translated: the
forward only opens the way to it, by its line.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from firmware.features import nft
from firmware.features.part import Part
from firmware.features.port_forward_checks import verify
from firmware.features.topology import Line, bridge, lan_address, lines
from firmware.model.config import Config, PortForward
from firmware.model.facts import Facts
from firmware.model.values import parse_address, parse_ports

__all__ = ["render", "verify"]

_KEY4 = "ip daddr . meta l4proto . th dport"
_KEY6 = "iifname . ip6 daddr . meta l4proto . th dport"
Span = tuple[int, int]


def render(config: Config, facts: Facts) -> Part:
    active = lines(config, facts)
    moved: list[str] = []
    kept: list[str] = []
    for address, protocol, forward in _translated(config, active):
        if forward.to_port is None:
            kept.append(f"{address} . {protocol} . {_text(parse_ports(forward.ports))} : {forward.to_address}")
        else:
            moved += _move(address, protocol, forward, forward.to_port)
    same_lan = (f"{lan_address(lan).network} . {nft.device(bridge(name))}" for name, lan in config.lans.items())
    return Part(
        rules={
            "nat_in": (
                f"dnat ip to {_KEY4} map @port_forwards",
                f"dnat ip to {_KEY4} map @port_range_forwards",
            ),
            "forward": (
                "ct status dnat accept",
                f"{_KEY6} @open_ports6 accept",
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
            nft.named(
                "open_ports6",
                "set",
                "ifname . ipv6_addr . inet_proto . inet_service",
                _opened(config, active),
                interval=True,
            ),
            nft.named("same_lan", "set", "ipv4_addr . ifname", same_lan, interval=True),
        ),
    )


def _of_line(config: Config, line: Line, version: int) -> Iterator[PortForward]:
    """The forwards of a line to hosts of a family."""
    for _, forward in sorted(config.port_forwards.items()):
        is_of_line = forward.enabled and forward.wan in (None, line.name)
        if is_of_line and parse_address(forward.to_address).version == version:
            yield forward


def _translated(config: Config, active: Iterable[Line]) -> Iterator[tuple[str, str, PortForward]]:
    """Address, protocol and forward; of the same address and protocol no two forwards share a port."""
    addressed = [(str(line.address4.ip), line) for line in active if line.address4]
    lines_of = Counter(address for address, _ in addressed)
    taken: dict[tuple[str, str], list[Span]] = defaultdict(list)
    for address, line in addressed:
        for forward in _of_line(config, line, 4):
            first, last = parse_ports(forward.ports)
            for protocol in _protocols(forward):
                if lines_of[address] > 1:  # else verify has seen to it
                    spans = taken[address, protocol]
                    if any(first <= end and start <= last for start, end in spans):
                        continue
                    spans.append((first, last))
                yield address, protocol, forward


def _move(address: str, protocol: str, forward: PortForward, to_port: int) -> Iterator[str]:
    """One element per port, since a map cannot shift a range."""
    first, last = parse_ports(forward.ports)
    for port in range(first, last + 1):
        yield f"{address} . {protocol} . {port} : {forward.to_address} . {port + to_port - first}"


def _opened(config: Config, active: Iterable[Line]) -> Iterator[str]:
    """The ports that are open towards IPv6 hosts; ranges that overlap are one."""
    spans: dict[str, list[Span]] = defaultdict(list)
    for line in active:
        for forward in _of_line(config, line, 6):
            for protocol in _protocols(forward):
                host = f"{nft.device(line.device)} . {parse_address(forward.to_address)} . {protocol}"
                spans[host].append(parse_ports(forward.ports))
    for host, of_host in spans.items():
        for span in _merged(of_host):
            yield f"{host} . {_text(span)}"


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for first, last in sorted(spans):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def _protocols(forward: PortForward) -> tuple[str, ...]:
    return ("tcp", "udp") if forward.protocol == "both" else (forward.protocol,)


def _text(span: Span) -> str:
    first, last = span
    return str(first) if first == last else f"{first}-{last}"
