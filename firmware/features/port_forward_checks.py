"""What can be wrong with port forwards."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, ip_interface

from firmware.features.problems import problem, unknown, unreadable
from firmware.model.config import Config, PortForward
from firmware.model.facts import Facts
from firmware.model.problem import Problem
from firmware.model.values import parse_address, parse_ports

_MOVED_MAX = 1024  # each port of a moved range is an element of the map
_BOX_PORTS = {"ssh": (22,), "web": (80, 443)}


def verify(config: Config, facts: Facts) -> list[Problem]:
    problems: list[Problem] = []
    spans: dict[str, tuple[int, int]] = {}
    for name, forward in sorted(config.port_forwards.items()):
        path = ("port_forwards", name)
        if forward.wan is not None and forward.wan not in config.wans:
            message = "There is no line %(value)s."
            problems.append(unknown(*path, "wan", value=forward.wan, known=config.wans, message=message))
        problems += _verify_target(config, name, forward)
        span, wrong = unreadable(
            parse_ports,
            forward.ports,
            *path,
            "ports",
            message="These are no ports.",
            remedy="Write one port as 443 or a range as 8000-8010, the smaller number first, up to 65535.",
        )
        problems += wrong
        if span is not None:
            spans[name] = span
            problems += _verify_span(config, name, forward, span)
    return problems + _verify_clashes(config, spans)


def _verify_target(config: Config, name: str, forward: PortForward) -> list[Problem]:
    path = ("port_forwards", name, "to_address")
    address, problems = unreadable(
        parse_address,
        forward.to_address,
        *path,
        message="This is no address.",
        remedy="Write the address of a host in a LAN.",
    )
    if not isinstance(address, IPv4Address):
        return problems  # where IPv6 hosts are is decided by the provider's prefix
    interfaces = [i for i in map(_lan_interface, (lan.address for lan in config.lans.values())) if i]
    if any(address == interface.ip for interface in interfaces):
        message = "The target is the router itself."
        remedy = "Name a host in a LAN; the router's own services are opened by the zone's services."
        problems.append(problem(*path, value=address, message=message, remedy=remedy))
    elif not any(address in interface.network for interface in interfaces):
        message = "The target is in none of the LANs."
        problems.append(problem(*path, value=address, message=message, remedy="Name a host in a LAN."))
    return problems


def _lan_interface(text: str) -> IPv4Interface | None:
    try:
        interface = ip_interface(text)
    except ValueError:
        return None
    return interface if isinstance(interface, IPv4Interface) else None


def _verify_span(config: Config, name: str, forward: PortForward, span: tuple[int, int]) -> list[Problem]:
    problems = []
    first, last = span
    path = ("port_forwards", name)
    if forward.to_port is not None:
        if ":" in forward.to_address and forward.to_port != first:
            message = "Towards an IPv6 host ports cannot be changed."
            problems.append(problem(*path, "to_port", value=forward.to_port, message=message, remedy="Remove to_port."))
        if forward.to_port + last - first > 65535:
            message = "The target's ports would end beyond 65535."
            problems.append(
                problem(*path, "to_port", value=forward.to_port, message=message, remedy="Begin at a smaller port.")
            )
        if last - first >= _MOVED_MAX:
            message = "So many ports cannot be moved to other numbers."
            remedy = "Move at most %(limit)s ports, or remove to_port to keep the numbers."
            problems.append(
                problem(*path, "ports", value=forward.ports, message=message, remedy=remedy, limit=_MOVED_MAX)
            )
    wans = [config.wans[forward.wan]] if forward.wan in config.wans else list(config.wans.values())
    services = {service for wan in wans if wan.zone in config.zones for service in config.zones[wan.zone].services}
    for service, ports in _BOX_PORTS.items():
        taken = next((port for port in ports if first <= port <= last), None)
        if service in services and taken and forward.protocol != "udp" and ":" not in forward.to_address:
            message = "Port %(port)s is the box's own (%(service)s), which the line's zone offers."
            remedy = "Use another port, or take the service out of the zone."
            found = problem(
                *path, "ports", value=forward.ports, message=message, remedy=remedy, port=taken, service=service
            )
            problems.append(found)
    return problems


def _verify_clashes(config: Config, spans: dict[str, tuple[int, int]]) -> list[Problem]:
    """Two forwards of the same port of the same line. Sorted by port, so that only neighbours are compared."""
    problems = []
    open_forwards: list[str] = []
    for name in sorted(spans, key=lambda name: (spans[name][0], name)):
        forward = config.port_forwards[name]
        if not forward.enabled or ":" in forward.to_address:
            continue
        open_forwards = [other for other in open_forwards if spans[other][1] >= spans[name][0]]
        for other in open_forwards:
            if _share_a_line(forward, config.port_forwards[other]):
                message = "Port forward %(other)s has some of these ports already."
                remedy = "Choose other ports, or remove one of the two."
                path = ("port_forwards", name, "ports")
                problems.append(problem(*path, value=forward.ports, message=message, remedy=remedy, other=other))
        open_forwards.append(name)
    return problems


def _share_a_line(one: PortForward, two: PortForward) -> bool:
    same_line = one.wan is None or two.wan is None or one.wan == two.wan
    return same_line and ("both" in (one.protocol, two.protocol) or one.protocol == two.protocol)
