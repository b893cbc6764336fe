"""What the network devices of a line are called: rules name them before they are there."""

from __future__ import annotations

from firmware.model.config import Wan

NAME_MAX = 15  # IFNAMSIZ without its NUL


def ethernet_device(wan: Wan) -> str:
    """The device that carries the line's frames: its port, or the VLAN on it."""
    if wan.vlan is None:
        return wan.interface
    name = f"{wan.interface}.{wan.vlan}"
    return name if len(name) <= NAME_MAX else f"v{wan.number}-{wan.vlan}"


def line_device(wan: Wan) -> str:
    """The device that has the line's addresses; a dialled line's comes and goes with its session."""
    return f"ppp{wan.number}" if wan.protocol == "pppoe" else ethernet_device(wan)
