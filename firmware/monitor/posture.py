"""How much of the traffic cannot be seen into, and of which kinds it is: the page "What stays hidden"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from firmware.monitor.numbering import UNKNOWN
from firmware.monitor.unknown import CARRIERS

ENCRYPTED_DNS = ("doh_dot", "dnscrypt")
TUNNEL_CATEGORY = "vpn"
# Outer names of encrypted ClientHellos (RFC 9849): the true name is not seen.
ECH_HOSTS = ("cloudflare-ech.com",)
KINDS = ("named", "nameless", "encrypted_dns", "tunnel", "suspected", "unknown")

Row = dict[str, Any]


def kind_of(application: str, category: str, suspected: Iterable[str]) -> str:
    """Which of ``KINDS`` an application's traffic counts to."""
    if application == UNKNOWN:
        return "unknown"
    if application in suspected:
        return "suspected"
    if application in CARRIERS:
        return "nameless"
    if application in ENCRYPTED_DNS:
        return "encrypted_dns"
    return "tunnel" if category == TUNNEL_CATEGORY else "named"


def without(whole: Iterable[Row], part: Iterable[Row]) -> list[Row]:
    """Usage less that of a part of it."""
    taken = {row["key"]: row for row in part}
    names = ("up_bytes", "down_bytes")
    return [
        {**row, **{name: max(0, row[name] - taken[row["key"]][name]) for name in names}} if row["key"] in taken else row
        for row in whole
    ]


def posture(usage: Iterable[Row], live: Iterable[Row], category: Mapping[str, str], suspected: Iterable[str]) -> Row:
    """Bytes by kind from ``usage`` (by application), and of the ``live`` connections those under an outer name."""
    hidden = frozenset(suspected)
    sums = dict.fromkeys(KINDS, 0)
    applications: dict[str, list[tuple[int, str]]] = {kind: [] for kind in KINDS}
    for row in usage:
        kind = kind_of(row["key"], category.get(row["key"], "other"), hidden)
        amount = row["up_bytes"] + row["down_bytes"]
        sums[kind] += amount
        applications[kind].append((amount, row["key"]))
    outer = [flow for flow in live if flow["host"] in ECH_HOSTS]
    return {
        "parts": [
            {
                "kind": kind,
                "bytes": sums[kind],
                "applications": [name for _, name in sorted(applications[kind], reverse=True)[:5]],
            }
            for kind in KINDS
        ],
        "ech": {"connections": len(outer), "bytes": sum(flow["up_bytes"] + flow["down_bytes"] for flow in outer)},
    }
