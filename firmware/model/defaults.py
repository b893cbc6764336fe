"""The configuration of a box fresh from the factory."""

from __future__ import annotations

from firmware.model.config import Config, Lan, System, User, Wan, Zone


def factory(ports: list[str], headquarters: str = "") -> Config:
    """First port to the internet by DHCP, all others one office LAN; nothing listens towards the line."""
    wans = {"line1": Wan(interface=ports[0], number=1)} if ports else {}
    lans = {"office": Lan(ports=tuple(ports[1:]), address="192.168.8.1/24")} if len(ports) > 1 else {}
    return Config(
        system=System(headquarters=headquarters or None),
        wans=wans,
        lans=lans,
        zones={
            "lan": Zone(services=("dhcp", "dns", "ntp", "ping", "ssh", "web"), forward_to=("lan", "wan")),
            "guest": Zone(services=("dhcp", "dns", "ntp", "ping"), forward_to=("wan",)),
            "wan": Zone(services=("ping",), masquerade=True),
        },
        users={"admin": User(role="owner")},
    )
