"""Compiles ``fastpath/apps/*.yaml``: ``apps.bin`` (mapped by C), ``apps.json`` (names), ``apps.rsapps`` (bundle.py).

The layout is described in ``fastpath/src/apps.h``. Applications are numbered from 1 in the order of their ids. YAML is
needed here only, at build time. ``order`` is struct's sign for the byte order of the machine that maps it: "=" the one
that compiles, "<" or ">".
"""

from __future__ import annotations

import itertools
import re
import struct
import sys
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

MAGIC = b"RSAPPSDB"
VERSION = 1
BYTE_ORDER = 0x01020304
APPS_MAX = 4095
ID_SIZE = 32
BUNDLE_NAME = "apps.rsapps"
CATEGORIES = {
    "im": ("即时通讯", "Instant messaging"),
    "video": ("视频", "Video"),
    "live": ("直播", "Live streaming"),
    "music": ("音乐", "Music"),
    "game": ("游戏", "Games"),
    "stock": ("股票证券", "Stock trading"),
    "p2p": ("P2P 下载", "Peer to peer"),
    "download": ("下载与更新", "Downloads"),
    "social": ("社交", "Social networks"),
    "shopping": ("购物", "Shopping"),
    "mail": ("邮件", "Mail"),
    "office": ("办公", "Office"),
    "meeting": ("会议与通话", "Meetings and calls"),
    "remote": ("远程控制", "Remote access"),
    "vpn": ("VPN 与代理", "VPN and proxies"),
    "cloud": ("云服务", "Cloud"),
    "news": ("新闻", "News"),
    "search": ("搜索", "Search"),
    "web": ("网页浏览", "Web"),
    "ai": ("人工智能", "AI"),
    "payment": ("支付与银行", "Payment and banking"),
    "network": ("网络协议", "Network protocols"),
    "iot": ("物联网与工控", "Internet of things"),
    "education": ("教育", "Education"),
    "ads": ("广告与统计", "Advertising"),
    "adult": ("成人内容", "Adult content"),
    "threat": ("威胁", "Threats"),
    "system": ("系统", "System"),
    "other": ("其他", "Other"),
}
SIGNS = ("domains", "ports", "networks", "patterns")
_KEYS = {"id", "name", "category", "market", "source", "suspected", *SIGNS}
_TRANSPORTS = {"tcp": 6, "udp": 17}
_HEADER = struct.Struct("=8s4I8I258I")
_ID = re.compile(rf"[a-z0-9_.-]{{1,{ID_SIZE - 1}}}")
_DOMAIN = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")


class AppsError(ValueError):
    """The data contradicts itself; the message has every problem, one a line."""


@dataclass
class _Strings:
    """Texts and bytes by offset, each stored once."""

    data: bytearray = field(default_factory=lambda: bytearray(b"\0"))
    seen: dict[bytes, int] = field(default_factory=dict)

    def add(self, value: bytes) -> int:
        if value not in self.seen:
            self.seen[value] = len(self.data)
            self.data += value
        return self.seen[value]


def load(folder: Path) -> list[dict[str, Any]]:
    """All applications of the folder, sorted by id; one id in several files is one application with all their signs."""
    import yaml

    apps: dict[str, dict[str, Any]] = {}
    problems: list[str] = []
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is ten times faster
    for path in sorted(folder.glob("*.yaml")):
        for entry in yaml.load(path.read_text(encoding="utf-8"), Loader=loader) or []:  # noqa: S506 (both are safe)
            problems += [f"{path.name}: {p}" for p in entry_problems(entry)]
            app = apps.setdefault(str(entry.get("id")), {**entry, **{sign: [] for sign in SIGNS}})
            for key in SIGNS:
                app[key] += entry.get(key) or []
    if problems:
        raise AppsError("\n".join(problems))
    return sorted(apps.values(), key=lambda app: app["id"].encode())


def entry_problems(entry: Mapping[str, Any]) -> Iterable[str]:
    """What is wrong with one entry by itself."""
    app = entry.get("id")
    if not isinstance(app, str) or not _ID.fullmatch(app):
        yield f"id {app!r} is not 1..{ID_SIZE - 1} letters in lower case, digits, _, . and -"
    if unknown := set(entry) - _KEYS:
        yield f"{app}: unknown keys {sorted(unknown)}"
    if not {"zh", "en"} <= set(entry.get("name") or {}):
        yield f"{app}: a name in zh and en is needed"
    if entry.get("category") not in CATEGORIES:
        yield f"{app}: category {entry.get('category')!r} does not exist"
    for domain in entry.get("domains") or []:
        if not isinstance(domain, str) or not _DOMAIN.fullmatch(domain) or len(domain) > 253:
            yield f"{app}: {domain!r} is not a domain name in lower case"


def _hash(domain: bytes) -> int:
    value = 2166136261
    for byte in reversed(domain):
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return value


def _domains(apps: Sequence[Mapping[str, Any]], strings: _Strings, order: str) -> tuple[int, bytes]:
    owner: dict[str, int] = {}
    problems = []
    for number, app in enumerate(apps, 1):
        for domain in app["domains"]:
            if owner.setdefault(domain, number) != number:
                problems.append(f"domain {domain} belongs to {apps[owner[domain] - 1]['id']} and to {app['id']}")
    if problems:
        raise AppsError("\n".join(problems))
    slots = 16
    while slots < 2 * len(owner):
        slots *= 2
    table: list[tuple[int, int, int, int]] = [(0, 0, 0, 0)] * slots
    for domain, number in sorted(owner.items()):
        text = domain.encode()
        value = _hash(text)
        at = value & slots - 1
        while table[at][2]:
            at = at + 1 & slots - 1
        table[at] = (value, strings.add(text), len(text), number)
    return slots, b"".join(struct.pack(f"{order}IIHH", *slot) for slot in table)


def _ports(apps: Sequence[Mapping[str, Any]], order: str) -> tuple[int, bytes]:
    ranges = []
    for number, app in enumerate(apps, 1):
        for port in app["ports"]:
            transport, _, numbers = str(port).partition("/")
            low, _, high = numbers.partition("-")
            if transport not in _TRANSPORTS or not 0 < int(low) <= int(high or low) < 65536:
                raise AppsError(f"{app['id']}: {port!r} is not tcp/N, udp/N or tcp/N-M")
            ranges.append((_TRANSPORTS[transport], int(low), int(high or low), number))
    ranges.sort()
    for one, two in itertools.pairwise(ranges):
        if one[0] == two[0] and two[1] <= one[2]:
            raise AppsError(f"port {two[1]} belongs to {apps[one[3] - 1]['id']} and to {apps[two[3] - 1]['id']}")
    rows = (struct.pack(f"{order}HHBBH", low, high, transport, 0, n) for transport, low, high, n in ranges)
    return len(ranges), b"".join(rows)


def _networks(apps: Sequence[Mapping[str, Any]], version: int) -> list[tuple[int, int, int]]:
    """Disjoint (first, last, application): within a network, a longer prefix of another application wins."""
    bits = 32 if version == 4 else 128
    prefixes = []
    for number, app in enumerate(apps, 1):
        for text in app["networks"]:
            network = ip_network(text)
            if network.version == version:
                first = int(network.network_address)
                prefixes.append((first, first + (1 << bits - network.prefixlen) - 1, number))
    prefixes.sort(key=lambda p: (p[0], -p[1]))
    out: list[tuple[int, int, int]] = []
    stack: list[tuple[int, int]] = []  # (last, application) of the networks that enclose the place
    place = 0

    def emit(last: int) -> None:
        nonlocal place
        if stack and place <= last:
            out.append((place, last, stack[-1][1]))
        place = max(place, last + 1)

    for first, last, number in prefixes:
        while stack and stack[-1][0] < first:
            emit(stack[-1][0])
            stack.pop()
        emit(first - 1)
        place = max(place, first)
        stack.append((last, number))
    while stack:
        emit(stack[-1][0])
        stack.pop()
    return out


def _hex(text: str) -> tuple[bytes, bytes]:
    """Bytes and mask of ``16 03 ?? 0f``."""
    digits = text.replace(" ", "")
    pairs = [digits[i : i + 2] for i in range(0, len(digits), 2)]
    return (
        bytes(0 if pair == "??" else int(pair, 16) for pair in pairs),
        bytes(0 if pair == "??" else 255 for pair in pairs),
    )


def _patterns(apps: Sequence[Mapping[str, Any]], strings: _Strings, order: str) -> tuple[list[int], bytes]:
    rows = []
    for number, app in enumerate(apps, 1):
        for pattern in app["patterns"]:
            if unknown := set(pattern) - {"transport", "offset", "hex", "length"}:
                raise AppsError(f"{app['id']}: unknown keys {sorted(unknown)} in a pattern")
            value, mask = _hex(str(pattern["hex"]))
            if mask.count(255) < 3:
                raise AppsError(f"{app['id']}: pattern {pattern['hex']!r} fixes less than three bytes")
            offset = int(pattern.get("offset", 0))
            bucket = value[0] if offset == 0 and mask[0] == 255 else 256
            rows.append((bucket, -mask.count(255), number, offset, value, mask, int(pattern.get("length", 0)),
                         _TRANSPORTS[pattern["transport"]]))  # fmt: skip
    rows.sort()
    buckets = [sum(row[0] < bucket for row in rows) for bucket in range(258)]
    row_of = struct.Struct(f"{order}IIHHHHB3x")
    body = b"".join(
        row_of.pack(strings.add(value), strings.add(mask), offset, len(value), number, exact, transport)
        for _, _, number, offset, value, mask, exact, transport in rows
    )
    return buckets, body


def _pad(data: bytes) -> bytes:
    return data + bytes(-len(data) % 8)


def compile_apps(apps: Sequence[Mapping[str, Any]], order: str = "=") -> bytes:
    """The database as bytes; raises :class:`AppsError`."""
    if len(apps) > APPS_MAX:
        raise AppsError(f"{len(apps)} applications: at most {APPS_MAX}")
    strings = _Strings()
    records = b"".join(
        struct.pack(
            f"{order}II", strings.add(app["id"].encode() + b"\0"), strings.add(app["category"].encode() + b"\0")
        )
        for app in apps
    )
    slots, domains = _domains(apps, strings, order)
    ports_count, ports = _ports(apps, order)
    v4 = _networks(apps, 4)
    v6 = _networks(apps, 6)
    buckets, patterns = _patterns(apps, strings, order)
    body = b"".join(map(_pad, (
        records, domains, ports,
        b"".join(struct.pack(f"{order}IIHH", *row, 0) for row in v4),
        b"".join(a.to_bytes(16, "big") + b.to_bytes(16, "big") + struct.pack(f"{order}HH", n, 0) for a, b, n in v6),
        patterns, bytes(strings.data),
    )))  # fmt: skip
    ids = b"".join(app["id"].encode() + b"\0" for app in apps)
    counts = (len(apps), slots, ports_count, len(v4), len(v6), buckets[-1], len(strings.data))
    header = [zlib.crc32(ids), *counts, *buckets]
    length = (_HEADER.size + 7 & ~7) + len(body)
    rest = struct.pack(f"{order}266I", *header) + bytes(-_HEADER.size % 8) + body
    return struct.pack(f"{order}8s4I", MAGIC, VERSION, BYTE_ORDER, length, zlib.crc32(rest)) + rest


def extend(apps: Sequence[Mapping[str, Any]], own: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The database with the admin's own applications after it; what they claim is no longer another's."""
    domains = {domain for app in own for domain in app["domains"]}
    networks = {ip_network(network) for app in own for network in app["networks"]}
    ports = [_port_range(port) for app in own for port in app["ports"]]

    def is_free(port: str) -> bool:
        transport, low, high = _port_range(port)
        return not any(transport == t and low <= last and first <= high for t, first, last in ports)

    kept = (
        {
            **app,
            "domains": [domain for domain in app["domains"] if domain not in domains],
            "networks": [network for network in app["networks"] if ip_network(network) not in networks],
            "ports": [port for port in app["ports"] if is_free(port)],
        }
        for app in apps
    )
    return [*kept, *own]


def _port_range(port: str) -> tuple[str, int, int]:
    transport, _, numbers = str(port).partition("/")
    low, _, high = numbers.partition("-")
    return transport, int(low), int(high or low)


def describe(apps: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What ``apps.json`` holds: applications in number order (the first is 1), and the categories."""
    return {
        "applications": [
            {
                "id": app["id"],
                "name_zh": app["name"]["zh"],
                "name_en": app["name"]["en"],
                "category": app["category"],
                **({"suspected": True} if app.get("suspected") else {}),
            }
            for app in apps
        ],
        "categories": [{"id": key, "name_zh": zh, "name_en": en} for key, (zh, en) in CATEGORIES.items()],
    }


def main(arguments: Sequence[str]) -> int:
    """``appdb.py SOURCE_FOLDER TARGET_FOLDER [big|little]``."""
    from fastpath.binding import bundle

    source, target = Path(arguments[0]), Path(arguments[1])
    order = {"big": ">", "little": "<"}[arguments[2]] if len(arguments) > 2 else "="
    try:
        unsigned = bundle.write(load(source), (source / "VERSION").read_text().strip())
        bundle.compile_bundle(bundle.read(unsigned), (), target, order)
    except (AppsError, bundle.BundleError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    # What the box compiles anew, without YAML, where the admin has made applications of his own.
    (target / BUNDLE_NAME).write_bytes(unsigned)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
