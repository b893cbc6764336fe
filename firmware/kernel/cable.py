"""Ports as their drivers see them: carrier, speed, what both ends can, errors; and which stations are behind a port."""

from __future__ import annotations

import ctypes
import fcntl
import socket
import struct
from typing import NamedTuple

from firmware.kernel import netlink
from firmware.kernel.netlink import Netlink, attributes

_IFINFO = struct.Struct("=BBHiII")
_NDMSG = struct.Struct("=BxxxiHBB")
_NAME, _MASTER, _STATS64, _CARRIER, _CARRIER_CHANGES = 3, 10, 23, 33, 35
_GETNEIGH = 30
_DST, _LLADDR = 1, 2
_PERMANENT, _NOARP = 0x80, 0x40
_SIOCETHTOOL, _GLINKSETTINGS = 0x8946, 0x4C
_LINK_SETTINGS = struct.Struct("=IIBBBBBBBbBBBB28x")  # struct ethtool_link_settings (linux/ethtool.h)
_WORDS_PLACE, _WORDS_MAX = 15, 16  # link_mode_masks_nwords
_UNKNOWN_SPEED = 0xFFFFFFFF
_AUTONEG_BIT = 6
# Mbit/s by bit of ETHTOOL_LINK_MODE_*, of what runs on copper and of the common optical ones.
_MODES = {
    0: 10, 1: 10, 2: 100, 3: 100, 4: 1000, 5: 1000, 12: 10_000, 15: 2500, 17: 1000, 18: 10_000, 19: 10_000,
    31: 25_000, 32: 25_000, 33: 25_000, 41: 1000, 42: 10_000, 43: 10_000, 44: 10_000, 47: 2500, 48: 5000,
}  # fmt: skip


class Counters(NamedTuple):
    """Of struct rtnl_link_stats64, since the device was made."""

    receive_errors: int
    send_errors: int
    receive_drops: int
    send_drops: int


class Port(NamedTuple):
    number: int  # the kernel's index of it
    master: int
    has_carrier: bool
    carrier_changes: int
    counters: Counters


class LinkSettings(NamedTuple):
    """``None``: the driver does not tell, or there is no link."""

    speed_mbps: int | None
    duplex: str | None
    negotiates: bool | None
    can_mbps: int | None
    partner_mbps: int | None


class Station(NamedTuple):
    """A MAC that the bridge has seen behind a port (its index), or the kernel behind a device."""

    device: int
    mac: str


def ports() -> dict[str, Port]:
    """Every device by name. :raise NetlinkError: with the kernel's reason."""
    with Netlink() as door:
        bodies = door.dump(netlink.GETLINK, _IFINFO.pack(0, 0, 0, 0, 0, 0))
    return dict(read_port(body) for body in bodies)


def read_port(body: bytes) -> tuple[str, Port]:
    """One answer to RTM_GETLINK."""
    index = int(_IFINFO.unpack_from(body)[3])
    items = attributes(body, _IFINFO.size)
    stats = items.get(_STATS64, b"").ljust(8 * 8, b"\0")
    _, _, _, _, receive_errors, send_errors, receive_drops, send_drops = struct.unpack_from("=8Q", stats)
    port = Port(
        number=index,
        master=netlink.number(items.get(_MASTER)) or 0,
        has_carrier=items.get(_CARRIER, b"\0")[:1] == b"\1",
        carrier_changes=netlink.number(items.get(_CARRIER_CHANGES)) or 0,
        counters=Counters(receive_errors, send_errors, receive_drops, send_drops),
    )
    return netlink.text(items.get(_NAME)), port


def settings(name: str) -> LinkSettings | None:
    """What the driver says of the link; ``None`` where it says nothing, as most virtual devices."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
            (words,) = struct.unpack_from("=b", _ask(door, name, 0), _WORDS_PLACE)
            words = -words  # first the kernel says how long its masks are
            return read_settings(bytes(_ask(door, name, words)), words) if 0 < words <= _WORDS_MAX else None
    except OSError:
        return None


def read_settings(data: bytes, words: int) -> LinkSettings:
    """struct ethtool_link_settings with its three masks of so many words."""
    _, speed, duplex, _, _, negotiates, *_ = _LINK_SETTINGS.unpack_from(data)
    masks = [
        int.from_bytes(data[_LINK_SETTINGS.size + 4 * words * place :][: 4 * words], "little") for place in range(3)
    ]
    supported, _, partner = masks
    return LinkSettings(
        speed_mbps=None if speed in (0, _UNKNOWN_SPEED) else speed,
        duplex={0: "half", 1: "full"}.get(duplex),
        negotiates=bool(negotiates) if supported >> _AUTONEG_BIT & 1 else None,
        can_mbps=_most(supported),
        partner_mbps=_most(partner),
    )


def stations() -> list[Station]:
    """Behind which port of a bridge each MAC was seen last. :raise NetlinkError: with the kernel's reason."""
    found = []
    with Netlink() as door:
        for body in door.dump(_GETNEIGH, _NDMSG.pack(socket.AF_BRIDGE, 0, 0, 0, 0)):
            family, device, state, _, _ = _NDMSG.unpack_from(body)
            mac = attributes(body, _NDMSG.size).get(_LLADDR, b"")
            if family == socket.AF_BRIDGE and len(mac) == 6 and not mac[0] & 1 and not state & (_PERMANENT | _NOARP):
                found.append(Station(device, mac.hex(":")))
    return found


def _ask(door: socket.socket, name: str, words: int) -> ctypes.Array[ctypes.c_char]:
    buffer = ctypes.create_string_buffer(_LINK_SETTINGS.size + 4 * 3 * _WORDS_MAX)
    struct.pack_into("=I", buffer, 0, _GLINKSETTINGS)
    struct.pack_into("=b", buffer, _WORDS_PLACE, words)
    fcntl.ioctl(door, _SIOCETHTOOL, struct.pack("16sP16x", name.encode(), ctypes.addressof(buffer)))
    return buffer


def _most(mask: int) -> int | None:
    return max((rate for bit, rate in _MODES.items() if mask >> bit & 1), default=None)
