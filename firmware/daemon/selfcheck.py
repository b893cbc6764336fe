"""Self-check: finds where the box does something else than its configuration says, and says what to do.

Pure: what is looked at arrives as :class:`Seen`. Messages and remedies are message identifiers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from firmware.features import limits, shares
from firmware.features.topology import Line
from firmware.model.config import Config

CONNECTIONS_LEAST = 100  # in the window, before a share says anything
ONE_LINE_PERCENT = 95
FAIR_PERCENT = 80  # a line whose weight asks for more may have nearly all
WINDOW_S = 600

Row = dict[str, Any]


class Seen(NamedTuple):
    """What the box does: who takes connections (``Sharing``), ``connections`` by line within WINDOW_S, the verb
    ``bandwidth``, numbers of the queues that somebody reads, how many there should be (0: the fastpath does not run,
    which has an alarm of its own), and the names of all flowtables but our own."""

    takers: Sequence[Line]
    connections: Mapping[str, int]
    bandwidth: Row
    read_queues: frozenset[int]
    queues: int
    flowtables: Sequence[str]


class Sharing:
    """Since when connections are shared as they are now: what was counted before says nothing about it."""

    def __init__(self) -> None:
        self._shares: list[tuple[str, int]] = []
        self._since_s = 0.0

    def settled(self, takers: Sequence[Line], now_s: float) -> Sequence[Line]:
        """The lines that take connections, once they have taken these shares for WINDOW_S; ``now_s`` is monotonic."""
        shares_ = [(line.name, line.weight) for line in takers]
        if shares_ != self._shares:
            self._shares, self._since_s = shares_, now_s
        return takers if now_s - self._since_s >= WINDOW_S else ()


class Finding(NamedTuple):
    key: str
    message: str
    remedy: str
    params: dict[str, str]


def selfcheck(config: Config, seen: Seen) -> list[Finding]:
    """Everything that is not as it should be; empty when all is well."""
    return [*_one_line(config, seen), *_shaper(config, seen), *_offload(config, seen), *_queue(seen)]


def _one_line(config: Config, seen: Seen) -> Iterator[Finding]:
    """Several lines share new connections by weight or rate, and yet nearly all take one."""
    if shares.follows_free(config):  # the share is of this moment, the connections are of minutes
        return
    total = sum(seen.connections.get(line.name, 0) for line in seen.takers)
    weights = sum(line.weight for line in seen.takers)
    if len(seen.takers) < 2 or total < CONNECTIONS_LEAST:
        return
    for line in seen.takers:
        percent = 100 * seen.connections.get(line.name, 0) // total
        fair = 100 * line.weight // weights
        if percent >= ONE_LINE_PERCENT and fair < FAIR_PERCENT:
            yield Finding(
                "one-line",
                "%(percent)s of 100 new connections leave by %(line)s, though its share is %(fair)s.",
                "Look whether a rule for lines takes them all, and at what stays together.",
                {"percent": str(percent), "line": line.name, "fair": str(fair)},
            )


def _shaper(config: Config, seen: Seen) -> Iterator[Finding]:
    if not config.qos.enabled or not any(wan.enabled and wan.up_bps and wan.down_bps for wan in config.wans.values()):
        return
    if not seen.bandwidth["running"]:
        yield Finding(
            "shaper",
            "Bandwidth is managed, but the shaper does not run: nobody is limited or guaranteed anything.",
            "Look at the alarms; switch bandwidth off and on again.",
            {},
        )
    for line in seen.bandwidth["lines"]:
        if not (line["up"]["shaped"] and line["down"]["shaped"]):
            yield Finding(
                f"shaper.{line['name']}",
                "The line %(line)s is not shaped although its rates are known.",
                "Look whether its port is there and up; a line that dials is shaped when it is connected.",
                {"line": line["name"]},
            )


def _offload(config: Config, seen: Seen) -> Iterator[Finding]:
    """Flows in a flowtable skip the rules that give packets their class."""
    has_maximum = any(
        rates[1]
        for limit in config.qos.limits.values()
        for way in ("up", "down")
        for rates in (limits.rates(limit, way), limits.rates(limit, way, "shared_"))
    )
    if config.qos.enabled and has_maximum and seen.flowtables:
        yield Finding(
            "offload",
            "The flowtable %(name)s carries connections past the limits.",
            "It is none of ours: remove it, or switch the limits off.",
            {"name": ", ".join(seen.flowtables)},
        )


def _queue(seen: Seen) -> Iterator[Finding]:
    unread = sorted(set(range(seen.queues)) - seen.read_queues)
    if unread:
        yield Finding(
            "queue",
            "Nobody reads the queue %(queue)s: new connections are let through without being recognised.",
            "It is started again by itself; restart the router when this stays for more than two minutes.",
            {"queue": ", ".join(map(str, unread))},
        )
