"""A question to a name server, and in words what came of it and from whom."""

from __future__ import annotations

import os
import socket
import time

from firmware.daemon.tools import dns
from firmware.daemon.tools.sockets import bound
from firmware.daemon.tools.task import Place, Task, ToolError
from firmware.model.tools import Lookup, LookupResult, Said

OWN_SERVER = "127.0.0.1"  # dnsmasq
WAIT_S, TRIES = 2.0, 2
_DATAGRAM_BYTES = 4096
_NO_ERROR, _NO_SUCH_NAME, _REFUSED = 0, 3, 5


def run(task: Task) -> LookupResult:
    asked = task.request
    assert isinstance(asked, Lookup)
    server = asked.server
    if server is None and task.place is not None:
        if not task.place.servers:
            raise ToolError("The line %(line)s knows no name server.", line=task.place.name)
        server = task.place.servers[0]
    return ask(asked.name, asked.type, server or OWN_SERVER, task.place)


def ask(
    name: str, kind: str, server: str, place: Place | None, *, port: int = 53, wait_s: float = WAIT_S
) -> LookupResult:
    """:raise ToolError: the question cannot be asked, or the answer cannot be read."""
    try:
        question = dns.question(int.from_bytes(os.urandom(2), "big"), name, kind)
    except (ValueError, UnicodeError):
        raise ToolError("%(name)s is no name that can be asked for.", name=name) from None
    params = {"name": name, "type": kind, "server": server}
    begun_s = time.monotonic()
    try:
        message = _ask(question, (server, port), place, wait_s)
    except TimeoutError:
        words = "The server %(server)s does not answer within %(seconds)s s."
        said = Said("bad", words, {**params, "seconds": f"{wait_s * TRIES:g}"})
        return LookupResult(server=server, outcome="silent", took_ms=None, records=(), said=(said,))
    except OSError as error:
        words = "The server %(server)s cannot be asked: %(reason)s."
        said = Said("bad", words, {**params, "reason": error.strerror or str(error)})
        return LookupResult(server=server, outcome="unreachable", took_ms=None, records=(), said=(said,))
    except ValueError as error:
        raise ToolError("The answer of %(server)s is broken: %(reason)s.", server=server, reason=str(error)) from None
    return judged(message, server, round((time.monotonic() - begun_s) * 1000, 1), params)


def judged(message: dns.Message, server: str, took_ms: float, params: dict[str, str]) -> LookupResult:
    """What an answer means."""
    records = message.records
    if message.rcode == _NO_SUCH_NAME:
        said = Said("warning", "The server %(server)s says: the name %(name)s does not exist.", params)
        return LookupResult(server=server, outcome="no_such_name", took_ms=took_ms, records=records, said=(said,))
    if message.rcode == _REFUSED:
        said = Said("bad", "The server %(server)s refuses to answer this router.", params)
        return LookupResult(server=server, outcome="refused", took_ms=took_ms, records=records, said=(said,))
    if message.rcode != _NO_ERROR:
        words = "The server %(server)s could not find out (error %(code)s); the servers behind it may be away."
        said = Said("bad", words, {**params, "code": str(message.rcode)})
        return LookupResult(server=server, outcome="failed", took_ms=took_ms, records=records, said=(said,))
    if any(record.type == params["type"] for record in records):
        said = Said("ok", "The server %(server)s has answered.", params)
        return LookupResult(server=server, outcome="answer", took_ms=took_ms, records=records, said=(said,))
    said = Said("warning", "The server %(server)s knows %(name)s, but has no %(type)s record of it.", params)
    return LookupResult(server=server, outcome="nothing", took_ms=took_ms, records=records, said=(said,))


def _ask(question: bytes, server: tuple[str, int], place: Place | None, wait_s: float) -> dns.Message:
    """By UDP, and by TCP where the answer is too long for that."""
    family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
    for attempt in range(TRIES):
        try:
            with bound(family, socket.SOCK_DGRAM, place) as door:
                door.connect(server)  # so that nobody else can answer, and a closed port is told
                door.send(question)
                message = _receive(door, question, wait_s)
            break
        except TimeoutError:
            if attempt == TRIES - 1:
                raise
    if not message.is_truncated:
        return message
    with bound(family, socket.SOCK_STREAM, place) as door:
        door.settimeout(wait_s)
        door.connect(server)
        door.sendall(len(question).to_bytes(2, "big") + question)
        found = dns.answer(_exactly(door, int.from_bytes(_exactly(door, 2), "big")), question)
    return found or message


def _receive(door: socket.socket, question: bytes, wait_s: float) -> dns.Message:
    until_s = time.monotonic() + wait_s
    while (left_s := until_s - time.monotonic()) > 0:
        door.settimeout(left_s)
        if (message := dns.answer(door.recv(_DATAGRAM_BYTES), question)) is not None:
            return message
    raise TimeoutError


def _exactly(door: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = door.recv(count - len(data))
        if not piece:
            raise ValueError("cut off")
        data += piece
    return data
