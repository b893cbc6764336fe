"""What metered lines have moved in their billing month, and which of them have spent it.

A month begins at midnight of the line's billing day, on the site's clock. The store keeps whole hours of UTC at that
age: where the zone is off by half an hour, up to half an hour before the month counts too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

from firmware.model.config import Config
from firmware.model.zone import site_zone

HOUR_S = 3600


class Month(NamedTuple):
    """The month that runs now, in seconds since 1970, and the bytes of it."""

    start_s: float
    end_s: float
    used_bytes: int
    cap_bytes: int

    @property
    def percent(self) -> int:
        return 100 * self.used_bytes // self.cap_bytes

    @property
    def is_spent(self) -> bool:
        return self.used_bytes >= self.cap_bytes


class Counts(Protocol):
    """Bytes by line between two moments, the second of which may be now (``History``)."""

    def moved(self, since_s: float, until_s: float) -> dict[str, int]: ...

    def moved_until_now(self, since_s: float, now_s: float, names: Mapping[int, str]) -> dict[str, int]: ...


class Meter:
    """Safe to use from several threads. ``clock`` gives the time by which the store counts, for that of the box."""

    def __init__(self, counts: Counts, clock: Callable[[float], float]) -> None:
        self.months: dict[str, Month] = {}  # of lines with a cap, as they were at the last look
        self._counts, self._clock = counts, clock
        self._lock = threading.Lock()
        # By the month's start: until when its whole hours are summed up, and the sums. A month has many rows.
        self._sums: dict[float, tuple[float, dict[str, int]]] = {}

    def look(self, config: Config, now_s: float) -> dict[str, Month]:
        """Count anew."""
        with self._lock:
            now_s = self._clock(now_s)
            spans = {
                name: billing_month(config.system.timezone, wan.billing_day, now_s)
                for name, wan in config.wans.items()
                if wan.monthly_bytes
            }
            names = {wan.number: name for name, wan in config.wans.items()}
            used = {
                start_s: self._since(start_s, now_s, names) for start_s in {start_s for start_s, _ in spans.values()}
            }
            self._sums = {start_s: self._sums[start_s] for start_s in used}
            self.months = {
                name: Month(start_s, end_s, used[start_s].get(name, 0), config.wans[name].monthly_bytes or 0)
                for name, (start_s, end_s) in spans.items()
            }
            return self.months

    def _since(self, start_s: float, now_s: float, names: Mapping[int, str]) -> dict[str, int]:
        until_s, sums = self._sums.get(start_s, (start_s, {}))
        if until_s > now_s:  # the clock was set back
            until_s, sums = start_s, {}
        hour_s = now_s // HOUR_S * HOUR_S
        if until_s < hour_s:
            sums, until_s = _added(sums, self._counts.moved(until_s, hour_s)), hour_s
        self._sums[start_s] = until_s, sums
        return _added(sums, self._counts.moved_until_now(until_s, now_s, names))


def _added(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in one.keys() | other.keys()}


def billing_month(timezone: str, day: int, now_s: float) -> tuple[float, float]:
    """Start and end of the month that runs at a moment; every month has its ``day``, which is 28 at most."""
    now = datetime.fromtimestamp(now_s, site_zone(timezone))
    this = now.replace(day=day, hour=0, minute=0, second=0, microsecond=0, fold=0)
    start = this if this <= now else _next_month(this, -1)
    return start.timestamp(), _next_month(start, 1).timestamp()


def _next_month(start: datetime, step: int) -> datetime:
    year, month = divmod(start.year * 12 + start.month - 1 + step, 12)
    return start.replace(year=year, month=month + 1)
