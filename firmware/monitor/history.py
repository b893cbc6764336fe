"""Usage, curves and what was blocked, from the store and from what it does not have yet."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

from firmware.model.zone import site_zone
from firmware.monitor.applications import Applications
from firmware.monitor.hosts import ROUTER
from firmware.monitor.rates import STEP_S, STEPS, Point, Rates
from firmware.monitor.sampler import Sampler
from firmware.monitor.store import By, Total

LIVE_S = STEP_S * STEPS
POINTS_MAX = 360
# Slots of a long curve in minutes; from an hour on they are whole hours, as the store keeps them.
SLOTS = (1, 2, 5, 10, 15, 30, 60, 120, 360, 720, 1440, 2880)

Kind = Literal["line", "host", "application"]
Key = Literal["host", "application", "category", "wan"]
Row = dict[str, Any]


class History:
    """Safe to use from several threads."""

    def __init__(self, sampler: Sampler, catalogue: Applications) -> None:
        self.timezone = "UTC"
        self._sampler = sampler
        self._catalogue = catalogue

    def usage(
        self,
        by: Key,
        since_s: float,
        limit: int = 100,
        *,
        until_s: float = 0,
        host: str | None = None,
        application: str | None = None,
        category: str | None = None,
        wan: str | None = None,
    ) -> list[Row]:
        """Sums from ``since_s`` to ``until_s`` seconds ago, largest first; ``host`` is a MAC, an address or a name."""
        applications: tuple[str, ...] = (application,) if application else ()
        if category:
            found = self._catalogue.of_category(category)
            applications = tuple(item for item in found if application in {None, item})
            if not applications:
                return []
        hosts = self._host_keys(host) if host else ()
        wans = (wan,) if wan else ()
        column: By = "application" if by == "category" else by
        now_s = time.time()
        totals = self._sampler.store.usage(
            column, now_s - since_s, now_s - until_s, hosts=hosts, applications=applications, wans=wans
        )
        if not until_s:
            totals += self._undrained(column, hosts, applications, wans)
        return self._rows(by, totals)[:limit]

    def moved(self, since_s: float, until_s: float) -> dict[str, int]:
        """Bytes of each line, up and down together, that the store has of a period."""
        totals = self._sampler.store.usage("wan", since_s, until_s)
        return {total.key: total.up_bytes + total.down_bytes for total in totals}

    def moved_until_now(self, since_s: float, now_s: float, names: Mapping[int, str]) -> dict[str, int]:
        """The same until now, with what the fastpath has accounted since; ``names`` of the lines by number."""
        with self._sampler.drain_lock:
            sums = self.moved(since_s, now_s + 60)  # a row has the minute in which it was written: also that which runs
            for row in self._sampler.runtime.usage().rows:
                if (name := names.get(row.wan)) is not None:
                    sums[name] = sums.get(name, 0) + row.up_bytes + row.down_bytes
        return sums

    def series(self, kind: Kind, key: str, window_s: int = LIVE_S) -> Row:
        """Rates over the last ``window_s``: by ``STEP_S`` up to ten minutes, else by slots of minutes or hours."""
        self._sampler.asked()
        with self._sampler.lock:
            if kind == "host" and (found := self._sampler.hosts.find(key)):
                key = found.key
            live = self._sampler.live
            rates: Rates = {"line": live.lines, "host": live.hosts, "application": live.applications}[kind]
            first, points = rates.series(key, STEPS if window_s > LIVE_S else window_s // STEP_S)
        # Steps are numbered by the monotonic clock; people see the time of day.
        start_s = first * STEP_S + time.time() - time.monotonic()
        if window_s <= LIVE_S:
            return _series(STEP_S, start_s, points)
        return self._long_series("wan" if kind == "line" else kind, key, window_s, (start_s, points))

    def _long_series(self, by: By, key: str, window_s: int, live: tuple[float, list[Point]]) -> Row:
        now_s = time.time()
        minutes = -(-window_s // 60)
        slot = next((size for size in SLOTS if minutes <= size * POINTS_MAX), SLOTS[-1])
        count = min(-(-minutes // slot), POINTS_MAX)
        last = int(now_s) // (60 * slot) * slot  # the slot that runs now
        first = last - (count - 1) * slot
        stored = self._sampler.store.series(by, key, first, last + slot, slot)
        recent = _averages(first, slot, live)
        points = []
        for number in range(count):
            # The last minutes stand in the store only when they are over: the live rates have them already.
            if number not in stored and number in recent:
                points.append(recent[number])
                continue
            up, down = stored.get(number, (0, 0))
            seconds = min(60 * slot, max(60.0, now_s - (first + number * slot) * 60))
            points.append(Point(int(up * 8 / seconds), int(down * 8 / seconds)))
        return _series(60 * slot, first * 60, points)

    def blocked(self, limit: int = 100) -> list[Row]:
        """What was blocked last, newest first."""
        events = self._sampler.blocked.last(limit)
        with self._sampler.lock:
            hosts = self._sampler.hosts
            return [{**event, "name": hosts.label(hosts.key_of(event["host"]))} for event in events]

    def blocked_today(self) -> int:
        """Connections refused since midnight at the site."""
        since_s = _midnight_s(self.timezone)
        return self._sampler.store.blocked_count(since_s) + self._sampler.blocked.pending

    def _host_keys(self, text: str) -> tuple[str, ...]:
        """The keys under which a host was counted: by MAC, and by address while no MAC was known."""
        if text == ROUTER:
            return (ROUTER,)
        with self._sampler.lock:
            found = self._sampler.hosts.find(text)
            return (found.key, *found.addresses) if found else (text,)

    def _undrained(
        self, column: By, hosts: tuple[str, ...], applications: tuple[str, ...], wans: tuple[str, ...]
    ) -> list[Total]:
        with self._sampler.lock:
            rows = self._sampler.live.undrained()
        return [
            Total(getattr(row, column), *row[3:])
            for row in rows
            if (not hosts or row.host in hosts)
            and (not applications or row.application in applications)
            and (not wans or row.wan in wans)
        ]

    def _rows(self, by: Key, totals: Iterable[Total]) -> list[Row]:
        sums: dict[str, list[int]] = {}
        for total in totals:
            key = self._catalogue.category(total.key) if by == "category" else total.key
            found = sums.setdefault(key, [0] * 5)
            for index, value in enumerate(total[1:]):
                found[index] += value
        rows = [
            {
                "key": key,
                "name": self._label(by, key),
                "up_bytes": up,
                "down_bytes": down,
                "packets": up_packets + down_packets,
                "connections": connections,
                **({"category": self._catalogue.category(key)} if by == "application" else {}),
            }
            for key, (up, down, up_packets, down_packets, connections) in sums.items()
        ]
        return sorted(rows, key=lambda row: (-(row["up_bytes"] + row["down_bytes"]), row["key"]))

    def _label(self, by: Key, key: str) -> str:
        if by != "host":
            return key
        with self._sampler.lock:
            return self._sampler.hosts.label(key)


def _averages(first: int, slot: int, live: tuple[float, list[Point]]) -> dict[int, Point]:
    """The live rates averaged by the slots that they cover, from minute ``first`` on."""
    start_s, points = live
    covered: dict[int, list[Point]] = {}
    for index, point in enumerate(points):
        number = int(start_s + index * STEP_S) // 60 - first
        covered.setdefault(number // slot, []).append(point)
    return {
        number: Point(sum(p.up_bps for p in inside) // len(inside), sum(p.down_bps for p in inside) // len(inside))
        for number, inside in covered.items()
    }


def _series(step_s: int, start_s: float, points: list[Point]) -> Row:
    return {
        "step_s": step_s,
        "t": [round(start_s + index * step_s) for index in range(len(points))],
        "up_bps": [point.up_bps for point in points],
        "down_bps": [point.down_bps for point in points],
    }


def _midnight_s(timezone: str) -> float:
    now = datetime.now(site_zone(timezone))
    return now.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
