"""Compiles the policy table: groups, rows and applications to the bytes that ``rs_policy_open`` loads.

The layout is described in ``fastpath/src/policy.h``. Ranges of all groups become disjoint intervals, each with the set
of groups that hold there; equal sets are stored once, so neither many groups nor many rows make a lookup slower.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_network
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any, Protocol

MAGIC = b"RSPOLICY"
VERSION = 1
BYTE_ORDER = 0x01020304
APPS_MAX = 4095
ROWS_MAX = 65534
GENERATIONS = 64
ACTIONS = {"allow": 0, "block": 1, "normal": 0, "first": 1}
Intervals = list[tuple[int, int]]  # (start or MAC, number of the group set)
_V4_MAPPED = bytes(10) + b"\xff\xff"
_HEAD = struct.Struct("=8s4I")
_COUNTS = struct.Struct("=14I")


class Group(Protocol):
    @property
    def ranges(self) -> Iterable[tuple[str, str]]: ...
    @property
    def macs(self) -> Iterable[str]: ...


class Row(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def action(self) -> str: ...
    @property
    def groups(self) -> Sequence[int]: ...
    @property
    def except_groups(self) -> Sequence[int]: ...
    @property
    def applications(self) -> Sequence[str]: ...
    @property
    def categories(self) -> Sequence[str]: ...
    @property
    def except_applications(self) -> Sequence[str]: ...


class Tables(Protocol):
    """What ``firmware.model.plan.FastpathTables`` offers."""

    @property
    def groups(self) -> Sequence[Group]: ...
    @property
    def rows(self) -> Sequence[Row]: ...
    @property
    def lanes(self) -> Sequence[Row]: ...
    @property
    def local_networks(self) -> Iterable[str]: ...
    @property
    def block_page_url(self) -> str: ...


def apps_crc(ids: Iterable[str]) -> int:
    """CRC-32 of the ids in number order, each with its NUL: the numbering that a table was built for."""
    return zlib.crc32(b"".join(i.encode() + b"\0" for i in ids))


def compile_policy(tables: Tables, apps: Mapping[str, str], generation: int = 0) -> bytes:
    """The table as bytes, and behind it that of lanes, where there are any.

    ``apps`` maps application id to category in the database's order (the first has number 1).

    Raises ValueError, saying which row, where a row names a group, application or category that does not exist.
    """
    if not 0 <= generation < GENERATIONS:
        raise ValueError(f"generation {generation} is not within 0..{GENERATIONS - 1}")
    lanes = _compile(tables, tables.lanes, apps, generation) if tables.lanes else b""
    return _compile(tables, tables.rows, apps, generation) + lanes


def _compile(tables: Tables, table_rows: Sequence[Row], apps: Mapping[str, str], generation: int) -> bytes:
    if len(apps) > APPS_MAX or len(table_rows) > ROWS_MAX:
        raise ValueError(f"{len(apps)} applications, {len(table_rows)} rows: at most {APPS_MAX} and {ROWS_MAX}")
    sets = _Interned([()])
    v4, v6, macs = _addresses(tables.groups, sets)
    rows, appsets = _rows(tables, table_rows, apps, sets)
    locals_ = _local_networks(tables.local_networks)
    url = tables.block_page_url.encode()
    words = len(apps) // 64 + 1

    starts, members = [0], []
    for one in sets:
        members.extend(one)
        starts.append(len(members))
    body = b"".join(
        (
            _u32(starts),
            _u32(members),
            _u32(start for start, _ in v4),
            _u32(number for _, number in v4),
            _pad(b"".join(start.to_bytes(16, "big") for start, _ in v6)),
            _u32(number for _, number in v6),
            _pad(struct.pack(f"={len(macs)}Q", *(mac for mac, _ in macs))),
            _u32(number for _, number in macs),
            b"".join(
                struct.pack(f"={words}Q", *(one >> 64 * w & (1 << 64) - 1 for w in range(words))) for one in appsets
            ),
            _u32(value for row in rows for value in row),
            b"".join(first + last for first, last in locals_),
            _pad(url + b"\0"),
        )
    )
    counts = _COUNTS.pack(
        generation,
        len(apps),
        apps_crc(apps),
        len(tables.groups),
        len(sets),
        len(members),
        len(v4),
        len(v6),
        len(macs),
        len(appsets),
        len(rows),
        len(locals_),
        len(url),
        0,
    )
    length = _HEAD.size + len(counts) + len(body)
    return _HEAD.pack(MAGIC, VERSION, BYTE_ORDER, length, zlib.crc32(counts + body)) + counts + body


def policy_categories(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Id -> category of the database's ``rows`` as policies see it, in the order of their numbers.

    What is only suspected belongs to no category: a category never blocks on a suspicion, only who names it does.
    """
    return {row["id"]: "" if row.get("suspected") else row["category"] for row in rows}


class _Interned(dict[Any, int]):
    """Numbers for values, in the order in which they were first seen."""

    def __init__(self, values: Iterable[Any]) -> None:
        super().__init__((value, number) for number, value in enumerate(values))

    def number(self, value: object) -> int:
        return self.setdefault(value, len(self))


def _u32(values: Iterable[int]) -> bytes:
    values = list(values)
    return _pad(struct.pack(f"={len(values)}I", *values))


def _pad(data: bytes) -> bytes:
    return data + bytes(-len(data) % 8)


def _mac_number(text: str) -> int:
    return int(text.replace(":", "").replace("-", ""), 16)


def _addresses(groups: Sequence[Group], sets: _Interned) -> tuple[Intervals, Intervals, Intervals]:
    """Interval tables of both families, and the MACs; each entry with the number of its group set."""
    v4: list[tuple[int, int]] = []
    v6: list[tuple[int, int]] = []
    by_mac: dict[int, list[int]] = {}
    for number, group in enumerate(groups):
        for first, last in group.ranges:
            family, edges, bits = (AF_INET6, v6, 128) if ":" in first else (AF_INET, v4, 32)
            low = int.from_bytes(inet_pton(family, first), "big")
            high = int.from_bytes(inet_pton(family, last), "big")
            if low > high:
                raise ValueError(f"range {first}-{last} ends before it starts")
            edges.append((low, number + 1))
            if high + 1 < 1 << bits:
                edges.append((high + 1, -number - 1))
        for mac in group.macs:
            members = by_mac.setdefault(_mac_number(mac), [])
            if number not in members:
                members.append(number)
    macs = [(mac, sets.number(tuple(sorted(members)))) for mac, members in sorted(by_mac.items())]
    return _intervals(v4, sets), _intervals(v6, sets), macs


def _intervals(edges: list[tuple[int, int]], sets: _Interned) -> Intervals:
    """(start, set number) of disjoint intervals from 0 on; an edge is (address, +group+1 or -group-1)."""
    edges.sort()
    open_ranges: dict[int, int] = {}
    table = [(0, 0)]
    at, total = 0, len(edges)
    while at < total:
        start = edges[at][0]
        while at < total and edges[at][0] == start:
            edge = edges[at][1]
            group = abs(edge) - 1
            depth = open_ranges.get(group, 0) + (1 if edge > 0 else -1)
            if depth:
                open_ranges[group] = depth
            else:
                del open_ranges[group]
            at += 1
        number = sets.number(tuple(sorted(open_ranges)))
        if start == table[-1][0]:
            table[-1] = (start, number)
        elif number != table[-1][1]:
            table.append((start, number))
    return table


def _rows(
    tables: Tables, table_rows: Sequence[Row], apps: Mapping[str, str], sets: _Interned
) -> tuple[list[tuple[int, int, int, int]], _Interned]:
    """Rows as set numbers, and the application sets as integers with bit n for application n (bit 0: unknown)."""
    bit = {app: 1 << number for number, app in enumerate(apps, 1)}
    categories: dict[str, int] = {}
    for app, category in apps.items():
        categories[category] = categories.get(category, 0) | bit[app]
    everything = (1 << len(apps) + 1) - 1
    appsets = _Interned(())
    rows = []
    for row in table_rows:
        try:
            named = sum({bit[app] for app in row.applications})
            for category in row.categories:
                named |= categories.get(category, 0)
            wanted = named if row.applications or row.categories else everything
            wanted &= ~sum({bit[app] for app in row.except_applications})
        except KeyError as error:
            raise ValueError(f"policy {row.name}: application {error.args[0]} is not in the database") from None
        for group in (*row.groups, *row.except_groups):
            if not 0 <= group < len(tables.groups):
                raise ValueError(f"policy {row.name}: there is no group number {group}")
        rows.append(
            (
                sets.number(tuple(sorted(set(row.groups)))),
                sets.number(tuple(sorted(set(row.except_groups)))),
                appsets.number(wanted),
                ACTIONS[row.action],
            )
        )
    return rows, appsets


def _local_networks(networks: Iterable[str]) -> list[tuple[bytes, bytes]]:
    """Disjoint, sorted (first, last) of 16 bytes; IPv4 as ``::ffff:a.b.c.d``."""
    spans: list[tuple[bytes, bytes]] = []
    for network in networks:
        parsed = ip_network(network, strict=False)
        prefix = _V4_MAPPED if parsed.version == 4 else b""
        spans.append((prefix + parsed.network_address.packed, prefix + parsed.broadcast_address.packed))
    merged: list[tuple[bytes, bytes]] = []
    for first, last in sorted(spans):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged
