"""What was on a line that died begins anew on another, as soon as there is one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable

from firmware.features.topology import WAN_BITS, WAN_MASK, Line, usable
from firmware.kernel import conntrack
from firmware.kernel.errors import KernelError
from firmware.monitor import Monitor

log = logging.getLogger(__name__)


class DeadLines:
    """Used by several threads; ``poke`` asks for another ``cut`` after the next refresh of the box.

    Flows are cut twice: the first time may follow a refresh that did not know yet, and flows then come back to the
    dead line.
    """

    def __init__(self, monitor: Monitor, poke: Callable[[], None]) -> None:
        self._monitor, self._poke = monitor, poke
        self._lock = threading.Lock()
        self._times: dict[int, int] = {}  # by line whose flows are still in conntrack: how often to cut them

    def line_is(self, number: int, is_up: bool) -> None:
        """What the health check has found."""
        with self._lock:
            self._times.pop(number, None)
            if not is_up:
                self._times[number] = 2

    def cut(self, now: Iterable[Line]) -> None:
        """Forget the dead lines' flows if a line works; else they wait: the line may be back soon."""
        if not self._times or not usable(now):
            return
        with self._lock:
            dead, self._times = self._times, {}
            self._times.update({number: times - 1 for number, times in dead.items() if times > 1})
        for number in dead:
            try:
                flows = self._monitor.flows_of_line(number)
                conntrack.forget(number << WAN_BITS, WAN_MASK)
                self._monitor.nudge(flows)
            except (KernelError, OSError) as error:
                log.error("line %d: %s", number, error)
        if self._times:
            self._poke()
