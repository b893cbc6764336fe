"""Sockets that leave by one line."""

from __future__ import annotations

import socket

from firmware.daemon.tools.task import Place, ToolError


def bound(family: int, kind: int, place: Place | None) -> socket.socket:
    """A socket of a line, or of the box where there is none; the mark keeps rules for its own connections away.

    :raise ToolError: the line has no device now.
    """
    door = socket.socket(family, kind)
    if place is None:
        return door
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, place.device.encode())
        door.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, place.mark)
    except OSError as error:
        door.close()
        reason = error.strerror or str(error)
        raise ToolError("The line %(line)s has no device now: %(reason)s.", line=place.name, reason=reason) from error
    return door
