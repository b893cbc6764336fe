"""Carrier and byte counters of the network devices."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

from firmware.kernel.links import read
from firmware.kernel.netlink import GETLINK, Netlink, attributes, text

# Of the calling thread: all threads of rsd are in the router's network namespace.
DEVICES = Path("/proc/thread-self/net/dev")
_IFINFO = struct.Struct("=BxHiII")
_NAME = 3
_LOWER_UP = 0x10000


class LinkState(NamedTuple):
    device: int  # interface index
    has_carrier: bool


class Counters(NamedTuple):
    received_bytes: int
    sent_bytes: int


def links() -> dict[str, LinkState]:
    """Every network device of this network namespace, by name.

    :raise NetlinkError: with the kernel's reason.
    """
    found = {}
    with Netlink() as door:
        for body in door.dump(GETLINK, _IFINFO.pack(0, 0, 0, 0, 0)):
            _, _, device, flags, _ = _IFINFO.unpack_from(body)
            found[text(attributes(body, _IFINFO.size)[_NAME])] = LinkState(device, bool(flags & _LOWER_UP))
    return found


def own_addresses() -> set[str]:
    """MACs and addresses of the box itself.

    :raise NetlinkError: with the kernel's reason.
    """
    with Netlink() as door:
        devices = read(door).values()
    return {device.mac for device in devices if device.mac} | {
        str(address.value.ip) for device in devices for address in device.addresses
    }


def counters() -> dict[str, Counters]:
    """Bytes received and sent since the device came up, by device."""
    found: dict[str, Counters] = {}
    with DEVICES.open() as file:
        for line in file:
            name, colon, rest = line.partition(":")
            if colon:
                words = rest.split()
                found[name.strip()] = Counters(int(words[0]), int(words[8]))
    return found
