"""The ports of one box as those of another: which is which, and a configuration with other ports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from firmware.model.config import Config
from firmware.model.problem import ConfigError, Problem

Ports = Sequence[tuple[str, str]]  # name and MAC, in the box's order


def used_ports(config: Config) -> list[str]:
    """The ports that a configuration speaks of, lines' and LANs' first."""
    names = [wan.interface for wan in config.wans.values()]
    names += [port for lan in config.lans.values() for port in lan.ports]
    return list(dict.fromkeys([*names, *config.interfaces]))


def propose(old: Ports, new: Ports) -> dict[str, str]:
    """Old port -> new port: by MAC, then by name, then in order, none of the new ones twice.

    An old port for which none is left is missing in the result.
    """
    found: dict[str, str] = {}

    def pair(one: str, other: str) -> None:
        if one not in found and other not in found.values():
            found[one] = other

    by_mac = {mac.lower(): name for name, mac in new if mac}
    names = {name for name, _ in new}
    for name, mac in old:
        if mac.lower() in by_mac:
            pair(name, by_mac[mac.lower()])
    for name, _ in old:
        if name in names:
            pair(name, name)
    left = [name for name, _ in new if name not in found.values()]
    for (name, _), other in zip([item for item in old if item[0] not in found], left, strict=False):
        pair(name, other)
    return found


def check(mapping: Mapping[str, str], old: Sequence[str], new: Sequence[str]) -> list[Problem]:
    """What is wrong with a mapping: ports that are not there, and ports that are given twice."""
    problems, owner = [], dict[str, str]()
    for name, other in mapping.items():
        path = f"map.{name}"
        if name not in old:
            message, remedy = "The backup has no port %(port)s.", "Use one of: %(known)s."
            problems.append(_problem(path, name, message, remedy, port=name, known=", ".join(old)))
        elif other not in new:
            message, remedy = "This router has no port %(port)s.", "Use one of: %(known)s."
            problems.append(_problem(path, other, message, remedy, port=other, known=", ".join(new)))
        elif other in owner:
            message = "The port %(port)s is given to %(first)s and to %(second)s."
            remedy = "Give each port of this router once."
            problems.append(_problem(path, other, message, remedy, port=other, first=owner[other], second=name))
        else:
            owner[other] = name
    return problems


def remap(config: Config, mapping: Mapping[str, str]) -> Config:
    """The configuration with other ports. What a port without a counterpart was set to is left out of LANs.

    Raises ConfigError when a line would have no port, or a LAN none at all.
    """
    problems = []
    for name, wan in config.wans.items():
        if wan.interface not in mapping:
            message = "The line %(line)s lies on the port %(port)s, which has no counterpart here."
            remedy = "Give %(port)s a port of this router, or restore without the lines."
            problems.append(_problem(f"map.{wan.interface}", "", message, remedy, line=name, port=wan.interface))
    for name, lan in config.lans.items():
        if lan.ports and not any(port in mapping for port in lan.ports):
            message = "None of the ports of the LAN %(lan)s has a counterpart here."
            remedy = "Give %(port)s a port of this router, or restore without the local networks."
            problems.append(_problem(f"map.{lan.ports[0]}", "", message, remedy, lan=name, port=lan.ports[0]))
    if problems:
        raise ConfigError(problems)
    replace = msgspec.structs.replace
    return replace(
        config,
        interfaces={mapping[name]: item for name, item in config.interfaces.items() if name in mapping},
        wans={name: replace(wan, interface=mapping[wan.interface]) for name, wan in config.wans.items()},
        lans={
            name: replace(lan, ports=tuple(mapping[port] for port in lan.ports if port in mapping))
            for name, lan in config.lans.items()
        },
    )


def _problem(path: str, value: str, message: str, remedy: str, **params: str) -> Problem:
    return Problem(path=path, value=value, message=message, remedy=remedy, params=params)
