"""What came of a question, and the sockets that questions leave by."""

from __future__ import annotations

import socket
from typing import NamedTuple

from firmware.model.targets import Target

WAN_SHIFT = 12  # ct mark bits 12-15, docs/design/contracts.md

REFUSED = "The connection was refused."
ELSEWHERE = "The page leads elsewhere, as that of a provider's login does."
SERVER_ERROR = "The server has trouble of its own."
NO_PAGE = "What came is no web page."


class Answer(NamedTuple):
    """``trouble`` is a message identifier: something came, but not what proves that the line works."""

    target: Target
    delay_ms: float
    trouble: str = ""


def bound_socket(family: int, kind: int, protocol: int, device: str, wan_number: int) -> socket.socket:
    """A socket of one line. :raise OSError: no such device, or no right."""
    door = socket.socket(family, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, protocol)
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
        door.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, wan_number << WAN_SHIFT)
    except OSError:
        door.close()
        raise
    return door
