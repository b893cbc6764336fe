"""A few at once, whoever came first going first."""

from __future__ import annotations

import threading
from collections import deque


class Turns:
    """``with turns:`` waits until one of ``most`` places is free.

    A place is handed to whoever waits longest. From a semaphore, whoever comes back at once takes it before those that
    wait have woken: of eight people one waited for 20 s.
    """

    def __init__(self, most: int) -> None:
        self._lock = threading.Lock()
        self._free = most
        self._waiting: deque[threading.Lock] = deque()

    def __enter__(self) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        turn.acquire()  # until somebody leaves

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1
