"""Whether a server takes connections at a TCP port."""

from __future__ import annotations

import errno
import socket
import time

from firmware.daemon.tools import program
from firmware.daemon.tools.sockets import bound
from firmware.daemon.tools.task import Place, Task
from firmware.model.tools import PortCheck, PortResult, Said

CONNECT_S = 5.0


def run(task: Task) -> PortResult:
    asked = task.request
    assert isinstance(asked, PortCheck)
    address = program.resolve(asked.host, asked.family)
    return check(address, asked.port, task.place)


def check(address: str, port: int, place: Place | None, wait_s: float = CONNECT_S) -> PortResult:
    params = {"address": address, "port": str(port)}
    begun_s = time.monotonic()
    with bound(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, place) as door:
        door.settimeout(wait_s)
        try:
            door.connect((address, port))
        except TimeoutError:
            words = "Nothing answers at %(address)s port %(port)s: a firewall drops it, or there is no such host."
            return PortResult(address=address, outcome="silent", took_ms=None, said=(Said("bad", words, params),))
        except ConnectionRefusedError:
            took_ms = _since(begun_s)
            words = "%(address)s is there, but takes no connections at port %(port)s."
            return PortResult(
                address=address, outcome="refused", took_ms=took_ms, said=(Said("warning", words, params),)
            )
        except OSError as error:
            words = "There is no way to %(address)s port %(port)s: %(reason)s."
            said = Said(
                "bad", words, {**params, "reason": error.strerror or errno.errorcode.get(error.errno or 0, "?")}
            )
            return PortResult(address=address, outcome="unreachable", took_ms=None, said=(said,))
    words = "%(address)s takes connections at port %(port)s."
    return PortResult(address=address, outcome="open", took_ms=_since(begun_s), said=(Said("ok", words, params),))


def _since(begun_s: float) -> float:
    return round((time.monotonic() - begun_s) * 1000, 1)
