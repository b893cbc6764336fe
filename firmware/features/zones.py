"""Who may enter which zone, and which of the box's services each zone reaches. Everything else is refused."""

from __future__ import annotations

from collections.abc import Iterator

from firmware.features import nft
from firmware.features.part import Part
from firmware.features.problems import problem, unknown
from firmware.features.topology import zone_devices
from firmware.model.config import Config
from firmware.model.facts import Facts
from firmware.model.problem import Problem

_PORTS: dict[str, tuple[str, ...]] = {
    "dhcp": ("udp . 67", "udp . 547"),
    "dns": ("tcp . 53", "udp . 53"),
    "ntp": ("udp . 123",),
    "ping": (),  # by ICMP type, below
    "ssh": ("tcp . 22",),
    "web": ("tcp . 80", "tcp . 443"),
}


def verify(config: Config, facts: Facts) -> list[Problem]:
    problems = []
    outside = {wan.zone for wan in config.wans.values()}
    for name, zone in sorted(config.zones.items()):
        for index, other in enumerate(zone.forward_to):
            if other not in config.zones:
                path = ("zones", name, "forward_to", str(index))
                problems.append(unknown(*path, value=other, known=config.zones, message="There is no zone %(value)s."))
    for name, lan in sorted(config.lans.items()):
        if lan.zone in outside:
            problems.append(
                problem(
                    "lans",
                    name,
                    "zone",
                    value=lan.zone,
                    message="A LAN and a line are in the same zone, so the LAN would be treated as the internet.",
                    remedy="Put the LAN into a zone of its own, such as lan.",
                )
            )
    return problems


def render(config: Config, facts: Facts) -> Part:
    devices = zone_devices(config)
    ping = [d for name, zone in config.zones.items() if "ping" in zone.services for d in devices[name]]
    return Part(
        rules={
            "forward": (
                "iifname . oifname vmap @zone_forward",
                # A person inside learns at once; the world outside learns nothing.
                "iifname @lan_devices goto refuse",
            ),
            "input": (
                "iifname . meta l4proto . th dport vmap @zone_services",
                "iifname @ping_devices icmp type echo-request accept",
                "iifname @ping_devices icmpv6 type echo-request accept",
                "iifname @lan_devices goto refuse",
            ),
        },
        sets=(
            nft.named("zone_forward", "vmap", "ifname . ifname : verdict", _forward(config, devices)),
            nft.named(
                "zone_services", "vmap", "ifname . inet_proto . inet_service : verdict", _services(config, devices)
            ),
            nft.named("ping_devices", "set", "ifname", map(nft.device, ping)),
        ),
    )


def _forward(config: Config, devices: dict[str, list[str]]) -> Iterator[str]:
    for name, zone in config.zones.items():
        for other in zone.forward_to:
            for source in devices[name]:
                for target in devices[other]:
                    yield f"{nft.device(source)} . {nft.device(target)} : accept"


def _services(config: Config, devices: dict[str, list[str]]) -> Iterator[str]:
    for name, zone in config.zones.items():
        for service in zone.services:
            for source in devices[name]:
                for port in _PORTS[service]:
                    yield f"{nft.device(source)} . {port} : accept"
