"""Hands events to whoever listens. Each listener has a bounded queue: one that reads too slowly loses events."""

from __future__ import annotations

import queue
import threading
from types import TracebackType
from typing import Any, Literal, NamedTuple

EventName = Literal["status", "commit", "blocked", "line", "alarm"]

LISTENERS_MAX = 16
QUEUE_MAX = 256


class Event(NamedTuple):
    name: EventName
    data: Any


class TooManyListenersError(Exception):
    """``LISTENERS_MAX`` are listening already."""


class Listener:
    """One reader of events; close it, or use ``with``."""

    def __init__(self, broadcaster: Broadcaster) -> None:
        self._broadcaster = broadcaster
        self._queue: queue.Queue[Event | None] = queue.Queue(QUEUE_MAX)

    def get(self, timeout_s: float | None = None) -> Event | None:
        """The next event; ``None`` when the time is over or the broadcaster has closed."""
        try:
            return self._queue.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def put(self, event: Event | None) -> None:
        while True:
            try:
                self._queue.put_nowait(event)
                return
            except queue.Full:
                self._drop_oldest()

    def close(self) -> None:
        self._broadcaster.remove(self)

    def _drop_oldest(self) -> None:
        try:
            self._queue.get_nowait()
        except queue.Empty:
            return

    def __enter__(self) -> Listener:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Broadcaster:
    """Safe to use from several threads; ``publish`` never waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: list[Listener] = []
        self._is_closed = False

    def listen(self) -> Listener:
        """:raise TooManyListenersError: when there are ``LISTENERS_MAX``."""
        with self._lock:
            if len(self._listeners) >= LISTENERS_MAX:
                raise TooManyListenersError
            listener = Listener(self)
            if self._is_closed:
                listener.put(None)
            self._listeners.append(listener)
            return listener

    def publish(self, name: EventName, data: Any) -> None:
        event = Event(name, data)
        with self._lock:
            for listener in self._listeners:
                listener.put(event)

    @property
    def has_listeners(self) -> bool:
        return bool(self._listeners)

    def remove(self, listener: Listener) -> None:
        with self._lock:
            if listener in self._listeners:
                self._listeners.remove(listener)

    def close(self) -> None:
        """Wakes every listener with ``None``."""
        with self._lock:
            self._is_closed = True
            for listener in self._listeners:
                listener.put(None)
