"""Keeps the box in step with the time: schedules that begin and end, deadlines, lines that change.

One thread, which sleeps until the next of them is due or somebody pokes it. The wall clock may jump, so it looks
again at least twice a minute.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from firmware.engine import Engine
from firmware.engine.errors import EngineError
from firmware.features import limits, schedules

log = logging.getLogger(__name__)

LOOK_S = 30.0
HEAL_S = 300.0  # what others change behind our back is put right at least this often
SETTLE_S = 0.05  # events that come together are one


class Keeper:
    """Runs from ``start`` to ``close``; ``on_refresh`` is called after each refresh."""

    def __init__(self, engine: Engine, on_refresh: Callable[[], None]) -> None:
        self._engine = engine
        self._on_refresh = on_refresh
        self._wake = threading.Event()
        self._is_poked = threading.Event()
        self._is_closing = False
        self._active = self._due_now()
        self._refreshed_s = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def poke(self) -> None:
        """A fact has changed: refresh soon."""
        self._is_poked.set()
        self._wake.set()

    def look(self) -> None:
        """The configuration has changed: the next thing that is due may be another."""
        self._wake.set()

    def close(self) -> None:
        """End the thread."""
        self._is_closing = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_closing:
            wait_s = LOOK_S
            try:
                wait_s = self._turn()
            except EngineError as error:
                log.error("keeper: %s", error)
            except Exception:
                log.exception("keeper")
            if self._wake.wait(wait_s) and not self._is_closing:
                self._wake.clear()
                time.sleep(SETTLE_S)

    def _turn(self) -> float:
        """Do what is due; returns how long nothing else will be."""
        left_s = self._engine.check_deadline()
        active = self._due_now()
        is_old = time.monotonic() - self._refreshed_s > HEAL_S
        if self._is_poked.is_set() or active != self._active or is_old:
            self._is_poked.clear()
            is_done = False
            try:
                is_done = self._engine.refresh()
            finally:
                if not is_done:  # a line that died must not wait for the next event: it is tried again
                    self._is_poked.set()
            self._active, self._refreshed_s = active, time.monotonic()
            self._on_refresh()
        waits = [LOOK_S, self._until_next_change_s()]
        if left_s is not None:
            waits.append(left_s)
        return max(0.0, min(waits))

    def _due_now(self) -> tuple[frozenset[str], frozenset[str]]:
        """The schedules that hold, and the limits whose time is over."""
        config, now = self._engine.config, datetime.now(UTC)
        return schedules.active(config, now), limits.ended(config, now)

    def _until_next_change_s(self) -> float:
        config, now = self._engine.config, datetime.now(UTC)
        changes = [schedules.next_change(config, now), limits.next_end(config, now)]
        return min(((change - now).total_seconds() + 0.01 for change in changes if change), default=LOOK_S)
