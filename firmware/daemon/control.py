"""The control socket: one thread per connection, few of them, each request bounded and authorised.

Root and rsweb's user may open the socket; who asks is decided per request by session, token or the peer's uid.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from firmware.daemon import protocol
from firmware.daemon.errors import InvalidError
from firmware.daemon.verbs import Call, Stream
from firmware.engine.pending import boot_clock

log = logging.getLogger(__name__)

CONNECTIONS_MAX = 48
RESERVED_FOR_ROOT = 8
REQUEST_MAX_BYTES = 8 * 1024 * 1024
SMALL_BYTES = 128 * 1024  # larger requests are read one at a time
IDLE_S = 300.0
SEND_S = 20.0
_STACK_BYTES = 512 * 1024

Answer = Callable[[Call, protocol.Request], object]


class ControlServer:
    """Listens from ``start`` to ``close``; ``answer`` carries a request out or raises."""

    def __init__(self, path: Path, answer: Answer, web_gid: int | None) -> None:
        self._path = path
        self._answer = answer
        self._web_gid = web_gid
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._large = threading.Lock()
        self._thread = threading.Thread(target=self._accept, name="control", daemon=True)

    def start(self) -> None:
        """Begin to listen; the socket appears with its mode already right."""
        temporary = self._path.with_name(f".{self._path.name}")
        temporary.unlink(missing_ok=True)
        self._socket.bind(str(temporary))
        temporary.chmod(0o660 if self._web_gid is not None else 0o600)
        if self._web_gid is not None:
            os.chown(temporary, 0, self._web_gid)
        self._socket.listen(64)
        temporary.rename(self._path)
        self._thread.start()

    def close(self) -> None:
        """Stop listening and break all connections."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()
        with self._lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        threading.stack_size(_STACK_BYTES)
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return  # closed
            uid = _peer_uid(connection)
            with self._lock:
                limit = CONNECTIONS_MAX if uid == 0 else CONNECTIONS_MAX - RESERVED_FOR_ROOT
                is_welcome = len(self._connections) < limit
                if is_welcome:
                    self._connections.add(connection)
            if is_welcome:
                threading.Thread(target=self._serve, args=(connection, uid), name="request", daemon=True).start()
            else:
                connection.close()

    def _serve(self, connection: socket.socket, uid: int) -> None:
        reached_boot_s = boot_clock()
        try:
            connection.settimeout(IDLE_S)
            reader = _Lines(connection, self._large)
            while (line := reader.next()) is not None:
                self._handle(connection, line, Call(peer_uid=uid, reached_boot_s=reached_boot_s))
        except (OSError, InvalidError) as error:
            log.debug("connection of uid %d ended: %s", uid, error)
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def _handle(self, connection: socket.socket, line: bytes, call: Call) -> None:
        connection.settimeout(SEND_S)
        try:
            request = protocol.decode(line)
        except msgspec.DecodeError as error:
            connection.sendall(protocol.failure(0, InvalidError("This is no request: %(reason)s.", reason=str(error))))
            raise InvalidError("no request") from None
        try:
            value = self._answer(call, request)
        except Exception as error:
            if protocol.code(error) == "internal":
                log.exception("verb %s", request.verb)
            connection.sendall(protocol.failure(request.id, error))
        else:
            if isinstance(value, Stream):
                connection.sendall(protocol.result(request.id, {}))
                _stream(connection, value)
                raise InvalidError("the stream has ended")
            connection.sendall(protocol.result(request.id, value))
        connection.settimeout(IDLE_S)


def _stream(connection: socket.socket, stream: Stream) -> None:
    with contextlib.closing(stream.events) as events:
        _send_all(connection, (protocol.event(name, data) for name, data in events))


def _send_all(connection: socket.socket, lines: Iterable[bytes]) -> None:
    for line in lines:
        connection.sendall(line)


class _Lines:
    """Reads lines of bounded length; only one connection at a time may hold a long one."""

    def __init__(self, connection: socket.socket, large: threading.Lock) -> None:
        self._connection = connection
        self._large = large
        self._buffer = bytearray()

    def next(self) -> bytes | None:
        """The next line; ``None`` at the end. Raises InvalidError when it is too long, OSError."""
        is_holding = False
        try:
            while (end := self._buffer.find(b"\n")) < 0:
                if len(self._buffer) > SMALL_BYTES and not is_holding:
                    if not self._large.acquire(timeout=SEND_S):
                        raise InvalidError("another long request is being read")
                    is_holding = True
                    self._connection.settimeout(SEND_S)
                if len(self._buffer) > REQUEST_MAX_BYTES:
                    raise InvalidError("the request is too long")
                chunk = self._connection.recv(65536)
                if not chunk:
                    return None
                self._buffer += chunk
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            return line
        finally:
            if is_holding:
                self._large.release()


def _peer_uid(connection: socket.socket) -> int:
    _, uid, _ = struct.unpack("=iii", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return int(uid)
