"""The name of the box."""

from __future__ import annotations

import socket

from firmware.kernel import probe
from firmware.kernel.errors import KernelError


def apply(name: str) -> None:
    """Set the host name where it is ours to set. Raises KernelError."""
    if not name or socket.gethostname() == name or not probe.owns_hostname():
        return
    try:
        socket.sethostname(name)
    except OSError as error:
        raise KernelError(f"host name {name}", error.strerror or str(error)) from error
