"""Namespaces, cables, addresses and routes of a site: everything below the processes.

The internet is one namespace in which all server addresses are local; each ISP is a namespace between it and a port of
the router; each host is a namespace on a port of the router. What the router does with its ports is not decided here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from tests.lab import addresses, netns
from tests.lab.addresses import Host, Line

INTERNET = "net"
ROUTER = "router"
# The ISP sends the delegated prefix to the router's port: no such neighbour needs to exist, only its MAC matters.
_NEXT_HOP = "fe80::5"


def namespaces(lines: Sequence[Line], hosts: Sequence[Host]) -> list[str]:
    """Short names of all namespaces of a site."""
    return [INTERNET, ROUTER, *(isp(line) for line in lines), *(host.name for host in hosts)]


def isp(line: Line) -> str:
    """Short name of a line's ISP."""
    return f"isp{line.number}"


def lan_port(host: Host, lines: Sequence[Line]) -> str:
    """The router's device that a host is plugged into."""
    return f"eth{len(lines) + host.index}"


def build(prefix: str, lines: Sequence[Line], hosts: Sequence[Host]) -> None:
    """Makes all namespaces and cables; :raise TimeoutError: when a carrier does not come."""
    names = [prefix + name for name in namespaces(lines, hosts)]
    netns.add(names)
    for name in names:
        # No optimistic pause before a new address works: nobody else is on these cables.
        netns.sysctl(name, net__ipv6__conf__default__dad_transmits="0", net__ipv6__conf__default__accept_dad="0")
    _cables(prefix, lines, hosts)
    _internet(prefix, lines)
    for line in lines:
        _isp(prefix, line)
    for host in hosts:
        netns.batch(["link set eth0 up"], prefix + host.name)
    ports = [line.port for line in lines] + [lan_port(host, lines) for host in hosts]
    netns.batch([f"link set {port} up" for port in ports], prefix + ROUTER)
    for name in names:
        netns.wait_until(lambda name=name: _has_carriers(name), f"carrier in {name}")


def _cables(prefix: str, lines: Sequence[Line], hosts: Sequence[Host]) -> None:
    router = f"netns {prefix}{ROUTER}"
    commands = []
    for line in lines:
        isp_ns = f"netns {prefix}{isp(line)}"
        near = f"name {line.port} address {line.router_mac} {router}"
        commands.append(f"link add {near} type veth peer name line {isp_ns}")
        commands.append(f"link add name uplink {isp_ns} type veth peer name isp{line.number} netns {prefix}{INTERNET}")
    for host in hosts:
        far = f"name {lan_port(host, lines)} {router}"
        commands.append(f"link add name eth0 address {host.mac} netns {prefix}{host.name} type veth peer {far}")
    netns.batch(commands)


def _internet(prefix: str, lines: Sequence[Line]) -> None:
    commands = [f"route add local {addresses.SERVERS_V4} dev lo", f"route add local {addresses.SERVERS_V6} dev lo"]
    # A preferred source of IPv6 must be a real address.
    commands.append(f"address add {addresses.OUTSIDER_V6}/128 dev lo nodad")
    for line in lines:
        device = f"isp{line.number}"
        commands += [
            f"address add {line.transit[1]}/30 dev {device}",
            f"address add {line.transit_v6[1]}/64 dev {device} nodad",
            f"link set {device} up",
            f"route add {line.network} via {line.transit[2]} src {addresses.OUTSIDER}",
            f"route add {line.network_v6.supernet(new_prefix=48)} via {line.transit_v6[2]} src {addresses.OUTSIDER_V6}",
        ]
    # Servers bind addresses of the range, which the kernel of IPv6 knows as a route only.
    netns.sysctl(prefix + INTERNET, net__ipv6__ip_nonlocal_bind="1")
    netns.batch(commands, prefix + INTERNET)


def _isp(prefix: str, line: Line) -> None:
    name = prefix + isp(line)
    netns.sysctl(name, net__ipv4__ip_forward="1", net__ipv6__conf__all__forwarding="1")
    commands = [
        f"address add {line.gateway}/24 dev line",
        f"address add {line.gateway_v6}/64 dev line nodad",
        f"address add {line.transit[2]}/30 dev uplink",
        f"address add {line.transit_v6[2]}/64 dev uplink nodad",
        "link set line up",
        "link set uplink up",
        f"route add default via {line.transit[1]}",
        f"route add default via {line.transit_v6[1]}",
        f"neighbour add {_NEXT_HOP} lladdr {line.router_mac} nud permanent dev line",
        f"route add {line.prefix_v6} via {_NEXT_HOP} dev line",
    ]
    netns.batch(commands, name)


def _has_carriers(name: str) -> bool:
    links = json.loads(netns.command(["ip", "-n", name, "-j", "link"]))
    return all("LOWER_UP" in link["flags"] for link in links)
