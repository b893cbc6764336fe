"""Lines to the internet: their ports and VLANs, addresses, and a DHCP client for those that are given their addresses.
Dialling is in ``pppoe.py``.

dhcpcd only asks and tells: it touches neither addresses, routes nor name servers (tried with 9.4.1 against ISC dhcpd
and radvd: bound, renewed and stopped, what others had configured stayed). Its hook finds the line in ``rs_line``, the
run directory in ``rs_run``, and writes what the line was given to ``{run}/lines/<wan>.json``; rsd renders again with
that as ``Facts.lines``. dhcpcd keeps its pid in ``/run/dhcpcd``, which two routers on one machine must not share.
"""

from __future__ import annotations

from ipaddress import IPv4Interface, IPv6Interface, IPv6Network

from firmware.features import nft
from firmware.features.interfaces import port_link
from firmware.features.part import Part
from firmware.features.problems import problem, unknown, unreadable
from firmware.features.topology import Line, lines
from firmware.model.config import Config, Interface, Wan
from firmware.model.devices import ethernet_device
from firmware.model.facts import Facts
from firmware.model.plan import File, Link, Unit
from firmware.model.problem import Problem
from firmware.model.targets import parse_target
from firmware.model.values import InterfaceAddress, can_be_gateway, parse_address, parse_interface, parse_network

PORT_MTU, PPPOE_BYTES = 1500, 8
PAGE_INTERVAL_MS = 1000  # no page is fetched more often without a warning


def verify(config: Config, facts: Facts) -> list[Problem]:
    problems: list[Problem] = []
    owner: dict[int, str] = {}
    address_owner: dict[str, str] = {}
    for name, wan in sorted(config.wans.items()):
        if owner.setdefault(wan.number, name) != name:
            problems.append(
                problem(
                    "wans",
                    name,
                    "number",
                    value=wan.number,
                    message="Line %(other)s has this number already.",
                    remedy="Give each line its own number from 1 to 7.",
                    other=owner[wan.number],
                )
            )
        if wan.zone not in config.zones:
            problems.append(
                unknown("wans", name, "zone", value=wan.zone, known=config.zones, message="There is no zone %(value)s.")
            )
        problems += _verify_device(config, facts, name, wan)
        problems += _verify_addresses(name, wan)
        own = (wan.address or "").partition("/")[0] if wan.protocol == "static" else ""
        if own and address_owner.setdefault(own, name) != name:
            message = "Two lines have the same address."
            remedy = "Give each line the address that its provider gave you."
            problems.append(problem("wans", name, "address", value=wan.address, message=message, remedy=remedy))
        problems += _verify_servers(name, "dns", wan.dns)
        problems += _verify_targets(name, wan)
    return problems


def render(config: Config, facts: Facts) -> Part:
    files, units = [], []
    sysctls: dict[str, str] = {}
    active = lines(config, facts)
    for line in active:
        wan = config.wans[line.name]
        sysctls[f"net/ipv4/conf/{line.device}/rp_filter"] = "2"  # a reply may come by the other line's peer
        sysctls[f"net/ipv6/conf/{line.device}/accept_ra"] = "0"  # dhcpcd reads advertisements itself
        if wan.protocol == "dhcp" or (wan.ipv6 == "dhcp" and (line.address4 or not line.is_dialled)):
            path = f"dhcpcd/{line.name}.conf"
            mac = facts.ports[wan.interface].mac if wan.interface in facts.ports else ""
            files.append(File(path=path, content=_dhcpcd_conf(wan, line, mac)))
            units.append(Unit(name=f"dhcpcd-{line.name}", argv=_dhcpcd_argv(line, path), restart_on=(path,)))
    return Part(
        links=_links(config, active),
        files=tuple(files),
        units=tuple(units),
        sysctls=sysctls,
        sets=(nft.named("wan_devices", "set", "ifname", (nft.device(line.device) for line in active)),),
    )


def _links(config: Config, active: tuple[Line, ...]) -> tuple[Link, ...]:
    """The lines' ports, each once, and the VLANs on them. A port may be in a LAN's bridge and carry VLANs besides."""
    bridged = {port for lan in config.lans.values() for port in lan.ports}
    ports: dict[str, Link] = {}
    vlans, sessions = [], []
    for line in active:
        wan = config.wans[line.name]
        addresses = _addresses(line)
        if line.is_dialled:
            addresses = (str(line.address6),) if line.address6 else ()  # pppd gives the device its IPv4 address
            sessions.append(Link(name=line.device, kind="ppp", addresses=addresses))
            addresses = ()
        if wan.vlan is None:
            ports[wan.interface] = port_link(config, wan.interface, addresses=addresses)
            continue
        port = port_link(config, wan.interface)
        if wan.interface not in bridged:
            ports.setdefault(wan.interface, port)
        vlans.append(
            Link(
                name=ethernet_device(wan),
                kind="vlan",
                up=port.up,
                mtu=port.mtu if line.is_dialled else wan.mtu or port.mtu,
                parent=wan.interface,
                vlan=wan.vlan,
                priority=wan.vlan_priority,
                addresses=tuple(sorted(addresses)),
            )
        )
    return (*ports.values(), *vlans, *sessions)


def _addresses(line: Line) -> tuple[str, ...]:
    return tuple(str(address) for address in (line.address4, line.address6) if address)


def _dhcpcd_argv(line: Line, path: str) -> tuple[str, ...]:
    environment = ("-e", f"rs_line={line.name}", "-e", "rs_run={run}")
    return ("dhcpcd", "-B", "-q", "-f", f"{{run}}/{path}", *environment, "-c", "{lib}/line-hook", line.device)


def _dhcpcd_conf(wan: Wan, line: Line, mac: str) -> str:
    rows = ["noconfigure", "nogateway", "noarp", "noipv4ll", "clientid", "require dhcp_server_identifier"]
    rows.append("option subnet_mask, routers, domain_name_servers")
    if wan.ipv6 != "dhcp":
        rows.append("ipv4only")
    else:
        if wan.protocol != "dhcp":
            rows.append("ipv6only")
        # The DUID is made of the MAC, so it is the same after every reset; a session has none, but its port has. One
        # address and one prefix are asked for.
        duid = f"duid 00:03:00:01:{mac}" if line.is_dialled and mac else "duid ll"
        rows += [duid, "ipv6rs", "ipv6ra_noautoconf", f"interface {line.device}", "ia_na 1", "ia_pd 2"]
    if line.is_dialled:
        rows.insert(0, f"# session of {line.address4}")  # another session begins anew
    return "".join(f"{row}\n" for row in rows)


def _verify_device(config: Config, facts: Facts, name: str, wan: Wan) -> list[Problem]:
    """The VLAN and the size of packets."""
    problems = []
    if wan.vlan is None and wan.vlan_priority is not None:
        message = "The priority is written into the VLAN's tag, and this line has no VLAN."
        remedy = "Enter the VLAN too, or remove the priority."
        problems.append(problem("wans", name, "vlan_priority", value=wan.vlan_priority, message=message, remedy=remedy))
    if wan.vlan is not None and ethernet_device(wan) in facts.ports:
        message = "A port is called %(device)s already, as the VLAN would be."
        remedy = "Use that port for the line, without a VLAN."
        device = ethernet_device(wan)
        problems.append(problem("wans", name, "vlan", value=wan.vlan, message=message, remedy=remedy, device=device))
    if wan.mtu is None:
        return problems
    path = ("wans", name, "mtu")
    if wan.vlan is None and wan.protocol != "pppoe":
        message = "The size of packets on this line is that of its port."
        remedy = "Remove it here and set interfaces.%(port)s.mtu."
        problems.append(problem(*path, value=wan.mtu, message=message, remedy=remedy, port=wan.interface))
        return problems
    limit = config.interfaces.get(wan.interface, Interface()).mtu or PORT_MTU
    if wan.protocol == "pppoe":
        limit = min(limit - PPPOE_BYTES, PORT_MTU)  # RFC 4638 goes no further
    if wan.mtu > limit:
        message = "Packets of this size do not fit through the line's port."
        remedy = "Use at most %(limit)s, or raise interfaces.%(port)s.mtu first."
        problems.append(problem(*path, value=wan.mtu, message=message, remedy=remedy, limit=limit, port=wan.interface))
    return problems


def _verify_addresses(name: str, wan: Wan) -> list[Problem]:
    problems = []
    if wan.protocol == "static":
        pair = (("address", wan.address), ("gateway", wan.gateway))
        problems += _verify_pair(name, *pair, kind=IPv4Interface)
    elif wan.address or wan.gateway:
        problems.append(
            problem(
                "wans",
                name,
                "protocol",
                value=wan.protocol,
                message="A line that gets its address from the provider has none of its own.",
                remedy="Remove address and gateway, or choose the protocol static.",
            )
        )
    if wan.ipv6 == "static":
        pair = (("ipv6_address", wan.ipv6_address), ("ipv6_gateway", wan.ipv6_gateway))
        problems += _verify_pair(name, *pair, kind=IPv6Interface)
    if wan.ipv6_prefix is not None:
        path = ("wans", name, "ipv6_prefix")
        remedy = "Write the prefix that the provider routes here as 2001:db8:1200::/56, at most 64 long."
        prefix, wrong = unreadable(
            parse_network, wan.ipv6_prefix, *path, message="This is no IPv6 prefix.", remedy=remedy
        )
        problems += wrong
        if prefix is not None and (not isinstance(prefix, IPv6Network) or prefix.prefixlen > 64):
            problems.append(problem(*path, value=wan.ipv6_prefix, message="This is no IPv6 prefix.", remedy=remedy))
    return problems


def _verify_pair(
    name: str,
    own: tuple[str, str | None],
    peer: tuple[str, str | None],
    kind: type[IPv4Interface] | type[IPv6Interface],
) -> list[Problem]:
    """A static line's address and gateway: both there, of one family, the gateway reachable by the line."""
    problems = []
    (address_key, address_text), (gateway_key, gateway_text) = own, peer
    for key, text in (own, peer):
        if text is None:
            problems.append(
                problem(
                    "wans",
                    name,
                    key,
                    message="A static line needs this.",
                    remedy="Enter what the provider gave you, or choose dhcp.",
                )
            )
    if address_text is None or gateway_text is None:
        return problems
    address, wrong = unreadable(
        parse_interface,
        address_text,
        "wans",
        name,
        address_key,
        message="This is no address with a prefix length.",
        remedy="Write it as 198.51.100.2/24 or 2001:db8::2/64.",
    )
    gateway, wrong_gateway = unreadable(
        parse_address,
        gateway_text,
        "wans",
        name,
        gateway_key,
        message="This is no address.",
        remedy="Write the provider's router as 198.51.100.1 or 2001:db8::1.",
    )
    problems += wrong + wrong_gateway
    if address is None or gateway is None:
        return problems
    if not isinstance(address, kind):
        problems.append(
            problem(
                "wans",
                name,
                address_key,
                value=address_text,
                message="This is an address of the other family.",
                remedy="IPv4 belongs to address and gateway, IPv6 to ipv6_address and ipv6_gateway.",
            )
        )
    elif not can_be_gateway(gateway, address) or not (
        gateway.is_link_local or gateway in address.network or _is_alone(address)
    ):
        problems.append(
            problem(
                "wans",
                name,
                gateway_key,
                value=gateway_text,
                message="The gateway is not another host of the line's network %(network)s.",
                remedy="Check the address, its prefix length and the gateway.",
                network=address.network,
            )
        )
    return problems


def _is_alone(address: InterfaceAddress) -> bool:
    """Whether it is without a network, as some providers give it; the gateway is then reached on the wire."""
    return address.network.num_addresses == 1


def _verify_targets(name: str, wan: Wan) -> list[Problem]:
    """Questions that test the line: readable, with a name server where they need one, and not too often."""
    problems: list[Problem] = []
    kinds = set()
    for index, text in enumerate(wan.health_targets):
        path = ("wans", name, "health_targets", str(index))
        remedy = "Write 223.5.5.5, dns://223.5.5.5/www.qq.com, tcp://1.2.3.4:443 or http://www.example.com/page."
        message = "A line cannot be tested with this."
        target, wrong = unreadable(parse_target, text, *path, message=message, remedy=remedy)
        problems += wrong
        if target is None:
            continue
        kinds.add(target.kind)
        if target.has_name and wan.protocol == "static" and not wan.dns:
            message = "The line has no name servers to find this host with."
            remedy = "Enter name servers at the line, or the host's address here."
            problems.append(problem(*path, value=text, message=message, remedy=remedy))
    interval = ("wans", name, "health", "interval_ms")
    if "http" in kinds and wan.health.interval_ms < PAGE_INTERVAL_MS:
        message = "The page would be fetched several times a second."
        remedy = "Use %(limit)s milliseconds or more, or tcp:// instead of http://."
        limit, told = PAGE_INTERVAL_MS, wan.health.interval_ms
        problems.append(problem(*interval, value=told, message=message, remedy=remedy, severity="warning", limit=limit))
    return problems


def _verify_servers(name: str, key: str, servers: tuple[str, ...]) -> list[Problem]:
    problems = []
    for index, server in enumerate(servers):
        _, wrong = unreadable(
            parse_address,
            server,
            "wans",
            name,
            key,
            str(index),
            message="This is no address.",
            remedy="Write an address such as 223.5.5.5.",
        )
        problems += wrong
    return problems
