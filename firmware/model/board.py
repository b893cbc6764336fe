"""What a board has beside ports: lights and a button, as its file ``/etc/rs/board.json`` says."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

Role = Literal["power", "line", "lan", "alarm"]


class Button(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A key of an input device (linux/input-event-codes.h), found by the device's name."""

    device: str
    key: int


class Board(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Without a file: a board with neither lights nor button. ``leds`` are names in ``/sys/class/leds``."""

    name: str = ""
    leds: dict[Role, str] = field(default_factory=dict)
    button: Button | None = None
