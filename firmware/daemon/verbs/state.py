"""Verbs about what the box does now and did lately; most are the monitor's."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Annotated, Any, Literal

from msgspec import Meta

from firmware.daemon.errors import BusyError, NotFoundError
from firmware.daemon.services import Services
from firmware.daemon.verbs.table import Call, Stream, verb
from firmware.model.config import Language
from firmware.monitor.broadcast import Listener, TooManyListenersError

Text = Annotated[str, Meta(max_length=255)]
Limit = Annotated[int, Meta(ge=1, le=10_000)]
Seconds = Annotated[int, Meta(ge=1, le=400 * 86_400)]
SILENCE_S = 10.0


@verb("status", "auditor")
def status(box: Services, call: Call) -> dict[str, Any]:
    return box.status()


@verb("lines", "auditor")
def lines(box: Services, call: Call) -> Any:
    return box.monitor.lines()


@verb("bandwidth", "auditor")
def bandwidth(box: Services, call: Call) -> Any:
    return box.monitor.bandwidth()


@verb("selfcheck", "auditor")
def self_check(box: Services, call: Call) -> Any:
    return [
        {"key": f.key, "message": f.message, "remedy": f.remedy, "params": f.params} for f in box.watching.selfcheck()
    ]


@verb("board", "auditor")
def board(box: Services, call: Call) -> dict[str, Any]:
    """The board's lights, and which of them the kernel knows; whether it has a button."""
    return box.lights.state()


@verb("hosts", "auditor")
def hosts(box: Services, call: Call) -> Any:
    return box.monitor.hosts()


@verb("flows", "auditor")
def flows(
    box: Services, call: Call, *, host: Text | None = None, application: Text | None = None, limit: Limit = 200
) -> Any:
    return box.monitor.flows(host, application, limit)


@verb("why", "auditor")
def why(box: Services, call: Call, *, ip: Text, host: Text, language: Language | None = None) -> Any:
    try:
        return box.monitor.why(ip, host, language or call.who.language)
    except ValueError:
        raise NotFoundError("There is no host %(ip)s.", ip=ip) from None


@verb("usage", "auditor")
def usage(
    box: Services,
    call: Call,
    *,
    by: Literal["host", "application", "category", "wan"] = "host",
    since_s: Seconds = 86_400,
    limit: Limit = 50,
    host: Text | None = None,
    application: Text | None = None,
) -> Any:
    return box.monitor.usage(by, since_s, limit, host=host, application=application)


@verb("series", "auditor")
def series(
    box: Services, call: Call, *, kind: Literal["line", "host", "application"], key: Text, window_s: Seconds = 300
) -> Any:
    return box.monitor.series(kind, key, window_s)


@verb("blocked", "auditor")
def blocked(box: Services, call: Call, *, limit: Limit = 100) -> Any:
    return box.monitor.blocked(limit)


@verb("alarms", "auditor")
def alarms(box: Services, call: Call) -> Any:
    return box.journal.alarms()


@verb("audit", "auditor")
def audit(box: Services, call: Call, *, limit: Limit = 100) -> Any:
    return box.journal.audits(limit)


@verb("events", "auditor")
def events(box: Services, call: Call) -> Stream:
    try:
        listener = box.monitor.listen()
    except TooManyListenersError:
        raise BusyError("Too many are listening already.", retry_s=5.0) from None
    return Stream(_events(box, call, listener))


@verb("line.changed", "owner")
def line_changed(box: Services, call: Call) -> dict[str, Any]:
    """The DHCP client's hook has written what a line was given."""
    box.keeper.poke()
    return {}


def _events(box: Services, call: Call, listener: Listener) -> Generator[tuple[str, Any], None, None]:
    """Events until rsd ends or whoever listens is no longer permitted to."""
    with listener:
        yield "status", box.status()
        checked_s = time.monotonic()
        while True:
            event = listener.get(SILENCE_S)
            if time.monotonic() - checked_s > SILENCE_S:
                checked_s = time.monotonic()
                if not box.is_still(call.who):
                    return
            if event is not None:
                yield event.name, event.data
            elif box.is_closing:
                return


VERBS = (
    status,
    lines,
    bandwidth,
    self_check,
    board,
    hosts,
    flows,
    why,
    usage,
    series,
    blocked,
    alarms,
    audit,
    events,
    line_changed,
)
