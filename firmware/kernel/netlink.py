"""Route netlink in the few words that a router needs (linux/rtnetlink.h, linux/netlink.h; rtnetlink(7)).

Importing pyroute2 0.9 costs 25 MB of private memory (it brings asyncio and every protocol it knows), which is more
than rsd may use in all; these requests are four structures with attributes.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from types import TracebackType

from firmware.kernel.errors import NetlinkError

OWN_PROTOCOL = 201  # marks addresses, routes and rules as ours; see rt_protos

REQUEST, ACK, DUMP = 0x1, 0x4, 0x300
REPLACE, EXCL, CREATE = 0x100, 0x200, 0x400

NEWLINK, DELLINK, GETLINK, SETLINK = 16, 17, 18, 19
NEWADDR, DELADDR, GETADDR = 20, 21, 22
NEWROUTE, DELROUTE, GETROUTE = 24, 25, 26
NEWRULE, DELRULE, GETRULE = 32, 33, 34

_ERROR, _DONE = 2, 3
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_SOL_NETLINK, _EXT_ACK, _STRICT = 270, 11, 12
_CAPPED, _ACK_TLVS, _TEXT = 0x100, 0x200, 1
_NESTED = 0x8000
_TYPE_MASK = 0x3FFF


class Netlink:
    """One socket; not to be shared between threads."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        self._socket.setsockopt(_SOL_NETLINK, _EXT_ACK, 1)
        self._socket.setsockopt(_SOL_NETLINK, _STRICT, 1)
        self._socket.settimeout(5.0)
        self._socket.bind((0, 0))
        self._sequence = 0

    def __enter__(self) -> Netlink:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def dump(self, kind: int, body: bytes) -> list[bytes]:
        """Everything of a kind, as message bodies. Starts anew when the kernel says that a change came in between."""
        for _ in range(10):
            bodies, is_whole = self._dump(kind, body)
            if is_whole:
                break
        return bodies

    def request(self, what: str, kind: int, flags: int, body: bytes) -> None:
        """Ask for a change and wait until it is done. NetlinkError says ``what`` was refused and why."""
        self._send(kind, REQUEST | ACK | flags, body)
        for reply, reply_flags, payload in self._replies():
            if reply == _ERROR:
                _raise(what, reply_flags, payload)
                return

    def _dump(self, kind: int, body: bytes) -> tuple[list[bytes], bool]:
        self._send(kind, REQUEST | DUMP, body)
        bodies = []
        is_whole = True
        for reply, flags, payload in self._replies():
            is_whole = is_whole and not flags & 0x10  # NLM_F_DUMP_INTR
            if reply == _DONE:
                break
            if reply == _ERROR:
                _raise(f"dump {kind}", flags, payload)
            bodies.append(payload)
        return bodies, is_whole

    def _send(self, kind: int, flags: int, body: bytes) -> None:
        self._sequence += 1
        self._socket.send(_HEADER.pack(_HEADER.size + len(body), kind, flags, self._sequence, 0) + body)

    def _replies(self) -> Iterator[tuple[int, int, bytes]]:
        while True:
            data = self._socket.recv(1 << 17)
            offset = 0
            while offset + _HEADER.size <= len(data):
                length, kind, flags, sequence, _ = _HEADER.unpack_from(data, offset)
                if sequence == self._sequence:
                    yield kind, flags, data[offset + _HEADER.size : offset + length]
                offset += (length + 3) & ~3


def attribute(kind: int, value: bytes | str | int) -> bytes:
    """One attribute, padded; text gets its NUL, numbers are 32 bits."""
    if isinstance(value, int):
        value = struct.pack("=I", value)
    elif isinstance(value, str):
        value = value.encode() + b"\0"
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + b"\0" * (-len(value) % 4)


def nested(kind: int, *attributes: bytes) -> bytes:
    """An attribute that holds attributes."""
    return attribute(kind | _NESTED, b"".join(attributes))


def attributes(body: bytes, offset: int) -> dict[int, bytes]:
    """The attributes that follow the fixed part of a message."""
    found = {}
    while offset + _ATTRIBUTE.size <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, offset)
        if length < _ATTRIBUTE.size:
            break
        found[kind & _TYPE_MASK] = body[offset + _ATTRIBUTE.size : offset + length]
        offset += (length + 3) & ~3
    return found


def number(value: bytes | None) -> int | None:
    """A 32-bit attribute."""
    return None if value is None else int(struct.unpack("=I", value[:4])[0])


def text(value: bytes | None) -> str:
    """A text attribute; "" when it is absent."""
    return "" if value is None else value.rstrip(b"\0").decode(errors="replace")


def _raise(what: str, flags: int, payload: bytes) -> None:
    code = -struct.unpack_from("=i", payload)[0]
    if not code:
        return
    detail = ""
    if flags & _ACK_TLVS:
        # After the code comes the request, whole unless the kernel capped it to its header.
        length = _HEADER.size if flags & _CAPPED else (struct.unpack_from("=I", payload, 4)[0] + 3) & ~3
        detail = text(attributes(payload, 4 + length).get(_TEXT))
    raise NetlinkError(what, code, f"{os.strerror(code)} ({detail})" if detail else "")
