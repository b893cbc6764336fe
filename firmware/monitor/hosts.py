"""Who is behind the router: neighbour table, DHCP leases and names put together by MAC, with the groups each is in."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from firmware.model.config import Config
from firmware.model.values import Mac, Range, parse_mac, parse_member
from firmware.monitor.neighbours import Neighbour

ROUTER = "router"  # key of the box's own traffic
FORGET_S = 30 * 86_400
HOSTS_MAX = 4096
ADDRESSES_KEPT = 8  # of one host


class Lease(NamedTuple):
    mac: str
    address: str
    name: str  # "" where the host told none


@dataclass
class Host:
    """One machine; ``key`` is its MAC, or its address where no MAC is known (behind another router)."""

    key: str
    mac: str
    addresses: list[str] = field(default_factory=list)
    name: str = ""
    last_seen_s: float = 0.0

    @property
    def address(self) -> str:
        """The address a person knows it by: IPv4 before IPv6, else the one that came last."""
        return next((a for a in reversed(self.addresses) if ":" not in a), self.addresses[-1] if self.addresses else "")


def read_leases(path: Path) -> list[Lease]:
    """dnsmasq's lease file: ``expiry mac address name client-id``; IPv6 leases follow a line ``duid ...``."""
    found = []
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    for line in lines:
        words = line.split()
        if words[:1] == ["duid"]:
            break  # IPv6 leases carry a DUID instead of a MAC; the neighbour table joins those addresses to it
        if len(words) >= 4:
            try:
                lease = Lease(parse_mac(words[1]), str(ip_address(words[2])), "" if words[3] == "*" else words[3])
            except ValueError:
                continue  # dnsmasq is writing the file just now: the next reading has the line whole
            found.append(lease)
    return found


class Hosts:
    """The known machines; not to be used from several threads at once."""

    def __init__(self) -> None:
        self._hosts: dict[str, Host] = {}
        self._by_address: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._own: set[str] = set()
        self._members: list[tuple[str, list[Range], frozenset[str]]] = []

    def configure(self, config: Config) -> None:
        """Takes the names and groups that a person gave."""
        self._names = {parse_mac(host.mac): host.name for host in config.hosts.values()}
        self._members = []
        for name, group in sorted(config.groups.items()):
            members = [parse_member(text) for text in group.members]
            ranges = [member for member in members if isinstance(member, Range)]
            self._members.append((name, ranges, frozenset(m.text for m in members if isinstance(m, Mac))))

    def tell_own(self, own: Iterable[str]) -> None:
        """Takes the box's own addresses and MACs: the router is no host, not even by an address that it had before."""
        new = set(own) - self._own
        if not new:
            return
        self._own |= new
        for host in [host for host in self._hosts.values() if host.mac in new or new.intersection(host.addresses)]:
            self._forget(host)

    def is_own(self, address: str, mac: str = "") -> bool:
        """Whether an address or MAC is the box's own."""
        return address in self._own or mac in self._own

    def may_be_host(self, address: str, mac: str) -> bool:
        """Whether to note an address: not the box's own, nor a link-local one of a machine that shows no other."""
        return not self.is_own(address, mac) and (mac in self._hosts or not ip_address(address).is_link_local)

    def key_of(self, address: str, mac: str = "") -> str:
        """The key under which an address is counted."""
        if self.is_own(address, mac):
            return ROUTER
        return mac or self._by_address.get(address, address)

    def see(self, address: str, mac: str, seen_s: float, name: str = "") -> Host:
        """Notes that ``address`` (of ``mac``, where known) was there."""
        key = self.key_of(address, mac)
        if mac and (before := self._by_address.get(address)) not in {None, mac}:
            self._leave(before or "", address)
        host = self._hosts.get(key)
        if host is None:
            if len(self._hosts) >= HOSTS_MAX:
                self._forget(min(self._hosts.values(), key=lambda known: known.last_seen_s))
            host = self._hosts[key] = Host(key, mac)
        if address not in host.addresses:
            # Privacy extensions make new IPv6 addresses every day: only the last few are of use.
            host.addresses.append(address)
            for old in host.addresses[:-ADDRESSES_KEPT]:
                host.addresses.remove(old)
                self._by_address.pop(old, None)
        if mac:
            if address in self._hosts:  # known by its address until its MAC was
                self._hosts.pop(address)
            self._by_address[address] = mac
        host.last_seen_s = max(host.last_seen_s, seen_s)
        host.name = name or host.name
        return host

    def update(self, lan_devices: Iterable[int], table: Iterable[Neighbour], leases: Iterable[Lease]) -> None:
        """Takes a reading of the neighbour table and the leases; what is unheard of for a month is forgotten."""
        now_s = time.time()
        inside = set(lan_devices)
        for neighbour in table:
            if neighbour.device in inside and neighbour.mac and self.may_be_host(neighbour.address, neighbour.mac):
                known = self._hosts.get(neighbour.mac)
                seen_s = now_s if neighbour.is_reachable or known is None else known.last_seen_s
                self.see(neighbour.address, neighbour.mac, seen_s)
        for lease in leases:
            known = self._hosts.get(lease.mac)
            self.see(lease.address, lease.mac, known.last_seen_s if known else 0.0, lease.name)
        for host in [host for host in self._hosts.values() if host.last_seen_s < now_s - FORGET_S]:
            if host.last_seen_s:
                self._forget(host)

    def all(self) -> list[Host]:
        return list(self._hosts.values())

    def find(self, text: str) -> Host | None:
        """The host of that address, MAC or name."""
        wanted = text.lower()
        if host := self._hosts.get(self._by_address.get(wanted, wanted)):
            return host
        return next((host for host in self._hosts.values() if self.name(host).lower() == wanted), None)

    def name(self, host: Host) -> str:
        """The name a person gave, else what DHCP told."""
        return self._names.get(host.mac) or host.name

    def label(self, key: str) -> str:
        """What to call the host of an accounting key."""
        host = self._hosts.get(key)
        return (self.name(host) or host.address) if host else self._names.get(key, key)

    def groups(self, host: Host) -> list[str]:
        """Names of the groups that hold one of the host's addresses or its MAC."""
        numbers = [(address.version, int(address)) for address in map(ip_address, host.addresses)]
        return [
            name
            for name, ranges, macs in self._members
            if host.mac in macs
            or any(r.version == version and r.first <= number <= r.last for r in ranges for version, number in numbers)
        ]

    def _leave(self, key: str, address: str) -> None:
        """An address has gone over to another MAC."""
        host = self._hosts.get(key)
        if host and address in host.addresses:
            host.addresses.remove(address)
            if not host.addresses:
                self._forget(host)

    def _forget(self, host: Host) -> None:
        self._hosts.pop(host.key, None)
        for address in host.addresses:
            if self._by_address.get(address) == host.key:
                del self._by_address[address]
