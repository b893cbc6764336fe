"""What several features derive from the configuration and the facts: lines, bridges, networks, devices of a zone.

All functions take a verified configuration.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network, ip_interface, ip_network
from typing import NamedTuple

from firmware.model.config import Config, Lan
from firmware.model.devices import line_device
from firmware.model.facts import Facts, LineState

WAN_BITS = 12  # of the WAN's number in both marks, docs/design/contracts.md
WAN_MASK = 0xF000
MAIN_TABLE = 254
WAN_TABLES = 100  # a WAN's own routing table is this plus its number
BRIDGE_PREFIX = "br-"
BRIDGE_NAME_MAX = 15 - len(BRIDGE_PREFIX)


class Line(NamedTuple):
    """A WAN that is switched on, with the addresses it has now: its own, or what it was given."""

    name: str
    number: int
    device: str
    zone: str
    weight: int
    is_backup: bool
    is_draining: bool
    up: bool
    address4: IPv4Interface | None
    gateway4: str | None
    address6: IPv6Interface | None
    gateway6: str | None
    prefix6: IPv6Network | None
    dns: tuple[str, ...]
    is_dialled: bool = False  # over a device that comes and goes with its session and has one neighbour only
    is_spent: bool = False  # its month's bytes are used up: the last of the backups

    @property
    def mark(self) -> int:
        return self.number << WAN_BITS

    @property
    def table(self) -> int:
        return WAN_TABLES + self.number


def lines(config: Config, facts: Facts) -> tuple[Line, ...]:
    """The lines in order of their numbers. A static line of which nothing is known yet is taken to work."""
    result = []
    for name, wan in config.wans.items():
        if not wan.enabled:
            continue
        state = facts.lines.get(name) or LineState(up=wan.protocol == "static")
        is_static = wan.protocol == "static"
        address4 = wan.address if is_static else state.address
        address6, gateway6, prefix6 = {
            "off": (None, None, None),
            "static": (wan.ipv6_address, wan.ipv6_gateway, wan.ipv6_prefix),
            "dhcp": (state.ipv6_address, state.ipv6_gateway, state.ipv6_prefix),
        }[wan.ipv6]
        result.append(
            Line(
                name=name,
                number=wan.number,
                device=line_device(wan),
                zone=wan.zone,
                weight=wan.weight,
                is_backup=wan.role == "backup" or name in facts.spent_lines,
                is_draining=wan.draining,
                is_spent=name in facts.spent_lines,
                is_dialled=wan.protocol == "pppoe",
                up=state.up,
                address4=_interface4(address4),
                gateway4=wan.gateway if is_static else state.gateway,
                address6=_interface6(address6),
                gateway6=gateway6,
                prefix6=_network6(prefix6),
                dns=wan.dns or state.dns,
            )
        )
    return tuple(sorted(result, key=lambda line: line.number))


def usable(active: Iterable[Line]) -> list[Line]:
    """The lines that new connections are dealt out to: of those that work the active ones, else the backups, else those
    whose month is spent, else those that are being drained."""
    working = [line for line in active if line.up and line.gateway4]
    best = min(map(turn, working), default=0)
    return [line for line in working if turn(line) == best]


def turn(line: Line) -> int:
    """0 to 3: lines of a lower turn are used up before those of a higher one are asked."""
    return 3 if line.is_draining else 2 if line.is_spent else int(line.is_backup)


def bridge(lan: str) -> str:
    """The device of a LAN."""
    return BRIDGE_PREFIX + lan


def lan_address(lan: Lan) -> IPv4Interface:
    return IPv4Interface(lan.address)


def lan_addresses6(config: Config, facts: Facts, lan: Lan) -> tuple[IPv6Interface, ...]:
    """The router's own address (``::1``) in this LAN's /64 of every prefix that the lines were given."""
    if not lan.ipv6:
        return ()
    addresses = []
    for line in lines(config, facts):
        if line.prefix6 is None or line.prefix6.prefixlen > 64 or lan.subnet_id >> (64 - line.prefix6.prefixlen):
            continue
        network = int(line.prefix6.network_address) + (lan.subnet_id << 64)
        addresses.append(IPv6Interface((network + 1, 64)))
    return tuple(addresses)


def lan_networks4(config: Config) -> tuple[IPv4Network, ...]:
    return tuple(sorted(lan_address(lan).network for lan in config.lans.values()))


def lan_of(config: Config, line: Line) -> str | None:
    """The LAN whose addresses a line was given, if it was."""
    own = line.address4.network if line.address4 else None
    return next((n for n, lan in sorted(config.lans.items()) if own and own.overlaps(lan_address(lan).network)), None)


def lan_networks6(config: Config, facts: Facts) -> tuple[IPv6Network, ...]:
    """The LANs' /64s, from delegated prefixes."""
    found = {a.network for lan in config.lans.values() for a in lan_addresses6(config, facts, lan)}
    return tuple(sorted(found))


def zone_devices(config: Config) -> dict[str, list[str]]:
    """The devices that carry each zone's traffic."""
    devices: dict[str, list[str]] = {name: [] for name in sorted(config.zones)}
    for name, lan in sorted(config.lans.items()):
        devices[lan.zone].append(bridge(name))
    for _, wan in sorted(config.wans.items()):
        if wan.enabled:
            devices[wan.zone].append(line_device(wan))
    return devices


def _interface4(text: str | None) -> IPv4Interface | None:
    value = ip_interface(text) if text else None
    return value if isinstance(value, IPv4Interface) else None


def _interface6(text: str | None) -> IPv6Interface | None:
    value = ip_interface(text) if text else None
    return value if isinstance(value, IPv6Interface) else None


def _network6(text: str | None) -> IPv6Network | None:
    value = ip_network(text, strict=False) if text else None
    return value if isinstance(value, IPv6Network) else None
