"""Programs that a helper runs: argument lists, an end in time, and no more output than somebody reads."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Sequence

from firmware.daemon.tools.task import ToolError
from firmware.model.tools import Family

OUTPUT_BYTES = 64 * 1024
_FAMILIES = {"any": socket.AF_UNSPEC, "ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def find(name: str) -> tuple[str, ...]:
    """How a program is started: by itself, else out of busybox. :raise ToolError: it is not there."""
    if path := shutil.which(name, path=_PATH):
        return (path,)
    if path := shutil.which("busybox", path=_PATH):
        return (path, name)
    raise ToolError("The program %(program)s is not on this box.", program=name)


def output(argv: Sequence[str], seconds: float, limit_bytes: int = OUTPUT_BYTES) -> str:
    """What a program says, both ways together, until its end, the time's or the limit's.

    :raise ToolError: it cannot be started.
    """
    environment = {"PATH": _PATH, "LANG": "C", "LC_ALL": "C"}
    try:
        child = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
            start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        reason = error.strerror or str(error)
        raise ToolError("%(program)s cannot be started: %(reason)s.", program=argv[0], reason=reason) from error
    watchdog = threading.Timer(seconds, _kill, (child,))
    watchdog.daemon = True
    watchdog.start()
    assert child.stdout is not None
    with child.stdout:
        said = child.stdout.read(limit_bytes)
    watchdog.cancel()
    _kill(child)
    child.wait()
    return said.decode(errors="replace")


def _kill(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)


def resolve(host: str, family: Family) -> str:
    """The address of a host, so that programs need not look it up. :raise ToolError: it has none."""
    try:
        found = socket.getaddrinfo(host, None, _FAMILIES[family], socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ToolError("The name %(host)s has no address: ask a name server about it.", host=host) from None
    return str(found[0][4][0])
