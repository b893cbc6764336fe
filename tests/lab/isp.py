"""The services of one ISP, as texts: leases by dnsmasq, RA by radvd, delegation by ISC dhcpd."""

from __future__ import annotations

from pathlib import Path

from tests.lab import addresses
from tests.lab.addresses import Line


def dnsmasq(line: Line, directory: Path) -> str:
    """DHCPv4 with one address to lease: the line's."""
    return f"""port=0
interface=line
bind-interfaces
no-ping
no-daemon
dhcp-authoritative
dhcp-range={line.address},{line.address},{line.network.netmask},10m
dhcp-option=option:router,{line.gateway}
dhcp-option=option:dns-server,{addresses.NAME_SERVER}
dhcp-leasefile={directory}/leases
log-dhcp
"""


def radvd(line: Line) -> str:
    """Router advertisements: addresses and prefixes by DHCPv6, a prefix for those that would rather not."""
    return f"""interface line {{
  AdvSendAdvert on;
  AdvManagedFlag on;
  AdvOtherConfigFlag on;
  MinRtrAdvInterval 3;
  MaxRtrAdvInterval 10;
  prefix {line.network_v6} {{ AdvOnLink on; AdvAutonomous off; }};
}};
"""


def dhcpd6(line: Line) -> str:
    """DHCPv6: one address, one delegated /56."""
    first, last = line.prefix_v6.network_address, line.prefix_v6.network_address
    return f"""default-lease-time 3600;
preferred-lifetime 1800;
authoritative;
option dhcp6.name-servers 2001:2::53;
subnet6 {line.network_v6} {{
  range6 {line.address_v6} {line.address_v6};
  prefix6 {first} {last} /{line.prefix_v6.prefixlen};
}}
"""


def filter_rules(line: Line) -> str:
    """Ingress filter of the ISP (BCP 38): a packet with another line's source is counted and dropped."""
    site = line.network_v6.supernet(new_prefix=48)
    return f"""table inet isp {{
  chain ingress {{
    type filter hook prerouting priority -200;
    iifname "line" ip saddr != {{ {line.network}, 0.0.0.0 }} counter drop comment "spoofed"
    iifname "line" ip6 saddr != {{ {site}, fe80::/10, :: }} counter drop comment "spoofed"
  }}
}}
"""
