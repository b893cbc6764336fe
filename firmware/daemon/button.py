"""The board's button. A short press restarts; five seconds are for the version before, ten for factory settings.

What loses something is asked for: after it was let go the power light blinks fast for ten seconds, and only another
short press in that time does it. Business data are kept unless the button was held for half a minute.
"""

from __future__ import annotations

import logging
import os
import select
import struct
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from firmware.kernel import command
from firmware.kernel.errors import CommandError
from firmware.kernel.leds import Light, blink
from firmware.model.board import Button

log = logging.getLogger(__name__)

Action = Literal["restart", "previous", "reset", "wipe"]
LEAST_S, PREVIOUS_S, RESET_S, WIPE_S = 0.05, 5.0, 10.0, 30.0
ASK_S = 10.0
PROGRAMS: dict[Action, tuple[str, ...]] = {
    "restart": ("/sbin/reboot",),
    "previous": ("/usr/sbin/other-slot",),
    "reset": ("/usr/sbin/ask-reset", "keep"),
    "wipe": ("/usr/sbin/ask-reset", "wipe"),
}
# How the power light blinks while the button is held: the faster, the more is lost.
_BLINKS: dict[Action, int] = {"restart": 1000, "previous": 500, "reset": 250, "wipe": 120}
_ASKING_MS = 80
_EVENT = struct.Struct("@llHHi")  # struct input_event (linux/input.h)
_EV_KEY, _UP, _DOWN = 1, 0, 1
_INPUTS = Path("/sys/class/input")


class Presses:
    """Pure: presses and moments in, an action out. Moments are seconds of one clock."""

    def __init__(self) -> None:
        self._since_s: float | None = None
        self._asked: Action | None = None
        self._until_s = 0.0

    def down(self, now_s: float) -> None:
        self._since_s = now_s if self._since_s is None else self._since_s

    def up(self, now_s: float) -> Action | None:
        """What is to be done now that the button was let go."""
        if self._since_s is None:
            return None
        held_s, self._since_s = now_s - self._since_s, None
        asked, is_asking = self._asked, now_s < self._until_s
        self._asked, self._until_s = None, 0.0
        if held_s < LEAST_S:
            return None
        action = self._of(held_s)
        if action != "restart":
            self._asked, self._until_s = action, now_s + ASK_S
            return None
        return asked if asked is not None and is_asking else "restart"

    def light(self, now_s: float) -> Light | None:
        """What the power light shows meanwhile."""
        if self._since_s is not None:
            return blink(_BLINKS[self._of(now_s - self._since_s)])
        return blink(_ASKING_MS) if now_s < self._until_s else None

    def _of(self, held_s: float) -> Action:
        if held_s >= WIPE_S:
            return "wipe"
        return "reset" if held_s >= RESET_S else "previous" if held_s >= PREVIOUS_S else "restart"


class ButtonWatch:
    """A thread that waits for the button, from ``start`` to ``close``; without a device there is none."""

    def __init__(self, button: Button, act: Callable[[Action], None] | None = None) -> None:
        self._button, self._act = button, act or run
        self._presses = Presses()
        self._lock = threading.Lock()
        self._wake = os.pipe()
        self._thread: threading.Thread | None = None

    def start(self, path: Path | None = None) -> None:
        """``path`` is the input device, else it is found by its name."""
        path = path or find(self._button.device)
        if path is None:
            log.error("the button %s is not there", self._button.device)
            return
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            log.error("button %s: %s", path, error)
            return
        self._thread = threading.Thread(target=self._watch, args=(handle,), name="button", daemon=True)
        self._thread.start()

    def close(self) -> None:
        os.close(self._wake[1])
        if self._thread is not None:
            self._thread.join()
        os.close(self._wake[0])

    def light(self) -> Light | None:
        """What the power light shows while the button is held, or something is asked."""
        with self._lock:
            return self._presses.light(time.monotonic())

    def _watch(self, handle: int) -> None:
        try:
            while self._wake[0] not in select.select([handle, self._wake[0]], [], [])[0]:
                data = os.read(handle, _EVENT.size * 64)
                if not data:
                    return
                for action in self._read(data):
                    log.warning("the button was pressed: %s", action)
                    self._act(action)
        except OSError as error:
            log.error("button: %s", error)
        finally:
            os.close(handle)

    def _read(self, data: bytes) -> Sequence[Action]:
        found: list[Action] = []
        whole = len(data) // _EVENT.size * _EVENT.size
        for _, _, kind, key, value in _EVENT.iter_unpack(data[:whole]):
            if (kind, key) != (_EV_KEY, self._button.key):
                continue
            with self._lock:
                if value == _DOWN:
                    self._presses.down(time.monotonic())
                elif value == _UP and (action := self._presses.up(time.monotonic())) is not None:
                    found.append(action)
        return found


def find(name: str, root: Path = _INPUTS) -> Path | None:
    """The device file of an input device."""
    for place in sorted(root.glob("event*")):
        try:
            if (place / "device/name").read_text().strip() == name:
                return Path("/dev/input") / place.name
        except OSError:
            continue
    return None


def run(action: Action) -> None:
    """Do it; what cannot be done is logged."""
    try:
        command.run(PROGRAMS[action])
    except CommandError as error:
        log.error("button: %s", error)
