"""The board's lights: power, lines, local network, alarm. What each shows is decided anew twice a second, and written
only when it is another."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from firmware.kernel import leds
from firmware.kernel.leds import OFF, ON, Light, blink, follow
from firmware.model.board import Board, Role

log = logging.getLogger(__name__)

BOARD_FILE = Path("/etc/rs/board.json")
ALARM_MS, PARTLY_MS = 1000, 2000


class Shown(NamedTuple):
    """What the lights tell: devices of the lines and whether each works, of the LANs, how many alarms are open."""

    lines: Sequence[tuple[str, bool]]
    lans: Sequence[str]
    alarms: int


def read_board(path: Path = BOARD_FILE) -> Board:
    """The board's file; without one, or with a broken one, there are neither lights nor button."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Board)
    except FileNotFoundError:
        return Board()
    except (OSError, msgspec.DecodeError) as error:
        log.error("%s is passed over: %s", path, error)
        return Board()


def wanted(board: Board, shown: Shown) -> dict[Role, Light]:
    """What each light shows. Where there is none for alarms, power blinks instead."""
    working = [device for device, is_up in shown.lines if is_up]
    line = OFF if not working else follow(working[0]) if len(working) == len(shown.lines) else blink(PARTLY_MS)
    alarm = blink(ALARM_MS) if shown.alarms else OFF
    lights: dict[Role, Light] = {
        "power": alarm if shown.alarms and "alarm" not in board.leds else ON,
        "line": line,
        "lan": follow(shown.lans[0]) if shown.lans else OFF,
        "alarm": alarm,
    }
    return {role: lights[role] for role in board.leds}


class Lights:
    """``ask``, while it says something, has the power light instead: somebody holds the button."""

    def __init__(self, board: Board, look: Callable[[], Shown], root: Path = leds.LEDS) -> None:
        self.board, self._look, self._root = board, look, root
        self._shown: dict[str, Light] = {}
        self.ask: Callable[[], Light | None] = lambda: None

    def state(self) -> dict[str, Any]:
        """The verb ``board``."""
        lights = {role: leds.present(name, self._root) for role, name in self.board.leds.items()}
        return {"name": self.board.name, "lights": lights, "button": self.board.button is not None}

    def watch(self) -> None:
        """Bring the lights to what they shall show."""
        if not self.board.leds:
            return
        lights: Mapping[Role, Light] = wanted(self.board, self._look())
        asked = self.ask()
        for role, decided in lights.items():
            name = self.board.leds[role]
            light = asked if asked is not None and role == "power" else decided
            if self._shown.get(name) != light:
                leds.show(name, light, self._root)
                self._shown[name] = light  # one that does not obey is not told so twice a second
