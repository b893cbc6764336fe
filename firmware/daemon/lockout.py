"""Five wrong passwords in fifteen minutes shut an account, and a source, out for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

FAILURES = 5
WINDOW_S = 900.0
KEYS_MAX = 4096


class Lockout:
    """Counts failures by key (an account or a source address); safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: dict[str, list[float]] = {}

    def retry_s(self, keys: Iterable[str]) -> float | None:
        """How long the first of the keys that is shut out stays so; ``None`` when none is."""
        now = self._clock()
        with self._lock:
            waits = [self._wait_s(key, now) for key in keys]
        return max((wait for wait in waits if wait > 0), default=None)

    def failed(self, keys: Iterable[str]) -> None:
        """Count a wrong password against the keys."""
        now = self._clock()
        with self._lock:
            for key in keys:
                self._failures[key] = [*self._recent(key, now)[-FAILURES + 1 :], now]
            if len(self._failures) > KEYS_MAX:
                self._forget(now)

    def succeeded(self, key: str) -> None:
        """Forget the failures of an account whose password was right."""
        with self._lock:
            self._failures.pop(key, None)

    def _wait_s(self, key: str, now: float) -> float:
        recent = self._recent(key, now)
        return recent[0] + WINDOW_S - now if len(recent) >= FAILURES else 0.0

    def _recent(self, key: str, now: float) -> list[float]:
        return [at for at in self._failures.get(key, ()) if at > now - WINDOW_S]

    def _forget(self, now: float) -> None:
        """Keep what still counts, and of that the latest."""
        alive = {key: recent for key in self._failures if (recent := self._recent(key, now))}
        latest = sorted(alive, key=lambda key: alive[key][-1])[-KEYS_MAX // 2 :]
        self._failures = {key: alive[key] for key in latest}
