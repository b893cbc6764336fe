"""The neighbour table: which MAC answers for which address, and whether it answers now."""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

from firmware.kernel.netlink import Netlink, attributes

_GETNEIGH = 30
_NDMSG = struct.Struct("=BxxxiHBB")
_DST, _LLADDR = 1, 2
_REACHABLE, _STALE, _DELAY, _PROBE, _NOARP, _PERMANENT = 0x02, 0x04, 0x08, 0x10, 0x40, 0x80


class Neighbour(NamedTuple):
    device: int  # interface index
    address: str
    mac: str  # "" while it is being asked for
    state: int

    @property
    def is_alive(self) -> bool:
        """Known to answer now, or not yet known not to."""
        return bool(self.state & (_REACHABLE | _STALE | _DELAY | _PROBE | _PERMANENT)) and bool(self.mac)

    @property
    def is_reachable(self) -> bool:
        """It has answered within the last half minute or so."""
        return bool(self.state & _REACHABLE)


def neighbours() -> list[Neighbour]:
    """Every IPv4 and IPv6 neighbour of this network namespace but multicast and loopback ones.

    :raise NetlinkError: with the kernel's reason.
    """
    found = []
    with Netlink() as door:
        for body in door.dump(_GETNEIGH, _NDMSG.pack(socket.AF_UNSPEC, 0, 0, 0, 0)):
            family, device, state, _, _ = _NDMSG.unpack_from(body)
            if family not in (socket.AF_INET, socket.AF_INET6) or state & _NOARP:
                continue
            items = attributes(body, _NDMSG.size)
            if address := items.get(_DST):
                mac = items.get(_LLADDR, b"")
                found.append(Neighbour(device, socket.inet_ntop(family, address), mac.hex(":"), state))
    return found
