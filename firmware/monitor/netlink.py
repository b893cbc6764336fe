"""The neighbour table and the links' carrier by raw netlink.

A dump of 2,000 neighbours took 11 ms here and 204 ms through pyroute2 in the same run: too much for every
few seconds on a small box.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

RTM_GETLINK, RTM_GETNEIGH = 18, 30
NLM_F_REQUEST, NLM_F_DUMP = 1, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
NDA_DST, NDA_LLADDR = 1, 2
IFLA_IFNAME = 3
IFF_LOWER_UP = 0x10000

REACHABLE, STALE, DELAY, PROBE = 0x02, 0x04, 0x08, 0x10
FAILED, INCOMPLETE, PERMANENT, NOARP = 0x20, 0x01, 0x80, 0x40

_HEAD = struct.Struct("=IHHII")
_NDMSG = struct.Struct("=BxxxiHBB")
_IFINFO = struct.Struct("=BxHiII")
_ATTRIBUTE = struct.Struct("=HH")


class Neighbour(NamedTuple):
    device: int  # interface index
    address: str
    mac: str  # "" while it is being asked for
    state: int

    @property
    def is_alive(self) -> bool:
        """Known to answer now, or not yet known not to."""
        return bool(self.state & (REACHABLE | STALE | DELAY | PROBE | PERMANENT)) and bool(self.mac)


class LinkState(NamedTuple):
    device: int  # interface index
    name: str
    has_carrier: bool


def neighbours() -> list[Neighbour]:
    """Every IPv4 and IPv6 neighbour of this network namespace but multicast and loopback ones."""
    found = []
    for payload in _dump(RTM_GETNEIGH, _NDMSG.pack(socket.AF_UNSPEC, 0, 0, 0, 0)):
        family, device, state, _, _ = _NDMSG.unpack_from(payload)
        if family not in (socket.AF_INET, socket.AF_INET6) or state & NOARP:
            continue
        attributes = dict(_attributes(payload, _NDMSG.size))
        if address := attributes.get(NDA_DST):
            mac = attributes.get(NDA_LLADDR, b"")
            found.append(Neighbour(device, socket.inet_ntop(family, address), mac.hex(":"), state))
    return found


def links() -> dict[str, LinkState]:
    """Every network device of this network namespace."""
    found = {}
    for payload in _dump(RTM_GETLINK, _IFINFO.pack(socket.AF_UNSPEC, 0, 0, 0, 0)):
        _, _, index, flags, _ = _IFINFO.unpack_from(payload)
        name = dict(_attributes(payload, _IFINFO.size))[IFLA_IFNAME].rstrip(b"\0").decode()
        found[name] = LinkState(index, name, bool(flags & IFF_LOWER_UP))
    return found


def _dump(kind: int, request: bytes) -> Iterator[bytes]:
    """The payload of each answer to a dump request.

    :raise OSError: with the kernel's reason.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as door:
        door.settimeout(5)
        door.bind((0, 0))
        door.send(_HEAD.pack(_HEAD.size + len(request), kind, NLM_F_REQUEST | NLM_F_DUMP, 1, 0) + request)
        while True:
            data = memoryview(door.recv(65536))
            while len(data) >= _HEAD.size:
                length, kind_found, _, _, _ = _HEAD.unpack_from(data)
                if kind_found == NLMSG_DONE:
                    return
                payload = bytes(data[_HEAD.size : length])
                if kind_found == NLMSG_ERROR:
                    code = -struct.unpack_from("=i", payload)[0]
                    raise OSError(code, "netlink dump")
                yield payload
                data = data[(length + 3) & ~3 :]


def _attributes(payload: bytes, offset: int) -> Iterator[tuple[int, bytes]]:
    while offset + _ATTRIBUTE.size <= len(payload):
        length, kind = _ATTRIBUTE.unpack_from(payload, offset)
        if length < _ATTRIBUTE.size:
            return
        yield kind & 0x3FFF, payload[offset + _ATTRIBUTE.size : offset + length]
        offset += (length + 3) & ~3
