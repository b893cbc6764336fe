"""A capture's filter, in the kernel itself, and its file."""

from __future__ import annotations

import io
import socket
import struct
from ipaddress import ip_address
from pathlib import Path

import pytest

from firmware.daemon.tools import bpf, capture
from firmware.daemon.tools.bpf import Filter
from firmware.model.tools import Capture, Protocol

A, B, C = "192.0.2.1", "192.0.2.2", "192.0.2.3"
A6, B6, C6 = "2001:db8::1", "2001:db8::2", "2001:db8:0:1::2"
TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
MACS = bytes(12)


def four(
    source: str, target: str, protocol: int, ports: tuple[int, int] = (1000, 443), *, fragment: int = 0, words: int = 0
) -> bytes:
    head = struct.pack("!BBHHHBBH", 0x45 + words, 0, 40, 1, fragment, 64, protocol, 0)
    return (
        head
        + ip_address(source).packed
        + ip_address(target).packed
        + bytes(4 * words)
        + struct.pack("!HH", *ports)
        + bytes(16)
    )


def six(source: str, target: str, protocol: int, ports: tuple[int, int] = (1000, 443)) -> bytes:
    head = struct.pack("!IHBB", 6 << 28, 24, protocol, 64) + ip_address(source).packed + ip_address(target).packed
    return head + struct.pack("!HH", *ports) + bytes(20)


def arp(source: str, target: str) -> bytes:
    packed = (ip_address(source).packed, ip_address(target).packed)
    return struct.pack("!HHBBH", 1, 0x800, 6, 4, 1) + bytes(6) + packed[0] + bytes(6) + packed[1]


PACKETS = {
    "tcp": (0x0800, four(A, B, TCP)), "answer": (0x0800, four(B, A, TCP, (443, 1000))),
    "udp": (0x0800, four(A, C, UDP, (5353, 53))), "icmp": (0x0800, four(A, B, ICMP, (0x0800, 443))),
    "options": (0x0800, four(A, C, TCP, words=2)), "fragment": (0x0800, four(A, B, UDP, fragment=100)),
    "tcp6": (0x86DD, six(A6, B6, TCP)), "udp6": (0x86DD, six(B6, C6, UDP, (53, 5353))),
    "icmp6": (0x86DD, six(A6, B6, ICMP6)), "arp": (0x0806, arp(A, B)), "arp-other": (0x0806, arp(C, B)),
    "lldp": (0x88CC, bytes(30)),
}  # fmt: skip
CASES: list[tuple[tuple[str | None, int | None, Protocol], str]] = [
    ((None, None, "any"), " ".join(PACKETS)),
    ((None, None, "tcp"), "tcp answer options tcp6"),
    ((None, None, "udp"), "udp fragment udp6"),
    ((None, None, "icmp"), "icmp icmp6"),
    ((None, None, "arp"), "arp arp-other"),
    ((B, None, "any"), "tcp answer icmp fragment arp arp-other"),
    ((C, None, "any"), "udp options arp-other"),
    ((C, None, "arp"), "arp-other"),
    ((None, 443, "any"), "tcp answer options tcp6"),
    ((None, 53, "udp"), "udp udp6"),
    ((A, 443, "tcp"), "tcp answer options"),
    ((B6, None, "any"), "tcp6 udp6 icmp6"),
    ((C6, None, "any"), "udp6"),
    ((B6, 5353, "udp"), "udp6"),
]


def passing(program: bytes, packets: dict[str, bytes]) -> list[str]:
    """The packets that the kernel lets through: a filter works on any socket."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ends[0], ends[1]:
        capture.attach(ends[1], program)
        ends[1].setblocking(False)
        found = []
        for name, data in packets.items():
            ends[0].send(data)
            try:
                assert ends[1].recv(4096) == data
            except BlockingIOError:
                continue
            found.append(name)
        return found


@pytest.mark.parametrize(("wanted", "expected"), CASES, ids=str)
def test_the_kernel_lets_through_what_is_wanted(wanted: tuple[str | None, int | None, Protocol], expected: str) -> None:
    program = bpf.compiled(Filter(*wanted), 65_535, has_ethernet=True)
    plain = {name: MACS + struct.pack("!H", kind) + data for name, (kind, data) in PACKETS.items()}
    assert passing(program, plain) == expected.split()
    tagged = {name: MACS + struct.pack("!HHH", 0x8100, 41, kind) + data for name, (kind, data) in PACKETS.items()}
    assert passing(program, tagged) == expected.split()
    bare = {name: data for name, (kind, data) in PACKETS.items() if kind in (0x0800, 0x86DD)}
    program = bpf.compiled(Filter(*wanted), 65_535, has_ethernet=False)
    assert passing(program, bare) == [name for name in expected.split() if name in bare]


def test_a_packet_keeps_its_time_its_length_and_its_tag() -> None:
    controls = [
        (socket.SOL_SOCKET, 35, struct.pack("@ll", 1_800_000_000, 123_456_789)),
        (263, 8, struct.pack("=IIIHHHH", 0x51, 1500, 96, 0, 14, 41, 0x8100)),
    ]
    data = bytes(range(12)) + b"\x08\x00" + bytes(200)
    written = capture.packet(data, controls, 96, is_ethernet=True)
    seconds, nanoseconds, kept, length = struct.unpack_from("=IIII", written)
    assert (seconds, nanoseconds, kept, length) == (1_800_000_000, 123_456_789, 96, 1504)
    assert written[16 + 12 : 16 + 18] == b"\x81\x00\x00\x29\x08\x00"
    bare = capture.packet(b"\x45" + bytes(19), controls[:1], 96, is_ethernet=False)
    assert struct.unpack_from("=IIII", bare)[2:] == (20, 20)


def test_the_file_ends_at_its_limits_and_counts_what_is_in_it(tmp_path: Path) -> None:
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ends[0], ends[1]:
        ends[1].settimeout(0.01)
        for _ in range(5):
            ends[0].send(bytes(60))
        file = io.BytesIO()
        file.write(capture.header(96, is_ethernet=True))
        asked = Capture(where="port:eth0", packets=3)
        assert capture.record(ends[1], file, asked, lambda: False, is_ethernet=True) == "packets"
        assert capture.record(ends[1], io.BytesIO(), asked, lambda: True, is_ethernet=True) == "stop"
        path = tmp_path / "pcap"
        path.write_bytes(file.getvalue())
    found = capture.result(path, "packets", 7)
    assert (found.packets, found.dropped, found.size_bytes) == (3, 7, 24 + 3 * (16 + 60))
    assert [said.level for said in found.said] == ["warning", "info"]
