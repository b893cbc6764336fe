"""Ports, bridges, VLANs, devices of sessions and their addresses, by difference.

A bridge or VLAN that we made is in the device group 201, an address that we set has the protocol number 201 (Linux 5.18
and later), so that after a crash we know what is ours in the kernel. What is not ours stays, with one exception: a port
of a bridge has no addresses but its link-local one.
"""

from __future__ import annotations

import errno
import hashlib
import ipaddress
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from firmware.kernel import netlink
from firmware.kernel.errors import NetlinkError
from firmware.kernel.link_memory import completed
from firmware.kernel.netlink import Netlink, attribute, nested
from firmware.model.plan import Link

_IFINFO = struct.Struct("=BBHiII")
_IFADDR = struct.Struct("=BBBBI")
_UP, _LOWER_UP, _LOOPBACK = 0x1, 0x10000, 0x8
_ADDRESS, _NAME, _MTU, _LINK, _MASTER, _LINKINFO, _GROUP, _MAX_MTU, _PERM_ADDRESS = 1, 3, 4, 5, 10, 18, 27, 51, 54
_INFO_KIND, _INFO_DATA = 1, 2
_BR_FORWARD_DELAY, _BR_STP = 1, 5
_VLAN_ID, _VLAN_EGRESS_QOS, _VLAN_QOS_MAPPING = 1, 3, 1
_SKB_PRIORITIES = range(8)  # what the kernel makes of the TOS field is among them
_MADE = ("bridge", "vlan")
_IFA_ADDRESS, _IFA_LOCAL, _IFA_BROADCAST, _IFA_FLAGS, _IFA_PROTO = 1, 2, 4, 8, 11
_NODAD = 0x02
_LINK_SCOPE = 253

Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface


_ORDER = ("bridge", "port", "vlan", "ppp")  # a VLAN can be switched on only when its port is


@dataclass(frozen=True)
class Address:
    """An address as the kernel has it."""

    value: Interface
    is_ours: bool
    is_link_local: bool


@dataclass(frozen=True)
class Device:
    """A network device as the kernel has it."""

    index: int
    name: str
    kind: str  # "" for hardware, else "bridge", "veth" ...
    mac: str
    permanent_mac: str
    mtu: int
    mtu_max: int
    master: int
    group: int
    is_up: bool
    has_carrier: bool
    is_loopback: bool
    addresses: tuple[Address, ...] = field(default=())
    parent: int = 0  # of a VLAN: its port
    vlan: int | None = None
    priority: int | None = None  # 802.1p class that a VLAN sends in, None for 0

    @property
    def is_ours(self) -> bool:
        """Whether it is a bridge or VLAN that we made."""
        return self.kind in _MADE and self.group == netlink.OWN_PROTOCOL


def read(door: Netlink) -> dict[str, Device]:
    """All devices of this network namespace by name, with their addresses."""
    addresses: dict[int, list[Address]] = {}
    for body in door.dump(netlink.GETADDR, _IFADDR.pack(0, 0, 0, 0, 0)):
        index, address = _address(body)
        addresses.setdefault(index, []).append(address)
    devices = (_device(body, addresses) for body in door.dump(netlink.GETLINK, _IFINFO.pack(0, 0, 0, 0, 0, 0)))
    return {device.name: device for device in devices}


def apply(door: Netlink, wanted: Iterable[Link], run_dir: Path) -> None:
    """Make the devices and addresses wanted, and remove ours that are not; ``run_dir`` keeps what ports had before.

    Raises NetlinkError, OSError.
    """
    links = {link.name: link for link in wanted}
    present = read(door)
    for link in links.values():
        if link.kind == "bridge" and link.name not in present:
            _make_bridge(door, link.name, present.values())
        elif link.kind == "vlan" and link.parent in present:
            _make_vlan(door, link, present.get(link.name), present[link.parent])
    present = read(door)
    _release(door, present, links)
    for link in sorted(completed(links.values(), present, run_dir), key=lambda link: _ORDER.index(link.kind)):
        if link.name in present:
            _settle(door, present[link.name], link, present)


def missing(door: Netlink, wanted: Iterable[Link]) -> list[str]:
    """Read back: the devices and addresses (``name`` or ``name address``) that are wanted and not there."""
    present = read(door)
    lacking = []
    for link in wanted:
        if link.name not in present:
            lacking += [link.name] if link.kind != "ppp" else []  # without a session there is none
            continue
        there = {address.value for address in present[link.name].addresses}
        lacking += [f"{link.name} {text}" for text in link.addresses if ipaddress.ip_interface(text) not in there]
    return lacking


def _make_bridge(door: Netlink, name: str, present: Iterable[Device]) -> None:
    """A bridge with a MAC of its own: else it would take on another whenever a port joins or leaves."""
    hardware = (d for d in present if d.kind not in (*_MADE, "ppp") and not d.is_loopback)
    machine = min((device.permanent_mac for device in hardware), default="")
    mac = b"\x02" + hashlib.sha256(f"{machine} {name}".encode()).digest()[:5]
    data = nested(_INFO_DATA, attribute(_BR_FORWARD_DELAY, 0), attribute(_BR_STP, 0))
    info = nested(_LINKINFO, attribute(_INFO_KIND, "bridge"), data)
    own = attribute(_NAME, name) + attribute(_GROUP, netlink.OWN_PROTOCOL) + attribute(_ADDRESS, mac)
    body = _IFINFO.pack(0, 0, 0, 0, 0, 0) + own + info
    door.request(f"make the bridge {name}", netlink.NEWLINK, netlink.CREATE | netlink.EXCL, body)


def _make_vlan(door: Netlink, link: Link, there: Device | None, port: Device) -> None:
    """A VLAN on a port, unless it is there already; one that only has its name makes way."""
    assert link.vlan is not None
    if there is not None:
        if (there.kind, there.parent, there.vlan) == ("vlan", port.index, link.vlan):
            return
        door.request(f"remove {link.name}", netlink.DELLINK, 0, _IFINFO.pack(0, 0, 0, there.index, 0, 0))
    data = nested(_INFO_DATA, attribute(_VLAN_ID, struct.pack("=H", link.vlan)))
    info = nested(_LINKINFO, attribute(_INFO_KIND, "vlan"), data)
    own = attribute(_NAME, link.name) + attribute(_GROUP, netlink.OWN_PROTOCOL) + attribute(_LINK, port.index)
    body = _IFINFO.pack(0, 0, 0, 0, 0, 0) + own + info
    door.request(f"make the VLAN {link.name}", netlink.NEWLINK, netlink.CREATE | netlink.EXCL, body)


def _set_priority(door: Netlink, device: Device, priority: int | None) -> None:
    """Have a VLAN send everything in one 802.1p class."""
    pairs = (attribute(_VLAN_QOS_MAPPING, struct.pack("=II", skb, priority or 0)) for skb in _SKB_PRIORITIES)
    data = nested(_INFO_DATA, nested(_VLAN_EGRESS_QOS, *pairs))
    _change(door, device, f"priority {priority or 0}", nested(_LINKINFO, attribute(_INFO_KIND, "vlan"), data))


def _release(door: Netlink, present: dict[str, Device], links: dict[str, Link]) -> None:
    """Take ports out of bridges they are no longer in, our addresses off, and remove bridges and VLANs of ours."""
    ours = {device.index for device in present.values() if device.is_ours}
    for device in present.values():
        link = links.get(device.name)
        if device.is_ours and link is None:
            door.request(f"remove {device.name}", netlink.DELLINK, 0, _IFINFO.pack(0, 0, 0, device.index, 0, 0))
        elif link is None:
            if device.master in ours:
                _change(door, device, "release", attribute(_MASTER, 0))
            for address in device.addresses:
                if address.is_ours:
                    _remove_address(door, device, address)


def _settle(door: Netlink, device: Device, link: Link, present: dict[str, Device]) -> None:
    master = present[link.master].index if link.master in present else 0
    if device.master != master:
        _change(door, device, f"put into {link.master}" if link.master else "release", attribute(_MASTER, master))
    if link.mac and device.mac != link.mac.lower():
        _change(door, device, f"give the MAC {link.mac}", attribute(_ADDRESS, bytes.fromhex(link.mac.replace(":", ""))))
    if link.mtu and device.mtu != link.mtu:
        _change(door, device, f"give the MTU {link.mtu}", attribute(_MTU, link.mtu))
    if link.kind == "vlan" and (device.priority or 0) != (link.priority or 0):
        _set_priority(door, device, link.priority)
    wanted = [ipaddress.ip_interface(text) for text in link.addresses]
    for address in device.addresses:
        is_stale = address.is_ours or (link.master is not None and not address.is_link_local)
        if address.value not in wanted and is_stale:
            _remove_address(door, device, address)
    if device.is_up != link.up and link.kind != "ppp":  # pppd does it
        _change(door, device, "switch on" if link.up else "switch off", b"", _UP if link.up else 0)
    there = {address.value for address in device.addresses}
    for value in wanted:
        if value not in there:
            _add_address(door, device, value)


def _change(door: Netlink, device: Device, what: str, attributes: bytes, flags: int | None = None) -> None:
    header = _IFINFO.pack(0, 0, 0, device.index, flags or 0, 0 if flags is None else _UP)
    door.request(f"{device.name}: {what}", netlink.NEWLINK, 0, header + attributes)


def _add_address(door: Netlink, device: Device, value: Interface) -> None:
    body = _address_body(device.index, value) + attribute(_IFA_PROTO, bytes([netlink.OWN_PROTOCOL]))
    if isinstance(value, ipaddress.IPv4Interface):
        if value.network.prefixlen < 31:
            body += attribute(_IFA_BROADCAST, value.network.broadcast_address.packed)
    else:
        # Duplicate detection would keep the router's own address from services for seconds.
        body += attribute(_IFA_FLAGS, _NODAD)
    door.request(f"{device.name}: add {value}", netlink.NEWADDR, netlink.CREATE | netlink.REPLACE, body)


def _remove_address(door: Netlink, device: Device, address: Address) -> None:
    try:
        body = _address_body(device.index, address.value)
        door.request(f"{device.name}: remove {address.value}", netlink.DELADDR, 0, body)
    except NetlinkError as error:
        # A primary IPv4 address takes its secondary ones along.
        if error.number != errno.EADDRNOTAVAIL:
            raise


def _address_body(index: int, value: Interface) -> bytes:
    family = 2 if value.version == 4 else 10
    header = _IFADDR.pack(family, value.network.prefixlen, 0, 0, index)
    return header + attribute(_IFA_LOCAL, value.ip.packed) + attribute(_IFA_ADDRESS, value.ip.packed)


def _address(body: bytes) -> tuple[int, Address]:
    _, length, _, scope, index = _IFADDR.unpack_from(body)
    found = netlink.attributes(body, _IFADDR.size)
    packed = found.get(_IFA_LOCAL) or found[_IFA_ADDRESS]
    value = ipaddress.ip_interface((packed, length))
    is_ours = found.get(_IFA_PROTO) == bytes([netlink.OWN_PROTOCOL])
    return index, Address(value, is_ours, is_link_local=scope == _LINK_SCOPE)


def _device(body: bytes, addresses: dict[int, list[Address]]) -> Device:
    _, _, _, index, flags, _ = _IFINFO.unpack_from(body)
    found = netlink.attributes(body, _IFINFO.size)
    info = netlink.attributes(found.get(_LINKINFO, b""), 0)
    kind = netlink.text(info.get(_INFO_KIND))
    data = netlink.attributes(info.get(_INFO_DATA, b""), 0) if kind == "vlan" else {}
    mac = found.get(_ADDRESS, b"").hex(":")
    return Device(
        index=index,
        name=netlink.text(found.get(_NAME)),
        kind=kind,
        mac=mac,
        permanent_mac=found.get(_PERM_ADDRESS, b"").hex(":") or mac,
        mtu=netlink.number(found.get(_MTU)) or 0,
        mtu_max=netlink.number(found.get(_MAX_MTU)) or 0,
        master=netlink.number(found.get(_MASTER)) or 0,
        group=netlink.number(found.get(_GROUP)) or 0,
        is_up=bool(flags & _UP),
        has_carrier=bool(flags & _LOWER_UP),
        is_loopback=bool(flags & _LOOPBACK),
        addresses=tuple(addresses.get(index, ())),
        parent=(netlink.number(found.get(_LINK)) or 0) if kind == "vlan" else 0,
        vlan=struct.unpack("=H", data[_VLAN_ID][:2])[0] if _VLAN_ID in data else None,
        priority=_priority(data.get(_VLAN_EGRESS_QOS)),
    )


def _priority(mappings: bytes | None) -> int | None:
    """The class that a VLAN sends in by its mappings, of which the kernel tells only those that are not 0."""
    mapping = netlink.attributes(mappings or b"", 0).get(_VLAN_QOS_MAPPING)
    return None if mapping is None else int(struct.unpack("=II", mapping[:8])[1])
