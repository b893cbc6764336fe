"""The ports of the box: that each is there and used once, and their own settings."""

from __future__ import annotations

from collections.abc import Iterator

from firmware.features.part import Part
from firmware.features.problems import problem, unknown, unreadable
from firmware.model.config import Config, Interface
from firmware.model.facts import Facts
from firmware.model.plan import Link
from firmware.model.problem import Problem
from firmware.model.values import parse_mac


def verify(config: Config, facts: Facts) -> list[Problem]:
    problems: list[Problem] = []
    for name, interface in config.interfaces.items():
        if name not in facts.ports:
            problems.append(_no_such_port("interfaces", name, value=name, facts=facts))
            continue
        limit = facts.ports[name].mtu_max
        if interface.mtu is not None and interface.mtu > limit:
            problems.append(
                problem(
                    "interfaces",
                    name,
                    "mtu",
                    value=interface.mtu,
                    message="The port cannot send packets of this size.",
                    remedy="Use at most %(limit)s.",
                    limit=limit,
                )
            )
    return problems + _verify_macs(config) + _verify_uses(config, facts)


def render(config: Config, facts: Facts) -> Part:
    """Links of the ports that no LAN and no WAN uses; those others come with their LAN or WAN."""
    used = {port for _, port, _ in _uses(config)}
    links = [port_link(config, name) for name in config.interfaces if name not in used]
    return Part(links=tuple(links))


def port_link(config: Config, name: str, master: str | None = None, addresses: tuple[str, ...] = ()) -> Link:
    """A port with its own settings, in a bridge or with addresses."""
    own = config.interfaces.get(name, Interface())
    mac = parse_mac(own.mac) if own.mac else None
    return Link(
        name=name, kind="port", up=own.enabled, mtu=own.mtu, mac=mac, master=master, addresses=tuple(sorted(addresses))
    )


def _uses(config: Config) -> Iterator[tuple[tuple[str, ...], str, int | None]]:
    """Where ports are used: the path, the port, and the VLAN of it that is."""
    for name, lan in sorted(config.lans.items()):
        for index, port in enumerate(lan.ports):
            yield ("lans", name, "ports", str(index)), port, None
    for name, wan in sorted(config.wans.items()):
        yield ("wans", name, "interface"), wan.interface, wan.vlan


def _verify_uses(config: Config, facts: Facts) -> list[Problem]:
    problems = []
    first_use: dict[tuple[str, int | None], tuple[str, ...]] = {}
    for path, port, vlan in _uses(config):
        if port not in facts.ports:
            problems.append(_no_such_port(*path, value=port, facts=facts))
        other = first_use.setdefault((port, vlan), path)
        if other != path:
            is_line = path[0] == other[0] == "wans"
            problems.append(
                problem(
                    *path,
                    value=port if vlan is None else f"{port}, VLAN {vlan}",
                    message="The port is used twice; %(other)s has it already.",
                    remedy="Give the lines different VLANs, or different ports."
                    if is_line
                    else "Take it out of one of the two.",
                    other=".".join(other[:2]),
                )
            )
    return problems


def _verify_macs(config: Config) -> list[Problem]:
    problems = []
    owner: dict[str, str] = {}
    for name, interface in sorted(config.interfaces.items()):
        if interface.mac is None:
            continue
        path = ("interfaces", name, "mac")
        mac, wrong = unreadable(
            parse_mac,
            interface.mac,
            *path,
            message="This is no MAC address of a device.",
            remedy="Write it as 02:00:5e:10:00:01; the first byte is even.",
        )
        problems += wrong
        if mac is not None and owner.setdefault(mac, name) != name:
            problems.append(
                problem(
                    *path,
                    value=mac,
                    message="%(other)s has the same MAC address.",
                    remedy="Give each its own, or remove one.",
                    other=owner[mac],
                )
            )
    return problems


def _no_such_port(*path: str, value: str, facts: Facts) -> Problem:
    return unknown(*path, value=value, known=facts.ports, message="The box has no port %(value)s.")
