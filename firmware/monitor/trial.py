"""Tries an application that is not yet made on the live connections: which would be it?"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from firmware.model.plan import CustomApplication, CustomPattern

Row = dict[str, Any]


def matching(application: CustomApplication, flows: Iterable[Row]) -> list[Row]:
    """Those of ``flows`` (as the verb ``flows`` has them) that have one of the application's signs, with the sign."""
    networks = [ip_network(text) for text in application.networks]
    found = []
    for flow in flows:
        sign = _sign(application, networks, flow)
        if sign:
            found.append({**flow, "sign": sign})
    return found


def _sign(application: CustomApplication, networks: list[IPv4Network | IPv6Network], flow: Row) -> str:
    """The first sign that holds, in the order in which the fastpath asks: name, bytes, address, port."""
    host = flow["host"].lower()
    for domain in application.domains:
        if host == domain or host.endswith("." + domain):
            return domain
    for pattern in application.patterns:
        if _has_bytes(pattern, flow):
            return pattern.hex
    server, _, port = flow["b"].rpartition(":")
    address = ip_address(server.strip("[]"))
    for network in networks:
        if address.version == network.version and address in network:
            return str(network)
    for low, high in application.ports:
        if flow["transport"] in ("tcp", "udp") and low <= int(port) <= high:
            return str(port)
    return ""


def _has_bytes(pattern: CustomPattern, flow: Row) -> bool:
    """Either side's first bytes; of a longer payload only what was kept can be compared, so its length is not."""
    if flow["transport"] != pattern.transport:
        return False
    wanted = [pattern.hex[at : at + 2] for at in range(0, len(pattern.hex), 2)]
    for opening in flow["opening"]:
        start = 2 * pattern.offset
        there = [opening[at : at + 2] for at in range(start, start + 2 * len(wanted), 2)]
        if all(byte and want in ("??", byte) for want, byte in zip(wanted, there, strict=True)):
            return True
    return False
