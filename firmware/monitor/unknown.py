"""Live traffic that has no name yet, by where it goes: what an admin, or headquarters, can give one.

Nothing is remembered for it: each question reads the live connections once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from firmware.monitor.numbering import UNKNOWN

# What says how something talks and not what it is.
CARRIERS = ("tls", "quic", "http", "http2", "dtls", "websocket")
HOSTS_SHOWN = 8
_SECOND_LEVEL = {"com", "net", "org", "gov", "edu", "co", "ac", "or", "ne", "go"}

Row = dict[str, Any]


@dataclass
class _Sum:
    largest: Row
    flows: int = 0
    up_bytes: int = 0
    down_bytes: int = 0
    hosts: set[str] = field(default_factory=set)

    def add(self, flow: Row) -> None:
        self.flows += 1
        self.up_bytes += flow["up_bytes"]
        self.down_bytes += flow["down_bytes"]
        if flow["lan_host"]:
            self.hosts.add(flow["lan_host"])
        # Of two, the one that says more about itself.
        if (any(flow["opening"]), _bytes(flow)) > (any(self.largest["opening"]), _bytes(self.largest)):
            self.largest = flow


def site_of(host: str) -> str:
    """The part of a host name that somebody registered: the last two labels, three below ``com.cn`` and its like."""
    labels = host.strip("[]").split(".")
    if len(labels) < 2 or labels[-1].isdigit() or ":" in host:
        return host
    is_deep = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL
    return ".".join(labels[-3 if is_deep else -2 :])


def unknown_traffic(flows: Iterable[Row], limit: int) -> list[Row]:
    """Rows of ``flows`` (as the verb ``flows`` has them) summed by site, else by server and port; the largest first."""
    sums: dict[tuple[str, ...], _Sum] = {}
    for flow in flows:
        site, server, port = _place(flow)
        key = (flow["application"], flow["transport"], port, site or server)
        if key not in sums:
            sums[key] = _Sum(flow)
        sums[key].add(flow)
    rows = [_row(key, found) for key, found in sums.items()]
    return sorted(rows, key=lambda row: -(row["up_bytes"] + row["down_bytes"]))[:limit]


def _place(flow: Row) -> tuple[str, str, str]:
    """Site ("" where no name was seen), server and port."""
    server, _, port = flow["b"].rpartition(":")
    return site_of(flow["host"]) if flow["host"] else "", server.strip("[]"), port


def _row(key: tuple[str, ...], found: _Sum) -> Row:
    flow = found.largest
    site, server, port = _place(flow)
    return {
        "application": key[0] or UNKNOWN,
        "protocol": flow["protocol"],
        "transport": key[1],
        "port": int(port or 0),
        "site": site,
        "host": flow["host"],
        "server": server,
        "flows": found.flows,
        "up_bytes": found.up_bytes,
        "down_bytes": found.down_bytes,
        "hosts": sorted(found.hosts)[:HOSTS_SHOWN],
        "opening": flow["opening"],
        "ja4": flow["ja4"],
        "confidence": flow["confidence"],
    }


def _bytes(flow: Row) -> int:
    return int(flow["up_bytes"] + flow["down_bytes"])
