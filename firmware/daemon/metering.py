"""Lines that are paid by the month's bytes: which have spent them, and the alarms that say so.

A line that has spent its month becomes the last of the backups (features/topology.py) until the next one begins or its
cap is raised.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from datetime import datetime

from firmware.daemon.due import Due
from firmware.daemon.facts import FactsSource
from firmware.daemon.journal import Level
from firmware.model.config import Config
from firmware.model.zone import site_zone
from firmware.monitor import Monitor
from firmware.monitor.meter import Month

log = logging.getLogger(__name__)

LOOK_S = 60.0
WARN_PERCENT = 80
NEARLY = "The line %(line)s has used 80 percent of its %(cap)s GB; its month ends on %(until)s."
SPENT = "The line %(line)s has used up its %(cap)s GB: until %(until)s it is used only when no other line works."


class Metering:
    """``look`` may come from several threads; ``poke`` has the box brought in step with what changed."""

    def __init__(
        self,
        monitor: Monitor,
        facts: FactsSource,
        *,
        tell: Callable[[str, Level, str, dict[str, str]], None],
        clear: Callable[[str], None],
        poke: Callable[[], None],
    ) -> None:
        self._monitor, self._facts = monitor, facts
        self._tell, self._clear, self._poke = tell, clear, poke
        self._lock = threading.Lock()
        self._said: dict[str, tuple[str, str, float]] = {}  # by line: the alarm that is open, its cap and end; or none
        self._due = Due(LOOK_S)

    def watch(self, config: Config, passed_s: float) -> None:
        """Look when it is due; ``passed_s`` is the time since the last call."""
        if self._due.after(passed_s):
            self.look(config)

    def look(self, config: Config) -> None:
        """See which lines have spent their month."""
        with self._lock:
            try:
                months = self._monitor.look_at_months(config)
            except (OSError, sqlite3.Error) as error:  # what is known holds on; a box must start all the same
                log.warning("the lines' months: %s", error)
                return
            for name in config.wans.keys() | self._said.keys():
                self._say(name, months.get(name), config.system.timezone)
            self._said = {name: said for name, said in self._said.items() if name in config.wans}
            spent = frozenset(name for name, month in months.items() if month.is_spent)
            if spent != self._facts.spent_lines:
                self._facts.spent_lines = spent
                self._poke()

    def _say(self, name: str, month: Month | None, timezone: str) -> None:
        """Each alarm once; what was open before a restart and is over now is closed."""
        message = "" if month is None or month.percent < WARN_PERCENT else SPENT if month.is_spent else NEARLY
        said = (message, _gigabytes(month.cap_bytes), month.end_s) if month and message else ("", "", 0.0)
        if self._said.get(name) == said:
            return
        if name in self._said or not message:  # the first alarm becomes the second by being told anew
            self._clear(f"month.{name}")
        self._said[name] = said
        if month and message:
            until = datetime.fromtimestamp(month.end_s, site_zone(timezone)).date().isoformat()
            self._tell(f"month.{name}", "warning", message, {"line": name, "cap": said[1], "until": until})


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.3f}".rstrip("0").rstrip(".")
