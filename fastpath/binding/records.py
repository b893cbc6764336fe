"""What rs-fastpath writes into the shared file, as rows of Python: events, usage, hosts, flows."""

from __future__ import annotations

import time
from ipaddress import IPv4Address, IPv6Address
from typing import Any, NamedTuple

from fastpath.binding._native import ffi, lib

TRANSPORTS = {1: "icmp", 6: "tcp", 17: "udp", 47: "gre", 50: "esp", 58: "icmpv6", 132: "sctp"}
STAGES = {0: "none", 1: "learned", 2: "dissector", 3: "pattern", 4: "address", 5: "port", 6: "ndpi", 7: "behaviour"}
ACTIONS = {0: "allow", 1: "block", 2: "block"}

Address = IPv4Address | IPv6Address


class Decision(NamedTuple):
    """``row`` is the index of the policy that matched, ``None`` when none did."""

    action: str
    row: int | None
    groups: tuple[int, ...]


class Event(NamedTuple):
    """A flow was decided or blocked. ``is_rejudged``: it lived already, and a changed policy blocked it."""

    kind: str
    time_s: float  # UTC
    client: Address
    client_port: int
    server: Address
    server_port: int
    mac: str | None
    transport: str
    application: int
    protocol: int
    stage: str
    action: str
    row: int | None
    host: str
    is_rejudged: bool


class Usage(NamedTuple):
    """What one LAN host (``None``: the router itself) did with one application over one WAN since the last drain."""

    host: Address | None
    mac: str | None
    application: int
    wan: int
    up_bytes: int
    down_bytes: int
    up_packets: int
    down_packets: int
    connections: int
    first_s: float  # UTC
    last_s: float


class Drain(NamedTuple):
    """Rows and the serial under which the very same rows come again until ``accounting_done(drain)``."""

    serial: str
    rows: list[Usage]
    epoch: int


class Host(NamedTuple):
    """``alias``: the IPv4 address of the same machine. Bytes are counted since it was first seen and never go back."""

    address: Address
    alias: Address | None
    mac: str | None
    first_s: float  # UTC
    last_s: float
    up_bytes: int
    down_bytes: int
    connections: int


class LineShare(NamedTuple):
    """Bytes of the last minute or so and flows of the last dump; ``fast``: in the kernel's flowtable."""

    bytes: int
    fast_bytes: int
    flows: int
    fast_flows: int


def events(raw: Any, count: int) -> list[Event]:
    """Rows of ``rs_event``."""
    offset = _utc_offset()
    return [
        Event(
            "blocked" if e.kind == lib.RS_EVENT_BLOCKED else "decided", e.time_ms / 1000 + offset,
            _address(e.client), e.client_port, _address(e.server), e.server_port, _mac(e.mac),
            transport_name(e.transport), e.application, e.protocol, STAGES[e.stage], ACTIONS[e.action],
            None if e.row < 0 else e.row, text(e.host), bool(e.is_rejudged),
        )
        for e in (raw[n] for n in range(count))
    ]  # fmt: skip


def hosts(raw: Any, count: int) -> list[Host]:
    """Rows of ``rs_host``."""
    offset = _utc_offset()
    return [
        Host(
            _address(h.address), _address_or_none(h.alias), _mac(h.mac), h.first_ms / 1000 + offset,
            h.last_ms / 1000 + offset, h.up_bytes, h.down_bytes, h.connections,
        )
        for h in (raw[n] for n in range(count))
    ]  # fmt: skip


def usage(raw: Any, count: int) -> list[Usage]:
    """Rows of ``rs_usage``."""
    offset = _utc_offset()
    return [
        Usage(
            _address_or_none(u.host), _mac(u.mac), u.application, u.wan, u.up_bytes, u.down_bytes, u.up_packets,
            u.down_packets, u.connections, u.first_ms / 1000 + offset, u.last_ms / 1000 + offset,
        )
        for u in (raw[n] for n in range(count))
    ]  # fmt: skip


def flows(raw: Any, count: int) -> list[dict[str, Any]]:
    """Live flows, as ``Runtime.flows`` describes them."""
    return [
        {
            "transport": transport_name(f.transport), "a": endpoint(_address(f.client), f.client_port),
            "b": endpoint(_address(f.server), f.server_port), "application": f.application, "protocol": f.protocol,
            "host": text(f.host), "stage": STAGES[f.stage], "lan_host": _address_or_none(f.host_address),
            "action": ACTIONS[f.action], "is_decided": bool(f.is_decided), "up_bytes": f.up_bytes,
            "down_bytes": f.down_bytes, "wan": f.wan, "age_s": f.age_ms / 1000,
            "confidence": f.confidence or None, "ja4": text(f.ja4),
            "opening": [bytes(ffi.buffer(f.opening[n], f.opening_length[n])).hex() for n in range(2)],
        }
        for f in (raw[n] for n in range(count))
    ]  # fmt: skip


def transport_name(number: int) -> str:
    """As people write it; a number that has no name stays one."""
    return TRANSPORTS.get(number, str(number))


def endpoint(address: Address, port: int) -> str:
    """``ip:port``, IPv6 in brackets."""
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def _utc_offset() -> float:
    return time.time() - time.monotonic()


def text(value: Any) -> str:
    """A string of C, whatever bytes it holds."""
    return bytes(ffi.string(value)).decode("utf-8", "replace")


def _address(value: Any) -> Address:
    packed = bytes(ffi.buffer(value, 16))
    return IPv4Address(packed[12:]) if packed.startswith(bytes(10) + b"\xff\xff") else IPv6Address(packed)


def _address_or_none(value: Any) -> Address | None:
    address = _address(value)
    return None if address == IPv6Address(0) else address


def _mac(value: Any) -> str | None:
    packed = bytes(ffi.buffer(value, 6))
    return packed.hex(":") if any(packed) else None
