"""Reading what a person writes: addresses, ranges, MACs, ports, times. Every reader raises ValueError on nonsense."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterable, Iterator
from datetime import datetime
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Literal, NamedTuple

_VERSIONS: tuple[Literal[4, 6], ...] = (4, 6)
_BITS = {4: 32, 6: 128}

Address = IPv4Address | IPv6Address
InterfaceAddress = IPv4Interface | IPv6Interface
Network = IPv4Network | IPv6Network

_MAC = re.compile(r"[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}")
_TIME = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])")
LIMITED_BROADCAST = IPv4Address("255.255.255.255")
ED25519_INFO = bytes.fromhex("302a300506032b6570032100")  # SubjectPublicKeyInfo before the key
PATTERN_LEAST, PATTERN_MAX = 3, 32  # bytes of a signature: fixed ones, all
_PATTERN = re.compile(r"([0-9a-f]{2}|\?\?)+")
_DSCP = {"ef": 46, "voice-admit": 44, "be": 0}
_LABEL = re.compile(r"(?!-)[a-zA-Z0-9_-]{1,63}(?<!-)")


class Range(NamedTuple):
    """Addresses of one family, both ends inclusive, as integers (they sort, merge and compare fast)."""

    version: Literal[4, 6]
    first: int
    last: int


class Mac(NamedTuple):
    text: str


Member = Range | Mac


def _clean(text: str) -> str:
    if "%" in text or text != text.strip():  # ipaddress takes scopes such as fe80::1%eth0
        raise ValueError(text)
    return text


def parse_address(text: str) -> Address:
    return ip_address(_clean(text))


def parse_interface(text: str) -> InterfaceAddress:
    """An address with its prefix length, ``192.168.8.1/24``; the length is not optional."""
    if "/" not in text:
        raise ValueError(text)
    return ip_interface(_clean(text))


def can_be_gateway(gateway: Address, own: InterfaceAddress) -> bool:
    """Whether packets can be handed to ``gateway``: another host, as seen from ``own``. The kernel refuses a route over
    anything else."""
    network = own.network
    nobody = {own.ip, LIMITED_BROADCAST}
    if own.version == 4 and network.num_addresses > 2:
        nobody.add(network.broadcast_address)
    is_host = not (gateway.is_unspecified or gateway.is_multicast or gateway.is_loopback)
    return gateway.version == own.version and is_host and gateway not in nobody


def parse_network(text: str) -> Network:
    """A network without host bits."""
    return ip_network(_clean(text))


def parse_mac(text: str) -> str:
    """A station's MAC in lower case with colons; a multicast or zero address is none."""
    if not _MAC.fullmatch(text):
        raise ValueError(text)
    mac = text.lower().replace("-", ":")
    if int(mac[:2], 16) & 1 or mac == "00:00:00:00:00:00":
        raise ValueError(text)
    return mac


def parse_ports(text: str) -> tuple[int, int]:
    """``443`` or ``8000-8010`` as (first, last)."""
    first, dash, last = text.partition("-")
    if not (first.isascii() and first.isdigit() and (not dash or (last.isascii() and last.isdigit()))):
        raise ValueError(text)
    low, high = int(first), int(last or first)
    if not 1 <= low <= high <= 65535:
        raise ValueError(text)
    return low, high


def parse_transport_ports(text: str) -> tuple[str, int, int]:
    """``tcp/443`` or ``udp/5000-5010`` as (transport, first, last)."""
    transport, slash, ports = text.lower().partition("/")
    if transport not in ("tcp", "udp") or not slash:
        raise ValueError(text)
    return transport, *parse_ports(ports)


def parse_dscp(text: str) -> int:
    """A DSCP value by number (0-63) or name: ``ef``, ``cs1``, ``af21`` (RFC 2474, 2597, 3246, 5865)."""
    name = text.lower()
    if name.isascii() and name.isdecimal() and len(name) < 3 and int(name) < 64:
        return int(name)
    if name in _DSCP:
        return _DSCP[name]
    if match := re.fullmatch(r"cs([0-7])", name):
        return int(match[1]) * 8
    if match := re.fullmatch(r"af([1-4])([1-3])", name):
        return int(match[1]) * 8 + int(match[2]) * 2
    raise ValueError(text)


def readable(data: bytes) -> str | None:
    """The text that bytes are, ``None`` when they are anything but printable ASCII, or nothing."""
    return data.decode() if data and all(0x20 <= byte < 0x7F for byte in data) else None


def is_printable(text: str, limit: int) -> bool:
    """Whether it is a word of at most ``limit`` bytes without control characters, as accounts and passwords are."""
    return 0 < len(text.encode()) <= limit and text.isprintable()


def parse_public_key(text: str) -> bytes:
    """The 32 bytes of an Ed25519 public key (RFC 8032) in base64, bare or as openssl prints it (RFC 8410)."""
    key = b64decode(text.strip(), validate=True).removeprefix(ED25519_INFO)
    if len(key) != 32:
        raise ValueError(text)
    return key


def parse_pattern(text: str) -> str:
    """Bytes in hexadecimal as lower case without blanks, ``??`` for any; at least three must be fixed, 32 in all."""
    digits = "".join(text.split()).lower()
    if not _PATTERN.fullmatch(digits):
        raise ValueError(text)
    pairs = [digits[at : at + 2] for at in range(0, len(digits), 2)]
    if len(pairs) > PATTERN_MAX or sum(pair != "??" for pair in pairs) < PATTERN_LEAST:
        raise ValueError(text)
    return digits


def parse_time(text: str) -> int:
    """``HH:MM`` as minutes since midnight; ``24:00`` is the end of the day."""
    match = _TIME.fullmatch(text)
    minutes = int(match[1]) * 60 + int(match[2]) if match else 1441
    if minutes > 1440:
        raise ValueError(text)
    return minutes


def parse_moment(text: str) -> datetime:
    """A moment in UTC, ``2026-11-26T14:30:00Z`` (RFC 3339)."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or moment.utcoffset():
        raise ValueError(text)
    return moment


def parse_hostname(text: str) -> str:
    """A host or domain name in lower case, by labels of letters, digits, ``-`` and ``_``."""
    name = text.lower().rstrip(".")
    if not name or len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise ValueError(text)
    return name


def parse_member(text: str) -> Member:
    """A group's member: address, ``first-last``, network ``address/length`` or MAC. About 1 us for an IPv4 address."""
    try:
        number = int.from_bytes(inet_pton(AF_INET, text), "big")
    except (OSError, ValueError):
        return _parse_member_slowly(text)
    return Range(4, number, number)


def _parse_member_slowly(text: str) -> Member:
    if _MAC.fullmatch(text):
        return Mac(parse_mac(text))
    if "/" in text:
        network = parse_network(text)
        return Range(network.version, int(network.network_address), int(network.broadcast_address))
    first, dash, last = text.partition("-")
    low = parse_address(first)
    high = parse_address(last) if dash else low
    if low.version != high.version or int(low) > int(high):
        raise ValueError(text)
    return Range(low.version, int(low), int(high))


def merge(ranges: Iterable[Range]) -> Iterator[Range]:
    """The same addresses as sorted ranges that neither overlap nor touch."""
    packed = _Packed()
    for item in ranges:
        packed.add(item)
    for version in _VERSIONS:
        for low, high in packed.merged(version):
            yield Range(version, low, high)


def merge_members(texts: Iterable[str]) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Members as merged ranges (first, last) and sorted MACs, all as text. 100,000 addresses take about 0.3 s."""
    packed, macs = _Packed(), set()
    single = packed.by_version[4].append
    for text in texts:
        try:
            number = int.from_bytes(inet_pton(AF_INET, text), "big")
        except (OSError, ValueError):
            member = _parse_member_slowly(text)
            if isinstance(member, Mac):
                macs.add(member.text)
            else:
                packed.add(member)
        else:
            single(number << 32 | number)
    ranges = tuple(pair for version in _VERSIONS for pair in _texts(version, packed.merged(version)))
    return ranges, tuple(sorted(macs))


class _Packed:
    """Ranges by family, each as one integer of both ends: those sort several times faster than tuples."""

    def __init__(self) -> None:
        self.by_version: dict[int, list[int]] = {4: [], 6: []}

    def add(self, item: Range) -> None:
        self.by_version[item.version].append(item.first << _BITS[item.version] | item.last)

    def merged(self, version: int) -> Iterator[tuple[int, int]]:
        bits = _BITS[version]
        mask = (1 << bits) - 1
        low = high = -2
        self.by_version[version].sort()
        for item in self.by_version[version]:
            first, last = item >> bits, item & mask
            if first > high + 1:
                if low >= 0:
                    yield low, high
                low, high = first, last
            elif last > high:
                high = last
        if low >= 0:
            yield low, high


def _texts(version: int, ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[str, str]]:
    family, width = (AF_INET, 4) if version == 4 else (AF_INET6, 16)
    for low, high in ranges:
        first = inet_ntop(family, low.to_bytes(width, "big"))
        yield first, first if low == high else inet_ntop(family, high.to_bytes(width, "big"))


def nearest(name: str, known: Iterable[str]) -> str:
    """The known names that look most like this one, joined by commas; empty when none does."""
    from difflib import get_close_matches

    return ", ".join(get_close_matches(name, sorted(known), n=3, cutoff=0.6))
