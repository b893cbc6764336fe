"""Addresses for the LANs: DHCPv4 pools and reservations, IPv6 by router advertisement; served by dnsmasq (dns.py)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, ip_interface

from firmware.features.part import Part
from firmware.features.problems import problem, unreadable
from firmware.features.topology import bridge, lan_address
from firmware.model.config import Config, Dhcp
from firmware.model.facts import Facts
from firmware.model.plan import File
from firmware.model.problem import Problem
from firmware.model.values import parse_address, parse_mac

CONF, RESERVATIONS = "dnsmasq.d/dhcp.conf", "dnsmasq/reservations"
_BAD_ADDRESS = "This is no address."


def verify(config: Config, facts: Facts) -> list[Problem]:
    problems: list[Problem] = []
    mac_owner: dict[str, str] = {}
    for name, lan in sorted(config.lans.items()):
        try:
            interface = ip_interface(lan.address)
        except ValueError:
            continue  # told by lan.py
        if not isinstance(interface, IPv4Interface) or interface.network.num_addresses < 4:
            continue
        problems += _verify_pool(name, lan.dhcp, interface)
        problems += _verify_reservations(name, lan.dhcp, interface, mac_owner)
        zone = config.zones.get(lan.zone)
        if lan.dhcp.enabled and zone is not None and "dhcp" not in zone.services:
            message = "DHCP is on here, but zone %(zone)s does not let the service dhcp through."
            remedy = "Add dhcp to the zone's services, or switch DHCP off in this LAN."
            path = ("lans", name, "dhcp", "enabled")
            problems.append(problem(*path, value="true", message=message, remedy=remedy, zone=lan.zone))
    return problems


def render(config: Config, facts: Facts) -> Part:
    conf, reservations = ["dhcp-authoritative", "quiet-dhcp", "quiet-dhcp6", "quiet-ra"], []
    has_ipv6 = any(wan.enabled and wan.ipv6 != "off" for wan in config.wans.values())
    for name, lan in sorted(config.lans.items()):
        # A LAN without a range is given no IPv4; "no-dhcp-interface" would keep it from IPv6 too.
        if lan.dhcp.enabled:
            first, last = pool(lan.dhcp, lan_address(lan))
            conf.append(f"dhcp-range=set:{name},{first},{last},{lan_address(lan).netmask},{lan.dhcp.lease_s}")
        if lan.ipv6 and has_ipv6:
            # The prefix comes from the bridge's own address, so a new delegation needs no new configuration here.
            conf.append(
                f"dhcp-range=set:{name},::,constructor:{bridge(name)},ra-stateless,ra-names,64,{lan.dhcp.lease_s}"
            )
        for host, reservation in sorted(lan.dhcp.reservations.items()):
            host_name = host.replace("_", "-").rstrip("-")
            reservations.append(f"{parse_mac(reservation.mac)},{parse_address(reservation.address)},{host_name}")
    if any("constructor:" in line for line in conf):
        conf += ["enable-ra", "dhcp-option=option6:dns-server,[::]"]
    return Part(
        files=(
            File(path=CONF, content="".join(f"{line}\n" for line in conf)),
            File(path=RESERVATIONS, content="".join(f"{line}\n" for line in reservations)),
        )
    )


def pool(dhcp: Dhcp, interface: IPv4Interface) -> tuple[IPv4Address, IPv4Address]:
    """Both ends of a LAN's pool. Where nothing is said: from two fifths of the network to its end (.102 to .254)."""
    network = interface.network
    first = network.network_address + max(1, network.num_addresses * 2 // 5)
    start = IPv4Address(dhcp.start) if dhcp.start else first
    return start, IPv4Address(dhcp.end) if dhcp.end else network.broadcast_address - 1


def _verify_pool(name: str, dhcp: Dhcp, interface: IPv4Interface) -> list[Problem]:
    problems: list[Problem] = []
    ends: dict[str, IPv4Address] = {}
    for key, text in (("start", dhcp.start), ("end", dhcp.end)):
        if text is None:
            continue
        path = ("lans", name, "dhcp", key)
        remedy = "Write an address of this LAN, or leave it out."
        address, wrong = unreadable(parse_address, text, *path, message=_BAD_ADDRESS, remedy=remedy)
        problems += wrong
        if address is not None and address not in interface.network:
            message = "The pool lies outside of the LAN's network %(network)s."
            problems.append(problem(*path, value=text, message=message, remedy=remedy, network=interface.network))
        elif isinstance(address, IPv4Address):
            ends[key] = address
    if not problems:
        start, end = pool(dhcp, interface)
        if start > end:
            message = "The pool ends (%(end)s) before it starts (%(start)s)."
            path = ("lans", name, "dhcp", "end")
            remedy = "Exchange start and end."
            problems.append(problem(*path, value=end, message=message, remedy=remedy, start=start, end=end))
    return problems


def _verify_reservations(lan: str, dhcp: Dhcp, interface: IPv4Interface, mac_owner: dict[str, str]) -> list[Problem]:
    problems: list[Problem] = []
    address_owner: dict[object, str] = {interface.ip: "router"}
    for name, reservation in sorted(dhcp.reservations.items()):
        path = ("lans", lan, "dhcp", "reservations", name)
        mac, wrong = unreadable(
            parse_mac,
            reservation.mac,
            *path,
            "mac",
            message="This is no MAC address of a device.",
            remedy="Write it as 02:00:5e:10:00:01; the first byte is even.",
        )
        problems += wrong
        # One device may have a reservation in each LAN that it visits.
        if mac is not None and mac_owner.setdefault(f"{lan} {mac}", name) != name:
            message = "%(other)s has the same MAC address."
            remedy = "Give each its own, or remove one."
            other = mac_owner[f"{lan} {mac}"]
            problems.append(problem(*path, "mac", value=mac, message=message, remedy=remedy, other=other))
        remedy = "Write a free address of this LAN (%(network)s)."
        address, wrong = unreadable(
            parse_address, reservation.address, *path, "address", message=_BAD_ADDRESS, remedy="Write an address."
        )
        problems += wrong
        if address is None:
            continue
        network = interface.network
        if address not in network:
            message = "The address lies outside of its LAN."
            problems.append(problem(*path, "address", value=address, message=message, remedy=remedy, network=network))
        elif address_owner.setdefault(address, name) != name:
            message = "%(other)s has this address already."
            other = address_owner[address]
            problems.append(
                problem(*path, "address", value=address, message=message, remedy=remedy, other=other, network=network)
            )
        elif address in (network.network_address, network.broadcast_address):
            message = "No host can have this address."
            problems.append(problem(*path, "address", value=address, message=message, remedy=remedy, network=network))
    return problems
