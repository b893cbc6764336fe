"""The numbering plan of the virtual site: documentation and benchmark ranges only, the same in every site."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Literal

SERVERS_V4 = IPv4Network("198.18.0.0/15")
# RFC 5180's benchmarking prefix: dnsmasq's rebind protection rightly drops answers from 2001:db8::/32.
SERVERS_V6 = IPv6Network("2001:2::/48")
_NAMED_FROM = 1 << 12  # the first 4,096 addresses are for the fixed servers below

NAME_SERVER = "198.18.0.53"
NAME_SERVER_V6 = "2001:2::53"
MAIL_SERVER = "198.18.0.25"
ECHO_SERVER = "198.18.0.7"
ECHO_SERVER_V6 = "2001:2::7"
IPERF_SERVER = "198.18.0.5"
TRACKER = "198.18.0.69"
OUTSIDER = "198.18.2.1"  # the source address of somebody who connects from outside
OUTSIDER_V6 = "2001:2::2:1"
SEEDS = ("198.18.1.1", "198.18.1.2")

LAN_NETWORK = "192.168.10.0/24"
LAN_ADDRESS = "192.168.10.1/24"

DEPARTMENTS = ("sales", "finance", "rd", "boss")


def server_addresses(name: str) -> tuple[str, str]:
    """The IPv4 and IPv6 address of the server of a site, so that each name has servers of its own."""
    digest = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    offset = _NAMED_FROM + digest % (SERVERS_V4.num_addresses - _NAMED_FROM)
    return str(SERVERS_V4[offset]), str(SERVERS_V6[0x10000 + digest % 0xFFFF0000])


@dataclass(frozen=True)
class Line:
    """A line from the router to one ISP and on to the internet; everything follows from its number, 1-7."""

    number: int

    @property
    def name(self) -> str:
        return f"wan{self.number}"

    @property
    def port(self) -> str:
        """The router's device."""
        return f"eth{self.number - 1}"

    @property
    def protocol(self) -> Literal["static", "dhcp"]:
        return "static" if self.number % 2 else "dhcp"

    @property
    def network(self) -> IPv4Network:
        documentation = {1: "198.51.100.0/24", 2: "203.0.113.0/24"}
        return IPv4Network(documentation.get(self.number, f"100.64.{self.number}.0/24"))

    @property
    def gateway(self) -> IPv4Address:
        return self.network[1]

    @property
    def address(self) -> IPv4Address:
        """The router's: configured on a static line, the only one to lease on a DHCP line."""
        return self.network[2] if self.protocol == "static" else self.network[10]

    @property
    def network_v6(self) -> IPv6Network:
        return IPv6Network(f"2001:db8:{self.number}:1::/64")

    @property
    def gateway_v6(self) -> IPv6Address:
        return self.network_v6[1]

    @property
    def address_v6(self) -> IPv6Address:
        return self.network_v6[0x10]

    @property
    def prefix_v6(self) -> IPv6Network:
        """What the ISP delegates or routes to the router."""
        return IPv6Network(f"2001:db8:{self.number}:100::/56")

    @property
    def transit(self) -> IPv4Network:
        """Between the ISP (second address) and the internet (first)."""
        return IPv4Network(f"192.0.2.{4 * self.number}/30")

    @property
    def transit_v6(self) -> IPv6Network:
        return IPv6Network(f"2001:db8:fffe:{self.number}::/64")

    @property
    def router_mac(self) -> str:
        return f"02:72:73:00:00:{self.number:02x}"


@dataclass(frozen=True)
class Host:
    """A computer of a department behind the router; ``index`` counts from 0 over all departments."""

    name: str
    index: int

    @property
    def department(self) -> str:
        return self.name.rstrip("0123456789")

    @property
    def mac(self) -> str:
        return f"02:72:73:01:{self.index >> 8:02x}:{self.index & 255:02x}"


def lines(count: int) -> tuple[Line, ...]:
    """The first ``count`` lines, 1-7."""
    if not 1 <= count <= 7:
        raise ValueError(f"a site has 1 to 7 lines, not {count}")
    return tuple(Line(number) for number in range(1, count + 1))


def hosts(count: int) -> tuple[Host, ...]:
    """``count`` hosts, dealt over the departments in turn."""
    if not 1 <= count <= 250:
        raise ValueError(f"a site has 1 to 250 hosts, not {count}")
    width = len(DEPARTMENTS)
    return tuple(Host(f"{DEPARTMENTS[i % width]}{i // width + 1}", i) for i in range(count))
