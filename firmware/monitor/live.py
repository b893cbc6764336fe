"""Who uses how much now: rates of lines, hosts and applications from the counters that C keeps.

The fastpath accounts by conntrack dumps, so its sums move every few seconds and not at every step: they are sampled
after each dump, and the rate since the last sample is written to all steps in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from firmware.monitor.links import Counters
from firmware.monitor.rates import STEP_S, STEPS, Point, Rates
from firmware.monitor.store import UsageRow

RECENT_S = 60  # an application that moved bytes within this time is in use
APPLICATIONS_SHOWN = 8


class Use(NamedTuple):
    """An application that a host uses now."""

    application: str
    up_bps: int
    down_bps: int


class Live:
    """Not to be used from several threads at once."""

    def __init__(self) -> None:
        self.lines, self.hosts, self.applications = Rates(), Rates(), Rates()
        self._counters: dict[str, tuple[float, Counters]] = {}
        self._epoch = ""
        self._sums: dict[tuple[str, str, str], UsageRow] = {}
        self._carried: dict[tuple[str, str], list[int]] = {}
        self._read_s = self._latest_s = 0.0
        self._uses: dict[str, dict[str, tuple[float, Point]]] = {}

    def _follow_clock(self, now_s: float) -> None:
        """When the clock is set back what was kept lies in the future, and would hide what comes."""
        if now_s < self._latest_s - STEP_S:
            self.lines, self.hosts, self.applications = Rates(), Rates(), Rates()
            self._uses, self._read_s = {}, 0.0
        self._latest_s = now_s

    def sample_lines(self, now_s: float, devices: Mapping[str, str], counters: Mapping[str, Counters]) -> None:
        """Takes the devices' counters; ``devices`` is line -> device. What the line receives is download."""
        self._follow_clock(now_s)
        points = {}
        step = int(now_s // STEP_S)
        for line, device in devices.items():
            current = counters.get(device)
            if current is None:
                self._counters.pop(line, None)
                continue
            at, before = self._counters.get(line, (now_s, current))
            self._counters[line] = (now_s, current)
            # A device that was made anew starts at 0.
            if (
                now_s > at
                and current.sent_bytes >= before.sent_bytes
                and current.received_bytes >= before.received_bytes
            ):
                points[line] = _point(
                    current.sent_bytes - before.sent_bytes, current.received_bytes - before.received_bytes, now_s - at
                )
        self.lines.put(step, step, points)

    def sample_usage(self, now_s: float, epoch: str, rows: Iterable[UsageRow]) -> None:
        """Takes what was accounted since the last drain; ``epoch`` changes with each."""
        self._follow_clock(now_s)
        if epoch != self._epoch:
            self._epoch, self._sums = epoch, {}
        moved = self._carried
        for row in rows:
            key = row[:3]
            before = self._sums.get(key)
            up, down = _since(before, row)
            if before is None or up or down:
                self._sums[key] = row
                sums = moved.setdefault((row.host, row.application), [0, 0])
                sums[0] += up
                sums[1] += down
        self._carried = {}
        if 0 < self._read_s < now_s:  # else nobody knows since when the first sums were gathered
            self._put(now_s, min(now_s - self._read_s, STEPS * STEP_S), moved)
        self._read_s = now_s

    def end_epoch(self, epoch: str, rows: Iterable[UsageRow]) -> None:
        """The drain's final sums: what came after the last sample is carried into the next."""
        if epoch != self._epoch:
            return
        for row in rows:
            up, down = _since(self._sums.get(row[:3]), row)
            if up or down:
                sums = self._carried.setdefault((row.host, row.application), [0, 0])
                sums[0] += up
                sums[1] += down
        self._epoch, self._sums = "", {}

    def undrained(self) -> list[UsageRow]:
        """What the store does not have yet."""
        return list(self._sums.values())

    def uses(self, host: str, now_s: float) -> list[Use]:
        """The applications that a host uses now, busiest first."""
        found = [
            Use(application, point.up_bps, point.down_bps)
            for application, (at, point) in self._uses.get(host, {}).items()
            if now_s - at <= RECENT_S
        ]
        return sorted(found, key=lambda use: (-(use.up_bps + use.down_bps), use.application))[:APPLICATIONS_SHOWN]

    def tidy(self, now_s: float) -> None:
        """Forgets what is over; call it every few minutes."""
        for rates in (self.lines, self.hosts, self.applications):
            rates.tidy()
        for host, uses in list(self._uses.items()):
            kept = {application: use for application, use in uses.items() if now_s - use[0] <= RECENT_S}
            if kept:
                self._uses[host] = kept
            else:
                del self._uses[host]

    def _put(self, now_s: float, elapsed: float, moved: dict[tuple[str, str], list[int]]) -> None:
        hosts: dict[str, list[int]] = {}
        applications: dict[str, list[int]] = {}
        for (host, application), (up, down) in moved.items():
            self._uses.setdefault(host, {})[application] = (now_s, _point(up, down, elapsed))
            for table, key in ((hosts, host), (applications, application)):
                sums = table.setdefault(key, [0, 0])
                sums[0] += up
                sums[1] += down
        last = int(now_s // STEP_S)
        first = int((now_s - elapsed) // STEP_S) + 1
        for rates, table in ((self.hosts, hosts), (self.applications, applications)):
            rates.put(min(first, last), last, {key: _point(up, down, elapsed) for key, (up, down) in table.items()})


def _since(before: UsageRow | None, row: UsageRow) -> tuple[int, int]:
    """Bytes up and down since ``before``; sums that are less than they were began anew, as those of a device do."""
    if before is None or row.up_bytes < before.up_bytes or row.down_bytes < before.down_bytes:
        return row.up_bytes, row.down_bytes
    return row.up_bytes - before.up_bytes, row.down_bytes - before.down_bytes


def _point(up_bytes: int, down_bytes: int, elapsed_s: float) -> Point:
    return Point(int(up_bytes * 8 / elapsed_s), int(down_bytes * 8 / elapsed_s))
