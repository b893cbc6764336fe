"""The typed client of rsd's control socket (protocol: docs/design/contracts.md)."""

from __future__ import annotations

import json
import select
import socket
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any, NamedTuple

from firmware.client.errors import BY_CODE, Internal, Refused, Unavailable
from firmware.model.problem import Problem

PATIENCE_S = {  # what takes longer than others
    **dict.fromkeys(("backup.make", "backup.open", "backup.restore"), 150.0),
    **dict.fromkeys(("business.state", "business.check", "business.backup", "business.export"), 120.0),
    "business.restore": 300.0,
}
REPLY_MAX_BYTES = 64 * 1024 * 1024


class Event(NamedTuple):
    """One line of the event stream: ``name`` is ``status``, ``commit``, ``blocked``, ``line`` or ``alarm``."""

    name: str
    data: Any


class Client:
    """One identity's connection to rsd; safe to share between threads (calls take turns).

    The connection is opened at the first call and again when rsd was restarted in between. Without ``session``
    and ``token`` rsd goes by the peer's uid: root is the local owner, everybody else may only log in.
    """

    def __init__(
        self, socket_path: str | Path, session: str | None = None, *, token: str | None = None, timeout_s: float = 30.0
    ) -> None:
        self.socket_path = Path(socket_path)
        self.session = session
        self.token = token
        self.timeout_s = timeout_s
        self._lock = threading.Lock()
        self._connection: socket.socket | None = None
        self._received = bytearray()
        self._last_id = 0

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; a later call opens a new one."""
        with self._lock:
            self._drop()

    def call(self, verb: str, **args: Any) -> Any:
        """Ask ``verb`` and return its result; raises a kind of ``ClientError``.

        ``config.confirm`` always goes over a new connection: that is what proves that the box can still be reached.
        """
        with self._lock:
            if verb == "config.confirm":
                self._drop()
            connection = self._connected()
            self._last_id += 1
            connection.settimeout(max(self.timeout_s, PATIENCE_S.get(verb, 0)))
            try:
                connection.sendall(self._request(self._last_id, verb, args))
                reply = _read_line(connection, self._received)
            except (OSError, ValueError) as error:
                self._drop()
                raise Unavailable(f"rsd did not answer {verb}: {error}") from error
            if reply.get("id") != self._last_id:
                self._drop()
                raise Unavailable(f"rsd answered another request than {verb}")
        return _result(reply)

    def events(self, *, timeout_s: float | None = 60.0) -> Generator[Event, None, None]:
        """Yield events as they happen, over a connection of their own that is closed with the generator.

        rsd sends ``status`` every few seconds, so silence for ``timeout_s`` means that it is gone (``Unavailable``).
        """
        received = bytearray()
        with self._open() as connection:
            connection.settimeout(timeout_s)
            try:
                connection.sendall(self._request(1, "events", {}))
                _result(_read_line(connection, received))
                while True:
                    line = _read_line(connection, received)
                    yield Event(str(line["event"]), line.get("data"))
            except (OSError, ValueError) as error:
                raise Unavailable(f"the event stream ended: {error}") from error

    def _request(self, number: int, verb: str, args: dict[str, Any]) -> bytes:
        request: dict[str, Any] = {"id": number, "verb": verb, "args": args}
        if self.session is not None:
            request["session"] = self.session
        if self.token is not None:
            request["token"] = self.token
        return json.dumps(request, ensure_ascii=False).encode() + b"\n"

    def _connected(self) -> socket.socket:
        if self._connection is not None and _has_ended(self._connection):
            self._drop()
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def _open(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(self.timeout_s)
        try:
            connection.connect(str(self.socket_path))
        except OSError as error:
            connection.close()
            raise Unavailable(f"rsd does not listen on {self.socket_path}: {error}") from error
        return connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._received.clear()


def _has_ended(connection: socket.socket) -> bool:
    """Tell whether rsd has closed an idle connection (it was restarted, or tidied up)."""
    # Asked by poll: with a timeout set, Python's recv waits even under MSG_DONTWAIT.
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    if not poll.poll(0):
        return False
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except ConnectionError:
        return True


def _read_line(connection: socket.socket, received: bytearray) -> dict[str, Any]:
    while (end := received.find(b"\n")) < 0:
        if len(received) > REPLY_MAX_BYTES:
            raise ValueError("the reply is too long")
        chunk = connection.recv(65536)
        if not chunk:
            raise ConnectionResetError("the connection was closed")
        received += chunk
    line = bytes(received[:end])
    del received[: end + 1]
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("the reply is not an object")
    return message


def _result(reply: dict[str, Any]) -> Any:
    if reply.get("ok") is True:
        return reply.get("result")
    raise _refusal(reply.get("error") or {})


def _refusal(error: dict[str, Any]) -> Refused:
    kind = BY_CODE.get(str(error.get("code")), Internal)
    return kind(
        str(error.get("message", "")),
        params=dict(error.get("params") or {}),
        problems=tuple(Problem(**problem) for problem in error.get("problems") or ()),
        retry_s=error.get("retry_s"),
    )
