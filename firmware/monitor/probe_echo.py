"""Echo requests over one line: a raw socket per family, bound to the line's device and carrying its mark."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import struct

from firmware.model.targets import Target
from firmware.monitor.probe_answer import Answer, bound_socket

_ECHO = struct.Struct("!BBHHH")
_REQUEST: dict[int, int] = {socket.AF_INET: 8, socket.AF_INET6: 128}
_REPLY: dict[int, int] = {socket.AF_INET: 0, socket.AF_INET6: 129}
_PROTOCOL: dict[int, int] = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}
_SOL_RAW = 255  # Python has no name for it
_ICMP_FILTER = 1  # of SOL_RAW for IPv4, and of IPPROTO_ICMPV6 for IPv6
_PAYLOAD = b"rs line probe"
KEPT = 128  # questions whose time is remembered: more than any line has under way


class Echo:
    """Sends and receives without ever waiting.

    :raise OSError: when the device does not exist or the right to open raw sockets is missing.
    """

    def __init__(self, device: str, wan_number: int) -> None:
        # Two probers of one process and of others must tell their replies apart.
        self._identifier = (os.getpid() * 8 + wan_number) & 0xFFFF
        self._sockets: dict[int, socket.socket] = {}
        self._sequence = 0
        self._sent: dict[int, tuple[Target, float]] = {}
        try:
            for family in (socket.AF_INET, socket.AF_INET6):
                self._sockets[family] = _open(family, device, wan_number)
        except OSError:
            self.close()
            raise

    def sockets(self) -> list[socket.socket]:
        return list(self._sockets.values())

    def close(self) -> None:
        for door in self._sockets.values():
            door.close()

    def send(self, target: Target, now_s: float) -> None:
        """One request; what cannot leave (no route, no buffer) is not answered."""
        address = target.host
        self._sequence = number = (self._sequence + 1) & 0xFFFF
        self._sent[number] = (target, now_s)
        if len(self._sent) > KEPT:
            del self._sent[next(iter(self._sent))]
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        head = _ECHO.pack(_REQUEST[family], 0, 0, self._identifier, number)
        if family == socket.AF_INET:  # the kernel fills the checksum in for IPv6 only
            head = _ECHO.pack(_REQUEST[family], 0, checksum(head + _PAYLOAD), self._identifier, number)
        with contextlib.suppress(OSError):
            self._sockets[family].sendto(head + _PAYLOAD, (address, 0))

    def receive(self, door: socket.socket, now_s: float) -> list[Answer]:
        """All replies to our requests that wait in ``door``."""
        found: list[Answer] = []
        # Ends when nothing is left, or with an ICMP error or the device's end: no reply either way.
        with contextlib.suppress(OSError):
            while True:
                packet, source = door.recvfrom(2048)
                answer = self._parse(door.family, packet, source[0], now_s)
                if answer is not None:
                    found.append(answer)
        return found

    def _parse(self, family: int, packet: bytes, source: str, now_s: float) -> Answer | None:
        offset = (packet[0] & 15) * 4 if family == socket.AF_INET and packet else 0  # IPv4 brings its header along
        if len(packet) < offset + _ECHO.size:
            return None
        kind, _, _, identifier, sequence = _ECHO.unpack_from(packet, offset)
        if kind != _REPLY[family] or identifier != self._identifier:
            return None
        target, sent_s = self._sent.get(sequence, (None, 0.0))
        if target is None or str(ipaddress.ip_address(source.partition("%")[0])) != target.host:
            return None
        return Answer(target, (now_s - sent_s) * 1000)


def _open(family: int, device: str, wan_number: int) -> socket.socket:
    door = bound_socket(family, socket.SOCK_RAW, _PROTOCOL[family], device, wan_number)
    try:
        if family == socket.AF_INET:
            door.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("=I", ~(1 << 0) & 0xFFFFFFFF))
        else:
            words = [0xFFFFFFFF] * 8
            words[129 // 32] &= ~(1 << 129 % 32)
            door.setsockopt(socket.IPPROTO_ICMPV6, _ICMP_FILTER, struct.pack("=8I", *words))
    except OSError:
        door.close()
        raise
    return door


def checksum(data: bytes) -> int:
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
