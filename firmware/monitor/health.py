"""Whether each line works: carrier, address, and echo replies from its targets, with hysteresis, in one thread.

Without targets of the admin's own, the gateway and the line's name servers are asked. A server that has never answered
proves nothing by its silence, so only those that have answered before decide; where none has, the gateway does, and
where the gateway answers no echo, its entry in the neighbour table does.
"""

from __future__ import annotations

import ipaddress
import logging
import selectors
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from firmware.kernel.errors import NetlinkError
from firmware.monitor.links import LinkState, links
from firmware.monitor.neighbours import neighbours
from firmware.monitor.probe import Prober

log = logging.getLogger(__name__)

INTERVAL_S = 1.0
FALL = 3  # rounds without an answer until a line is down
LOSS_ROUNDS = 20
RISE = 2  # rounds with an answer until it is up again
IDLE_S = 0.5  # without lines
GRACE_S = 15.0  # a new line may take that long to get its address before anybody is told that it has none


class Line(NamedTuple):
    """What is to be watched; addresses are those the line has now."""

    name: str
    number: int
    device: str
    port: str = ""  # what carries a dialled line's session
    is_dialled: bool = False
    trouble: str = ""  # why a dialled line has no session, a message identifier
    address: str | None = None
    gateway: str | None = None
    dns: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()  # the admin's own; replace the default ones
    interval_s: float = INTERVAL_S
    fall: int = FALL
    rise: int = RISE
    max_loss_percent: float | None = None
    max_delay_ms: float | None = None


class Health(NamedTuple):
    is_up: bool
    since_s: float  # when it became so, seconds since 1970
    reason: str  # English message identifier, "" when up
    rtt_ms: float | None
    loss_percent: float | None  # of the last LOSS_ROUNDS rounds, of targets that have ever answered


OnLineChange = Callable[[str, bool, str], None]


class _Watch:
    """One line's state between rounds."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.prober: Prober | None = None
        self.device = 0  # the index that the prober is bound to
        self.sent: dict[int, float] = {}
        self.answered: set[str] = set()  # in this round
        self.proven: set[str] = set()  # ever, since the line's addresses changed
        self.is_up: bool | None = None
        self.begun_s = time.monotonic()
        self.since_s = time.time()
        self.reason = ""
        self.rtt_ms: float | None = None
        self.shares: deque[float] = deque(maxlen=LOSS_ROUNDS)  # by round: which part of the proven targets answered
        self.streak = 0  # rounds in a row that contradict is_up
        self.due_s = 0.0  # when its round ends; 0: it has not begun

    def targets(self) -> tuple[str, ...]:
        line = self.line
        wanted = line.targets or ((line.gateway,) if line.gateway else ()) + line.dns
        return tuple(dict.fromkeys(str(ipaddress.ip_address(target)) for target in wanted))

    def loss_percent(self) -> float | None:
        return 100 * (1 - sum(self.shares) / len(self.shares)) if self.shares else None

    def answers_at_times(self) -> bool:
        """Whether it lost this round only, not all that it takes to call it dead."""
        return any(list(self.shares)[-self.line.fall :])

    def end_round(self) -> None:
        """Note how many of those answered that can."""
        proven = set(self.targets()) & self.proven
        if proven:
            self.shares.append(len(proven & self.answered) / len(proven))

    def close(self) -> None:
        if self.prober is not None:
            self.prober.close()
            self.prober = None


class LineHealth:
    """Watches the lines from ``start`` to ``close``; ``on_change(name, is_up, reason)`` is called from its thread."""

    def __init__(self, on_change: OnLineChange) -> None:
        self._on_change = on_change
        self._lock = threading.Lock()
        self._watches: dict[str, _Watch] = {}
        self._selector = selectors.DefaultSelector()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="line-health", daemon=True)
        self._sequence = 0

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        with self._lock:
            for watch in self._watches.values():
                self._disconnect(watch)
        self._selector.close()

    def configure(self, lines: Iterable[Line]) -> None:
        """Replaces the lines to watch; what is known of a line that stays is kept."""
        with self._lock:
            wanted = {line.name: line for line in lines}
            for name in self._watches.keys() - wanted.keys():
                self._disconnect(self._watches.pop(name))
            for name, line in wanted.items():
                watch = self._watches.get(name)
                if watch is None:
                    self._watches[name] = _Watch(line)
                elif watch.line != line:
                    if (watch.line.device, watch.line.number) != (line.device, line.number):
                        self._disconnect(watch)
                    watch.line = line
                    watch.proven &= set(watch.targets())

    def state(self) -> dict[str, Health]:
        with self._lock:
            return {
                name: Health(bool(watch.is_up), watch.since_s, watch.reason, watch.rtt_ms, watch.loss_percent())
                for name, watch in self._watches.items()
            }

    # -- the thread ---------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen(self._next_s())
                due = self._due()
                changes = self._judge(due)
                self._ask(due)
            except (OSError, NetlinkError):  # out of memory and the like; the next round tries again
                log.exception("line health: round failed")
                self._stop.wait(INTERVAL_S)
                continue
            for name, is_up, reason in changes:
                log.info("line %s is %s%s", name, "up" if is_up else "down", f": {reason}" if reason else "")
                self._on_change(name, is_up, reason)

    def _next_s(self) -> float:
        """When the next line's round ends; soon, where lines may come."""
        with self._lock:
            return min((watch.due_s for watch in self._watches.values()), default=time.monotonic() + IDLE_S)

    def _due(self) -> list[_Watch]:
        now = time.monotonic()
        with self._lock:
            return [watch for watch in self._watches.values() if watch.due_s <= now]

    def _ask(self, due: list[_Watch]) -> None:
        """Begins another round of these lines: every target is asked once."""
        with self._lock:
            self._sequence = (self._sequence + 1) & 0xFFFF
            now = time.monotonic()
            for watch in due:
                if self._watches.get(watch.line.name) is not watch:
                    continue  # taken away meanwhile
                # In step with the rounds before, unless that is too late already.
                watch.due_s = max(watch.due_s + watch.line.interval_s, now + watch.line.interval_s / 2)
                watch.answered.clear()
                if watch.prober is None:
                    self._connect(watch)
                if watch.prober is not None and watch.line.address is not None:
                    watch.sent[self._sequence] = now
                    watch.sent = {number: at for number, at in watch.sent.items() if now - at < 10}
                    for target in watch.targets():
                        watch.prober.send(target, self._sequence)

    def _listen(self, until_s: float) -> None:
        """Takes replies until the round's end."""
        while not self._stop.is_set() and (left := until_s - time.monotonic()) > 0:
            for key, _ in self._selector.select(min(left, 0.5)):
                watch: _Watch = key.data
                with self._lock:
                    if watch.prober is None:
                        continue
                    for reply in watch.prober.receive(key.fileobj):  # type: ignore[arg-type]
                        watch.answered.add(reply.address)
                        watch.proven.add(reply.address)
                        if (at := watch.sent.get(reply.sequence)) is not None:
                            last = (time.monotonic() - at) * 1000
                            watch.rtt_ms = last if watch.rtt_ms is None else watch.rtt_ms * 0.8 + last * 0.2

    def _judge(self, due: list[_Watch]) -> list[tuple[str, bool, str]]:
        """Ends the rounds of these lines; those whose state has changed by it."""
        judged = [watch for watch in due if watch.due_s]
        if not judged:
            return []
        present = links()
        silent_gateways = any(watch.line.gateway not in watch.proven for watch in judged)
        alive = {(n.device, n.address) for n in neighbours() if n.is_alive} if silent_gateways else set()
        changes = []
        with self._lock:
            for watch in judged:
                if self._watches.get(watch.line.name) is not watch:
                    continue  # taken away meanwhile
                link = present.get(watch.line.device)
                if link is None or link.device != watch.device:
                    # A port that came back under the same name is another one to the kernel: bind anew.
                    self._disconnect(watch)
                    watch.device = link.device if link else 0
                watch.end_round()
                reason = _verdict(watch, link, present.get(watch.line.port), alive)
                if not reason or (reason == NO_ANSWER and watch.answers_at_times()):
                    reason = _quality(watch) or reason
                works = not reason
                if works == watch.is_up:
                    watch.streak = 0
                    watch.reason = reason
                    continue
                watch.streak += 1
                # A new line's first answer is believed at once; without carrier or address there is nothing to wait for
                if works:
                    enough = watch.is_up is None or watch.streak >= watch.line.rise
                elif reason in (NO_ADDRESS, NOT_DIALLED) and watch.is_up is None:
                    enough = time.monotonic() - watch.begun_s >= GRACE_S
                else:
                    enough = reason in (*AT_ONCE, watch.line.trouble) or watch.streak >= watch.line.fall
                if enough:
                    watch.is_up, watch.reason, watch.since_s, watch.streak = works, reason, time.time(), 0
                    changes.append((watch.line.name, works, reason))
        return changes

    def _connect(self, watch: _Watch) -> None:
        try:
            watch.prober = Prober(watch.line.device, watch.line.number)
        except OSError:  # no such device now; _judge says so
            return
        for door in watch.prober.sockets():
            self._selector.register(door, selectors.EVENT_READ, watch)

    def _disconnect(self, watch: _Watch) -> None:
        if watch.prober is not None:
            for door in watch.prober.sockets():
                self._selector.unregister(door)
        watch.close()


NO_DEVICE = "The port does not exist."
NO_CARRIER = "No cable, or the other side is off."
NO_ADDRESS = "The line has no address yet."
NO_ANSWER = "Nothing answers on the line."
TOO_LOSSY = "The line loses more than its limit allows."
TOO_SLOW = "The line delays more than its limit allows."
NOT_DIALLED = "The line is not dialled in."
AT_ONCE = frozenset({NO_DEVICE, NO_CARRIER, NO_ADDRESS, NOT_DIALLED})


def _quality(watch: _Watch) -> str:
    """Why a line that answers is no good all the same, ``""`` when it is. One that has just come is given time."""
    line, loss = watch.line, watch.loss_percent()
    if len(watch.shares) < LOSS_ROUNDS:
        return ""
    if line.max_loss_percent is not None and loss is not None and loss > line.max_loss_percent:
        return TOO_LOSSY
    if line.max_delay_ms is not None and watch.rtt_ms is not None and watch.rtt_ms > line.max_delay_ms:
        return TOO_SLOW
    return ""


def _verdict(watch: _Watch, link: LinkState | None, port: LinkState | None, alive: set[tuple[int, str]]) -> str:
    """Why the line does not work in this round, ``""`` when it does."""
    line = watch.line
    if line.is_dialled and (link is None or line.address is None):
        if port is None:
            return NO_DEVICE
        return (line.trouble or NOT_DIALLED) if port.has_carrier else NO_CARRIER
    if link is None:
        return NO_DEVICE
    if not link.has_carrier:
        return NO_CARRIER
    if line.address is None:
        return NO_ADDRESS
    if line.targets:
        return "" if watch.answered else NO_ANSWER
    beyond = {target for target in watch.targets() if target != line.gateway} & watch.proven
    if beyond:
        return "" if beyond & watch.answered else NO_ANSWER
    if line.gateway is None:
        return ""
    if line.gateway in watch.proven:
        return "" if line.gateway in watch.answered else NO_ANSWER
    if line.is_dialled:  # it has no neighbours; pppd itself asks whether the server is there
        return ""
    return "" if (watch.device, line.gateway) in alive else NO_ANSWER
