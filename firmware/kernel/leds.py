"""Lights of the board (Documentation/leds/leds-class.rst): each has a trigger, by which the kernel works it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import NamedTuple

log = logging.getLogger(__name__)

LEDS = Path("/sys/class/leds")


class Light(NamedTuple):
    """``on``, ``off``, ``blink`` each ``period_ms``, or it follows (``follow``) a ``device``'s link and packets."""

    kind: str
    period_ms: int = 0
    device: str = ""


ON, OFF = Light("on"), Light("off")


def blink(period_ms: int) -> Light:
    return Light("blink", period_ms)


def follow(device: str) -> Light:
    return Light("follow", device=device)


def present(name: str, root: Path = LEDS) -> bool:
    """Whether the kernel knows the light."""
    return (root / name / "trigger").exists()


def show(name: str, light: Light, root: Path = LEDS) -> bool:
    """Have a light do that; returns whether it does. What is not there or does not obey is logged."""
    place = root / name
    try:
        if light.kind == "blink":
            _write(place / "trigger", "timer")
            _write(place / "delay_on", str(light.period_ms // 2))
            _write(place / "delay_off", str(light.period_ms // 2))
        elif light.kind == "follow":
            _write(place / "trigger", "netdev")
            _write(place / "device_name", light.device)
            for what in ("link", "tx", "rx"):
                _write(place / what, "1")
        else:
            _write(place / "trigger", "none")
            _write(place / "brightness", (place / "max_brightness").read_text() if light.kind == "on" else "0")
    except OSError as error:
        log.error("light %s: %s", name, error)
        return False
    return True


def _write(path: Path, text: str) -> None:
    """Without making a file where the kernel has none."""
    with path.open("r+") as file:
        file.write(text)
