"""Questions of every kind over one line, from sockets bound to its device; nothing ever waits."""

from __future__ import annotations

import contextlib
import selectors
import socket
from typing import Any

from firmware.model.targets import Target
from firmware.monitor.probe_answer import Answer
from firmware.monitor.probe_connection import Connection
from firmware.monitor.probe_echo import Echo
from firmware.monitor.probe_names import Names

GIVE_UP_S = 5.0
AT_A_TIME = 32  # connections of one line; 200 ms and a server 5 s away make 25


class Prober:
    """Registers its sockets in ``selector`` with ``owner`` as their data; ``take`` is for whichever is ready.

    :raise OSError: when the device does not exist or the right to open raw sockets is missing.
    """

    def __init__(self, selector: selectors.BaseSelector, owner: Any, device: str, wan_number: int) -> None:
        self._selector, self._owner = selector, owner
        self._device, self._wan_number = device, wan_number
        self._connections: dict[socket.socket, Connection] = {}
        self._names: Names | None = None
        self._echo = Echo(device, wan_number)
        for door in self._echo.sockets():
            self._register(door)

    def ask(self, target: Target, now_s: float, servers: tuple[str, ...] = ()) -> None:
        """One question; ``servers`` are asked for a page's name. What cannot leave is not answered."""
        with contextlib.suppress(OSError):  # the device has gone
            if target.kind == "ping":
                self._echo.send(target, now_s)
            elif target.kind == "dns":
                self._of_names().ask(target, now_s)
            elif not target.has_name:
                self._connect(target, target.host, now_s)
            elif address := self._of_names().find(target.host, servers, now_s):
                self._connect(target, address, now_s)

    def take(self, door: Any, now_s: float) -> list[Answer]:
        """What has come in by a socket that is ready."""
        if door in self._connections:
            connection = self._connections[door]
            answer = connection.go_on(now_s)
            if connection.is_over:
                self._drop(door)
            elif connection.is_reading:
                self._selector.modify(door, selectors.EVENT_READ, self._owner)
            return [answer] if answer else []
        if self._names is not None and door in self._names.sockets():
            return self._names.receive(door, now_s)
        return self._echo.receive(door, now_s)

    def tidy(self, now_s: float) -> None:
        """Give up what is not answered for long."""
        for door, connection in list(self._connections.items()):
            if now_s - connection.begun_s > GIVE_UP_S:
                self._drop(door)
        if self._names is not None:
            self._names.tidy(now_s - GIVE_UP_S)

    def close(self) -> None:
        for door in list(self._connections):
            self._drop(door)
        for door in [*self._echo.sockets(), *(self._names.sockets() if self._names else ())]:
            self._selector.unregister(door)
            door.close()

    def _connect(self, target: Target, address: str, now_s: float) -> None:
        if len(self._connections) >= AT_A_TIME:
            return
        connection = Connection.open(target, address, self._device, self._wan_number, now_s)
        if connection is not None:
            self._connections[connection.door] = connection
            self._selector.register(connection.door, selectors.EVENT_WRITE, self._owner)

    def _drop(self, door: socket.socket) -> None:
        del self._connections[door]
        self._selector.unregister(door)
        door.close()

    def _of_names(self) -> Names:
        if self._names is None:
            self._names = Names(self._device, self._wan_number)
            for door in self._names.sockets():
                self._register(door)
        return self._names

    def _register(self, door: socket.socket) -> None:
        self._selector.register(door, selectors.EVENT_READ, self._owner)
