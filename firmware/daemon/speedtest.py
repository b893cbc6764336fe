"""Measures one line for rsd, in a process of its own: TLS costs 8 MB that rsd need not keep.

``speedtest.py URL_DOWN URL_UP ADDRESS DEVICE MARK SECONDS [shaped]`` ends with 0 and one line of JSON: ``down_bps``,
``up_bps``, ``idle_ms``, ``down_ms``, ``up_ms`` (``null``: not measured) and ``errors``, a reason by direction.

First the delay of the idle line, then several downloads and then several uploads for so many seconds each, with the
delay meanwhile. A delay is how long the server takes to accept a connection. A rate is of what is carried, without
the headers of TCP and IP (3 to 5 % more), and the mean of the better half of the quarters of a second after the first
second: TCP needs that to come up to speed, and pauses of a server are not the line's. What is uploaded counts when it
is acknowledged, not when the kernel takes it. ``shaped``: only uploads, through the shaper as others' are; else past
it (features/qos.py). What the box itself downloads never meets the shaper.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import statistics
import struct
import sys
import threading
import time
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException
from typing import Any, NamedTuple
from urllib.parse import urlsplit

DOWNLOADS, UPLOADS = 4, 3
INTERVAL_S, SETTLE_S = 0.25, 1.0
IDLE_PROBES, IDLE_PAUSE_S, BUSY_PAUSE_S = 10, 0.05, 0.1
IDLE_S = 6.0  # for all of them
CONNECT_S, SILENCE_S = 3.0, 5.0
BODY_BYTES = 25_000_000  # of one upload: public servers take no more than some tens of megabytes
LEAST_BYTES = 1_000_000  # a shorter download measures the server's answering and not the line
PIECE_BYTES = 1 << 16
PAST_THE_TREE = 0x10000  # SO_PRIORITY: 1:0, the handle of the line's HTB
TOO_SMALL = "The file is smaller than 1 MB, too small to measure with."
NOTHING = "Nothing was carried."
_RESET = struct.pack("=ii", 1, 0)  # SO_LINGER: what still waits to be sent when the time is over is thrown away
_ACKED = struct.Struct("=120xQ")  # tcpi_bytes_acked of struct tcp_info (linux/tcp.h)
_HEADERS = {"User-Agent": "rs-speedtest", "Cache-Control": "no-cache"}
_WHAT_FAILS = (OSError, ValueError, HTTPException)


class Server(NamedTuple):
    """A URL whose host has been looked up."""

    is_tls: bool
    host: str
    port: int
    path: str
    address: Any

    @classmethod
    def find(cls, url: str, family: int) -> Server:
        """:raise OSError: there is no such name."""
        parts = urlsplit(url)
        is_tls = parts.scheme == "https"
        host, port = parts.hostname or "", parts.port or (443 if is_tls else 80)
        address = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)[0][4]
        return cls(is_tls, host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), address)


class Line(NamedTuple):
    """Where sockets are bound to; the line's mark keeps rules for the router's own connections away."""

    address: str
    device: str
    mark: int
    is_shaped: bool

    @property
    def family(self) -> int:
        return socket.AF_INET6 if ":" in self.address else socket.AF_INET

    def connect(self, server: Server) -> socket.socket:
        """:raise OSError: the server takes no connection over this line."""
        door = socket.socket(self.family, socket.SOCK_STREAM)
        try:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self.device.encode())
            door.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, self.mark)
            door.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            if not self.is_shaped:
                door.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, PAST_THE_TREE)
            door.settimeout(CONNECT_S)
            door.bind((self.address, 0))
            door.connect(server.address)
            door.settimeout(SILENCE_S)
        except OSError:
            door.close()
            raise
        return door

    def delay_ms(self, server: Server) -> float:
        """How long the server takes to accept a connection. :raise OSError: it does not."""
        begun_s = time.monotonic()
        door = self.connect(server)
        took_ms = (time.monotonic() - begun_s) * 1000
        door.close()
        return took_ms


class Connection(HTTPConnection):
    """HTTP from a socket of the line; ``acked_bytes`` is what all its sockets have brought to the server."""

    def __init__(self, line: Line, server: Server) -> None:
        super().__init__(server.host, server.port)
        self.default_port = 443 if server.is_tls else 80
        self._line, self._server = line, server
        self._acked_before = 0
        self.door: socket.socket | None = None  # also while a response goes on that closes the connection

    def connect(self) -> None:
        self.door = self._line.connect(self._server)
        if self._server.is_tls:
            import ssl

            self.door = ssl.create_default_context().wrap_socket(self.door, server_hostname=self._server.host)
        self.sock = self.door

    def close(self) -> None:
        self._acked_before = self.acked_bytes
        super().close()

    @property
    def acked_bytes(self) -> int:
        door: socket.socket | None = self.sock
        with contextlib.suppress(OSError):  # it was closed this moment
            if door is not None:
                (acked,) = _ACKED.unpack(door.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ACKED.size))
                return self._acked_before + int(acked)
        return self._acked_before


class Stream(threading.Thread):
    """Requests one after the other until it is stopped or something fails, for ``reason``."""

    def __init__(self, line: Line, server: Server) -> None:
        super().__init__(daemon=True)
        self._connection = Connection(line, server)
        self._path = server.path
        self._is_over = False
        self.reason = ""

    @property
    def carried_bytes(self) -> int:
        raise NotImplementedError

    def request(self) -> None:
        raise NotImplementedError

    def run(self) -> None:
        try:
            while not self._is_over:
                self.request()
        except _WHAT_FAILS as error:
            if not self._is_over:
                self.reason = words(error)
        finally:
            self._connection.close()

    def stop(self) -> None:
        """End it, also while it waits for the server."""
        self._is_over = True
        if self._connection.door is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._connection.door, socket.SHUT_RDWR)


class Download(Stream):
    """What lies at the address, again and again."""

    _carried_bytes = 0

    @property
    def carried_bytes(self) -> int:
        return self._carried_bytes

    def request(self) -> None:
        self._connection.request("GET", self._path, headers=_HEADERS)
        before_bytes = self._carried_bytes
        with self._connection.getresponse() as response:
            _expect(response.status, response.reason)
            while not self._is_over and (data := response.read1(PIECE_BYTES)):
                self._carried_bytes += len(data)
        if not self._is_over and self._carried_bytes - before_bytes < LEAST_BYTES:
            raise ValueError(TOO_SMALL)


class Upload(Stream):
    """Bodies of random bytes, which nobody on the way can compress."""

    @property
    def carried_bytes(self) -> int:
        return self._connection.acked_bytes

    def request(self) -> None:
        piece = os.urandom(PIECE_BYTES)
        self._connection.putrequest("POST", self._path)
        length = {"Content-Type": "application/octet-stream", "Content-Length": str(BODY_BYTES)}
        for name, value in (_HEADERS | length).items():
            self._connection.putheader(name, value)
        self._connection.endheaders()
        left_bytes = BODY_BYTES
        try:
            while left_bytes and not self._is_over:
                part = piece[:left_bytes]
                self._connection.send(part)
                left_bytes -= len(part)
        except (BrokenPipeError, ConnectionResetError):
            if self._is_over:
                return
        if not self._is_over:  # also when the server did not want to hear the end: it may say why
            with self._connection.getresponse() as response:
                _expect(response.status, response.reason)
                response.read()


class Delays(threading.Thread):
    """Probes a server until it is stopped; one that does not answer counts with the whole time it was given."""

    def __init__(self, line: Line, server: Server, after_s: float) -> None:
        super().__init__(daemon=True)
        self._line, self._server, self._after_s = line, server, after_s
        self._is_over = threading.Event()
        self.found_ms: list[float] = []

    def run(self) -> None:
        if self._is_over.wait(self._after_s):
            return
        while not self._is_over.wait(BUSY_PAUSE_S):
            try:
                self.found_ms.append(self._line.delay_ms(self._server))
            except OSError:
                self.found_ms.append(CONNECT_S * 1000)

    def stop(self) -> None:
        self._is_over.set()


class Measured(NamedTuple):
    rate_bps: int | None
    delay_ms: float | None
    reason: str = ""


def idle_ms(line: Line, server: Server) -> float:
    """The median delay of the idle line. :raise OSError: the server never accepted a connection."""
    found, failure = [], OSError(NOTHING)
    begun_s = time.monotonic()
    for _ in range(IDLE_PROBES):
        try:
            found.append(line.delay_ms(server))
        except OSError as error:
            failure = error
        if time.monotonic() - begun_s > IDLE_S:
            break  # ten times three seconds is more than anybody waits
        time.sleep(IDLE_PAUSE_S)
    if not found:
        raise failure
    return statistics.median(found)


def measure(streams: Sequence[Stream], delays: Delays, seconds: float) -> Measured:
    """Rate and delay while all streams carry as much as they can."""
    for thread in (*streams, delays):
        thread.start()
    rates, before_bytes, before_s = [], 0, time.monotonic()
    for _ in range(round(seconds / INTERVAL_S)):
        time.sleep(INTERVAL_S)
        now_bytes, now_s = sum(stream.carried_bytes for stream in streams), time.monotonic()
        rates.append((now_bytes - before_bytes) * 8 / (now_s - before_s))
        before_bytes, before_s = now_bytes, now_s
        if not any(stream.is_alive() for stream in streams):
            break
    have_failed = not any(stream.is_alive() for stream in streams)
    delays.stop()
    for stream in streams:
        stream.stop()
    for thread in (*streams, delays):
        thread.join(CONNECT_S)
    rate_bps = best_half(rates[round(SETTLE_S / INTERVAL_S) :])
    if have_failed or not rate_bps:
        return Measured(None, None, next((stream.reason for stream in streams if stream.reason), NOTHING))
    return Measured(round(rate_bps), statistics.median(delays.found_ms) if delays.found_ms else None)


def best_half(rates: Sequence[float]) -> float:
    """The mean of the better half, 0 of nothing."""
    best = sorted(rates, reverse=True)[: (len(rates) + 1) // 2]
    return statistics.fmean(best) if best else 0.0


def words(error: Exception) -> str:
    """What went wrong, in one line."""
    return " ".join(str(getattr(error, "strerror", None) or error or type(error).__name__).split())


def _expect(status: int, reason: str) -> None:
    if not 200 <= status < 300:
        raise ValueError(f"HTTP {status} {reason}")


def run(url_down: str, url_up: str, line: Line, seconds: float) -> dict[str, Any]:
    """See the module's text. Both delays are those to one server, so that they can be compared."""
    found: dict[str, Any] = dict.fromkeys(("down_bps", "up_bps", "idle_ms", "down_ms", "up_ms"))
    errors: dict[str, str] = {}
    ways = ("up",) if line.is_shaped else ("down", "up")
    try:
        probed = Server.find(url_up if line.is_shaped else url_down, line.family)
        found["idle_ms"] = round(idle_ms(line, probed), 1)
    except _WHAT_FAILS as error:
        return {**found, "errors": dict.fromkeys(ways, words(error))}
    for way in ways:
        try:
            server = Server.find(url_down if way == "down" else url_up, line.family)
        except _WHAT_FAILS as error:
            errors[way] = words(error)
            continue
        kind, count = (Download, DOWNLOADS) if way == "down" else (Upload, UPLOADS)
        streams = [kind(line, server) for _ in range(count)]
        measured = measure(streams, Delays(line, probed, SETTLE_S), seconds)
        found[f"{way}_bps"] = measured.rate_bps
        found[f"{way}_ms"] = None if measured.delay_ms is None else round(measured.delay_ms, 1)
        if measured.reason:
            errors[way] = measured.reason
    return {**found, "errors": errors}


def main(arguments: Sequence[str]) -> int:
    """See the module's text."""
    url_down, url_up, address, device, mark, seconds, *options = arguments
    found = run(url_down, url_up, Line(address, device, int(mark), "shaped" in options), float(seconds))
    sys.stdout.write(f"{json.dumps(found)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
