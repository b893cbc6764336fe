"""The configuration of the virtual site's router, built from the typed model."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from firmware.model.config import Config, Dhcp, Group, Lan, Reservation, System, User, Wan, Zone
from tests.lab import addresses
from tests.lab.addresses import Host, Line
from tests.lab.topology import lan_port


def wan(line: Line) -> Wan:
    """The line as its ISP says it must be set up."""
    targets = (addresses.NAME_SERVER,)
    if line.protocol == "dhcp":
        return Wan(interface=line.port, number=line.number, health_targets=targets)
    return Wan(
        interface=line.port,
        number=line.number,
        protocol="static",
        address=f"{line.address}/{line.network.prefixlen}",
        gateway=str(line.gateway),
        dns=(addresses.NAME_SERVER,),
        ipv6="static",
        ipv6_address=f"{line.address_v6}/{line.network_v6.prefixlen}",
        ipv6_gateway=str(line.gateway_v6),
        ipv6_prefix=str(line.prefix_v6),
        health_targets=targets,
    )


def reservations(hosts: Sequence[Host]) -> dict[str, Reservation]:
    """A fixed address for every host but the first.

    dnsmasq pings an address of the pool for three seconds before it leases it, one host after the other.
    """
    network = addresses.LAN_NETWORK.rpartition(".")[0]
    return {host.name: Reservation(mac=host.mac, address=f"{network}.{10 + host.index}") for host in hosts[1:]}


def office(lines: Sequence[Line], hosts: Sequence[Host]) -> Config:
    """One LAN with all hosts, every line, a group of MACs per department."""
    departments = {name: tuple(h.mac for h in hosts if h.department == name) for name in addresses.DEPARTMENTS}
    network = addresses.LAN_NETWORK.rpartition(".")[0]
    lan = Lan(
        ports=tuple(lan_port(host, lines) for host in hosts),
        address=addresses.LAN_ADDRESS,
        dhcp=Dhcp(start=f"{network}.100", end=f"{network}.250", reservations=reservations(hosts)),
    )
    return Config(
        system=System(hostname="lab-router"),
        lans={"office": lan},
        wans={line.name: wan(line) for line in lines},
        zones={
            "lan": Zone(services=("dhcp", "dns", "ntp", "ping", "ssh", "web"), forward_to=("wan",)),
            "wan": Zone(services=("ping",), masquerade=True),
        },
        users={"admin": User(role="owner")},
        groups={name: Group(members=macs) for name, macs in departments.items() if macs},
    )


def text(config: Config) -> str:
    """The configuration as ``rsctl import`` reads it."""
    return msgspec.json.format(msgspec.json.encode(config)).decode()
