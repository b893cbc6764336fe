"""TCP connections over one line: that a server takes one, or that it gives a page (HTTP/1.1, RFC 9112)."""

from __future__ import annotations

import contextlib
import socket
import struct

from firmware.model.targets import Target
from firmware.monitor.probe_answer import ELSEWHERE, NO_PAGE, REFUSED, SERVER_ERROR, Answer, bound_socket

_HEAD_MAX = 8192
_NO_CONTENT = 204
_RESET = struct.pack("=ii", 1, 0)  # SO_LINGER: nothing lingers here for a minute after each question


class Connection:
    """One question; ``go_on`` whenever ``door`` is ready."""

    def __init__(self, door: socket.socket, target: Target, now_s: float) -> None:
        self.door = door
        self.begun_s = now_s
        self.is_over = False
        self.is_reading = False
        self._target = target
        self._head = b""

    @classmethod
    def open(cls, target: Target, address: str, device: str, wan_number: int, now_s: float) -> Connection | None:
        """Begin; ``None`` when it cannot (no route, no device)."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            door = bound_socket(family, socket.SOCK_STREAM, 0, device, wan_number)
        except OSError:
            return None
        try:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            door.connect((address, target.port))
        except BlockingIOError:
            pass
        except OSError:
            door.close()
            return None
        return cls(door, target, now_s)

    def go_on(self, now_s: float) -> Answer | None:
        """Do what can be done now; the answer once there is one."""
        try:
            return self._read(now_s) if self.is_reading else self._connected(now_s)
        except BlockingIOError:
            return None
        except OSError:
            return self._end(now_s, REFUSED)

    def _connected(self, now_s: float) -> Answer | None:
        if self.door.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            return self._end(now_s, REFUSED)
        if self._target.kind == "tcp":
            return self._end(now_s)
        host = Target("http", self._target.host, self._target.port).text.removeprefix("http://")
        rows = (f"GET {self._target.path} HTTP/1.1", f"Host: {host}", "User-Agent: rs", "Connection: close", "", "")
        self.door.send("\r\n".join(rows).encode())
        self.is_reading = True
        return None

    def _read(self, now_s: float) -> Answer | None:
        data = self.door.recv(_HEAD_MAX)
        self._head += data
        head, end, _ = self._head.partition(b"\r\n\r\n")
        if not end and data and len(self._head) < _HEAD_MAX:
            return None
        return self._end(now_s, _judge(self._target, head.decode("latin-1")) if end else NO_PAGE)

    def _end(self, now_s: float, trouble: str = "") -> Answer:
        self.is_over = True
        return Answer(self._target, (now_s - self.begun_s) * 1000, trouble)


def _judge(target: Target, head: str) -> str:
    """What is wrong with the head of a page, ``""`` when it proves that the line works.

    A page of somebody else is that of a login before the internet; where a page that has nothing is asked for
    (``.../generate_204``), anything else is.
    """
    first, *rows = head.split("\r\n")
    words = first.split()
    if len(words) < 2 or not words[0].startswith("HTTP/") or not words[1].isdecimal() or len(words[1]) != 3:
        return NO_PAGE
    status = int(words[1])
    if target.path.endswith("204"):
        return "" if status == _NO_CONTENT else ELSEWHERE
    if 300 <= status < 400 and _leads_elsewhere(target, rows):
        return ELSEWHERE
    return SERVER_ERROR if status >= 500 else ""


def _leads_elsewhere(target: Target, rows: list[str]) -> bool:
    pairs = (row.partition(":") for row in rows)
    where = next((value.strip() for name, _, value in pairs if name.lower() == "location"), "")
    _, mark, rest = where.partition("//")
    if not mark:
        return False
    host = rest.partition("/")[0].rpartition("@")[2]
    with contextlib.suppress(ValueError):
        host = host[: host.index("]") + 1] if host.startswith("[") else host.partition(":")[0]
    return host.strip("[]").lower() != target.host
