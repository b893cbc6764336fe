"""rsd's event stream, shared by all browsers: one connection upstream, a bounded number of readers."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Full, Queue
from typing import Any

from firmware.client import Client, ClientError

READERS_MAX = 8  # each holds a thread of the server, see server.py
READERS_PER_SESSION = 3
QUEUE_MAX = 16
HEARTBEAT_S = 10.0
# A stream is closed after this time; the browser comes back by itself and is authorised anew.
STREAM_S = 600.0


class TooManyReadersError(Exception):
    """Every place is taken."""


class Reader:
    """One browser's place: events wait here until it takes them."""

    def __init__(self, session: str | None, token: str | None) -> None:
        self.session = session
        self.token = token
        self.queue: Queue[tuple[str, Any]] = Queue(QUEUE_MAX)


class Hub:
    """Hands every event of rsd to every reader; a slow reader loses the oldest and holds nobody up."""

    def __init__(self, socket_path: str | Path) -> None:
        self._socket_path = socket_path
        self._lock = threading.Lock()
        self._readers: list[Reader] = []
        self._pump: threading.Thread | None = None

    def subscribe(self, session: str | None, token: str | None = None) -> Reader:
        """Take a place by a session or a token; :raise TooManyReadersError: when there is none."""
        with self._lock:
            own = sum((reader.session, reader.token) == (session, token) for reader in self._readers)
            if len(self._readers) >= READERS_MAX or own >= READERS_PER_SESSION:
                raise TooManyReadersError
            reader = Reader(session, token)
            self._readers.append(reader)
            if self._pump is None:
                self._pump = threading.Thread(target=self._run, name="events", daemon=True)
                self._pump.start()
            return reader

    def leave(self, reader: Reader) -> None:
        with self._lock, contextlib.suppress(ValueError):
            self._readers.remove(reader)

    def stream(self, reader: Reader) -> Iterator[str]:
        """The reader's events as text/event-stream; a heartbeat finds out readers that have gone."""
        until = time.monotonic() + STREAM_S
        try:
            yield "retry: 3000\n\n"
            while time.monotonic() < until:
                try:
                    name, data = reader.queue.get(timeout=HEARTBEAT_S)
                except Empty:
                    yield ": still here\n\n"
                else:
                    yield f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
        finally:
            self.leave(reader)

    def _run(self) -> None:
        """Read upstream as one of the readers while there is one."""
        while True:
            with self._lock:
                if not self._readers:
                    self._pump = None
                    return
                first = self._readers[0]
            try:
                with contextlib.closing(Client(self._socket_path, first.session, token=first.token).events()) as events:
                    for event in events:
                        if not self._publish(event.name, event.data):
                            break
            except ClientError:
                self._publish("away", None)
                self._rotate(first)
                time.sleep(1.0)  # rsd restarts: ask again at a calm pace

    def _publish(self, name: str, data: Any) -> bool:
        with self._lock:
            for reader in self._readers:
                while True:
                    try:
                        reader.queue.put_nowait((name, data))
                        break
                    except Full:
                        with contextlib.suppress(Empty):
                            reader.queue.get_nowait()
            return bool(self._readers)

    def _rotate(self, first: Reader) -> None:
        # That session may have ended; the next attempt takes another reader's.
        with self._lock:
            self._readers.sort(key=lambda reader: (reader.session, reader.token) == (first.session, first.token))
