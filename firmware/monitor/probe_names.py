"""DNS questions (RFC 1035) over one line: to see that a server answers, and to find the address of a page's host."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from typing import NamedTuple

from firmware.model.targets import Target
from firmware.monitor.probe_answer import SERVER_ERROR, Answer, bound_socket

_HEADER = struct.Struct("!HHHHHH")
_RECORD = struct.Struct("!HHIH")
_A, _NS, _IN = 1, 2, 1
_RECURSE, _REPLY, _RCODE = 0x0100, 0x8000, 0x000F
_ANSWERED = (0, 3)  # no error, no such name: either way the server knows the internet
KEPT_S = 300.0
_FAMILIES = (socket.AF_INET, socket.AF_INET6)


class _Question(NamedTuple):
    """``target`` is ``None`` where the address of ``name`` is looked for."""

    target: Target | None
    name: str
    server: tuple[str, int]
    asked: bytes  # the question as it was sent
    sent_s: float


class Names:
    """Sends and receives without ever waiting. :raise OSError: as ``bound_socket``."""

    def __init__(self, device: str, wan_number: int) -> None:
        self._doors = {f: bound_socket(f, socket.SOCK_DGRAM, 0, device, wan_number) for f in _FAMILIES}
        self._open: dict[int, _Question] = {}
        self._found: dict[str, tuple[str, float]] = {}

    def sockets(self) -> list[socket.socket]:
        return list(self._doors.values())

    def ask(self, target: Target, now_s: float) -> None:
        """A target's question: for its name, else for the root's servers, which every server has at hand."""
        kind = _A if target.path else _NS
        self._send(target, target.path, kind, (target.host, target.port), now_s)

    def find(self, name: str, servers: tuple[str, ...], now_s: float) -> str | None:
        """The IPv4 address of a name as far as it is known; else the servers are asked for the next time."""
        address, at_s = self._found.get(name, ("", 0.0))
        if not address or now_s - at_s > KEPT_S / 2:  # in good time before it is forgotten
            for server in servers:
                self._send(None, name, _A, (server, 53), now_s)
        return address or None

    def receive(self, door: socket.socket, now_s: float) -> list[Answer]:
        """The answers that wait in ``door``."""
        found: list[Answer] = []
        with contextlib.suppress(OSError):  # nothing is left, or an ICMP error
            while True:
                message, source = door.recvfrom(4096)
                if (answer := self._read(message, (source[0].partition("%")[0], source[1]), now_s)) is not None:
                    found.append(answer)
        return found

    def tidy(self, before_s: float) -> None:
        """Forget questions older than that, and addresses older than they are kept."""
        self._open = {number: question for number, question in self._open.items() if question.sent_s > before_s}
        self._found = {name: found for name, found in self._found.items() if found[1] > before_s - KEPT_S}

    def _send(self, target: Target | None, name: str, kind: int, server: tuple[str, int], now_s: float) -> None:
        number = int.from_bytes(os.urandom(2), "big")
        asked = _name(name) + struct.pack("!HH", kind, _IN)
        self._open[number] = _Question(target, name, server, asked, now_s)
        family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
        with contextlib.suppress(OSError):
            self._doors[family].sendto(_HEADER.pack(number, _RECURSE, 1, 0, 0, 0) + asked, server)

    def _read(self, message: bytes, source: tuple[str, int], now_s: float) -> Answer | None:
        if len(message) < _HEADER.size:
            return None
        number, flags, _, answers, _, _ = _HEADER.unpack_from(message)
        question = self._open.get(number)
        if question is None or source != question.server or not flags & _REPLY:
            return None
        if message[_HEADER.size : _HEADER.size + len(question.asked)].lower() != question.asked:
            return None
        del self._open[number]
        if question.target is None:
            address = _address(message, _HEADER.size + len(question.asked), answers)
            if address:
                self._found[question.name] = (address, now_s)
            return None
        trouble = "" if flags & _RCODE in _ANSWERED else SERVER_ERROR
        return Answer(question.target, (now_s - question.sent_s) * 1000, trouble)


def _name(text: str) -> bytes:
    labels = [label.encode() for label in text.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _address(message: bytes, offset: int, count: int) -> str:
    """The first IPv4 address among the answers; ``""`` when there is none."""
    for _ in range(count):
        offset = _after_name(message, offset)
        if offset + _RECORD.size > len(message):
            return ""
        kind, group, _, length = _RECORD.unpack_from(message, offset)
        offset += _RECORD.size
        if (kind, group, length) == (_A, _IN, 4) and offset + 4 <= len(message):
            return socket.inet_ntoa(message[offset : offset + 4])
        offset += length
    return ""


def _after_name(message: bytes, offset: int) -> int:
    while offset < len(message) and message[offset]:
        if message[offset] >= 0xC0:  # the rest stands elsewhere
            return offset + 2
        offset += message[offset] + 1
    return offset + 1
