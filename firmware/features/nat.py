"""Masquerade: IPv4 that leaves into a zone which wants it takes the address of the line. IPv6 is never translated."""

from __future__ import annotations

from firmware.features import nft
from firmware.features.part import Part
from firmware.features.topology import zone_devices
from firmware.model.config import Config
from firmware.model.facts import Facts
from firmware.model.problem import Problem


def verify(config: Config, facts: Facts) -> list[Problem]:
    return []


def render(config: Config, facts: Facts) -> Part:
    devices = zone_devices(config)
    masqueraded = [d for name, zone in config.zones.items() if zone.masquerade for d in devices[name]]
    return Part(
        rules={"nat_out": ("meta nfproto ipv4 oifname @masquerade_devices masquerade",)},
        sets=(nft.named("masquerade_devices", "set", "ifname", map(nft.device, masqueraded)),),
    )
