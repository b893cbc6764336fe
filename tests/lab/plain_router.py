"""A router without the product: bridge, NAT, DHCP and DNS and nothing else.

For the tests of the lab itself, and as the baseline («NAT alone») that the benchmarks compare with. Only the first
line is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.lab import addresses, netns
from tests.lab.addresses import Host, Line
from tests.lab.topology import lan_port

BRIDGE = "br-lan"


def dnsmasq(directory: Path) -> str:
    """DHCP and a forwarding name server for the LAN, router advertisements for its prefix."""
    network = addresses.LAN_NETWORK.rpartition(".")[0]
    return f"""no-resolv
no-hosts
no-daemon
interface={BRIDGE}
bind-interfaces
server={addresses.NAME_SERVER}
dhcp-range={network}.100,{network}.250,10m
dhcp-range=::,constructor:{BRIDGE},ra-only,10m
enable-ra
dhcp-authoritative
no-ping
dhcp-leasefile={directory}/leases
"""


def nat_rules(line: Line) -> str:
    """Masquerading on the line."""
    return f"""table ip nat {{
  chain srcnat {{
    type nat hook postrouting priority 100;
    oifname "{line.port}" masquerade
  }}
}}
"""


def configure(namespace: str, lines: Sequence[Line], hosts: Sequence[Host], directory: Path) -> list[str]:
    """Sets kernel and files up and returns the command of the one process to start."""
    line = lines[0]
    netns.sysctl(namespace, net__ipv4__ip_forward="1", net__ipv6__conf__all__forwarding="1")
    commands = [f"link add {BRIDGE} type bridge forward_delay 0", f"link set {BRIDGE} up"]
    commands += [f"link set {lan_port(host, lines)} master {BRIDGE}" for host in hosts]
    commands += [
        f"address add {addresses.LAN_ADDRESS} dev {BRIDGE}",
        f"address add {line.prefix_v6[1]}/64 dev {BRIDGE} nodad",
        f"address add {line.address}/24 dev {line.port}",
        f"address add {line.address_v6}/64 dev {line.port} nodad",
        f"route add default via {line.gateway}",
        f"route add default via {line.gateway_v6}",
    ]
    netns.batch(commands, namespace)
    netns.command(netns.inside(namespace, ["nft", "-f", "-"]), nat_rules(line))
    path = directory / "dnsmasq.conf"
    path.write_text(dnsmasq(directory))
    return ["dnsmasq", "-C", str(path), "--user=root", "--pid-file="]
