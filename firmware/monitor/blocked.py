"""What was blocked: the last events for people to look at, and counts for the store."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

from firmware.monitor.store import Blocked

KEPT = 500
COUNTED_MAX = 4096
# A blocked program tries again and again: the same within this time is one line to look at.
SAME_S = 10


class BlockedLog:
    """Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._latest: dict[tuple[str, str, str], dict[str, Any]] = {}
        self._counts: dict[tuple[str, str, str], int] = {}

    def add(self, key: str, address: str, application: str, server: str, policy: str) -> dict[str, Any] | None:
        """Notes one refused connection; the event when it is news, ``None`` when it repeats a recent one."""
        now_s = time.time()
        with self._lock:
            counted = (key, application, policy)
            if counted in self._counts or len(self._counts) < COUNTED_MAX:
                self._counts[counted] = self._counts.get(counted, 0) + 1
            same = (address, application, server)
            before = self._latest.get(same)
            if before is not None and now_s - before["time"] < SAME_S:
                before["count"] += 1
                return None
            event = {
                "time": now_s,
                "host": address,
                "application": application,
                "server": server,
                "policy": policy,
                "count": 1,
            }
            self._events.append(event)
            self._latest[same] = event
            if len(self._latest) > 2 * KEPT:
                self._latest.clear()  # a flood of different servers; repeats are told once more
            return event

    def last(self, limit: int) -> list[dict[str, Any]]:
        """The last events, newest first."""
        with self._lock:
            return [dict(event) for event, _ in zip(reversed(self._events), range(limit), strict=False)]

    def counts(self) -> list[Blocked]:
        """What is not yet in the store."""
        with self._lock:
            return [Blocked(*key, count) for key, count in self._counts.items()]

    def stored(self, counts: list[Blocked]) -> None:
        """``counts`` are in the store now."""
        with self._lock:
            for host, application, policy, count in counts:
                left = self._counts.pop((host, application, policy), 0) - count
                if left > 0:
                    self._counts[host, application, policy] = left

    @property
    def pending(self) -> int:
        """Connections refused since the store was last written."""
        with self._lock:
            return sum(self._counts.values())
