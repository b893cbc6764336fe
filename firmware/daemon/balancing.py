"""Follows what is free on the lines, where new connections are dealt out by it."""

from __future__ import annotations

from collections.abc import Callable

from firmware.daemon.due import Due
from firmware.daemon.facts import FactsSource
from firmware.features import shares
from firmware.features.topology import lines, usable
from firmware.model.config import Config
from firmware.model.facts import Facts
from firmware.monitor import Monitor

LOOK_S = 5.0
LEAST = 20  # a full line still counts with this part of its rate: what fills it may end at any moment


class Balancing:
    """One thread calls ``watch`` all the time; ``poke`` has the box brought in step with what changed."""

    def __init__(self, monitor: Monitor, facts: FactsSource, poke: Callable[[], None]) -> None:
        self._monitor, self._facts, self._poke = monitor, facts, poke
        self._due = Due(LOOK_S)

    def watch(self, config: Config, passed_s: float) -> None:
        """Look when it is due; ``passed_s`` is the time since the last call."""
        if self._due.after(passed_s):
            self.look(config)

    def look(self, config: Config) -> None:
        """Tell what is free when it makes a difference to the shares."""
        if not shares.follows_free(config):
            self._facts.free_bps = {}
            return
        source = self._facts
        known = Facts(lines=source.lines(config), spent_lines=source.spent_lines, free_bps=source.free_bps)
        before = shares.room(config, known, usable(lines(config, known)))
        used = self._monitor.download_rates()
        now = {name: free(config.wans[name].down_bps or 1, used.get(name, 0)) for name in before}
        if len(now) > 1 and shares.has_moved(before, now):
            source.free_bps = now
            self._poke()


def free(rate_bps: int, used_bps: int) -> int:
    """What a line has left for new connections."""
    return max(rate_bps - used_bps, rate_bps // LEAST)
