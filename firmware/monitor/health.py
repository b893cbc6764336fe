"""Whether each line works: carrier, address, and answers to its questions, with hysteresis, in one thread.

Without targets of the admin's own, the gateway and the line's name servers are pinged. A server that has never answered
proves nothing by its silence, so only those that have answered before decide; where none has, the gateway does, and
where the gateway answers no echo, its entry in the neighbour table does.
"""

from __future__ import annotations

import logging
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

from firmware.model.targets import Kind, Target, parse_target
from firmware.monitor.links import links
from firmware.monitor.neighbours import neighbours
from firmware.monitor.probe import Prober
from firmware.monitor.probe_answer import Answer
from firmware.monitor.standing import Standing, State
from firmware.monitor.verdict import (
    AT_ONCE,
    FLAPPING,
    LOSS_ROUNDS,
    NO_ADDRESS,
    NO_ANSWER,
    NOT_DIALLED,
    Answers,
    Seen,
    quality,
    verdict,
)

log = logging.getLogger(__name__)

INTERVAL_S = 1.0
FALL = 3  # rounds without an answer until a line is down
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
    require: Literal["any", "all_kinds"] = "any"
    interval_s: float = INTERVAL_S
    fall: int = FALL
    rise: int = RISE
    max_loss_percent: float | None = None
    max_delay_ms: float | None = None


class TargetHealth(NamedTuple):
    """What a target has answered lately."""

    target: str  # as a person writes it
    kind: Kind
    answered: bool  # in the last whole round
    answered_s: float | None  # when last, seconds since 1970
    delay_ms: float | None
    loss_percent: float | None  # of the last LOSS_ROUNDS rounds
    trouble: str  # message identifier of what came instead of an answer


class Health(NamedTuple):
    is_up: bool
    since_s: float  # when it became so, seconds since 1970
    reason: str  # English message identifier, "" when up
    rtt_ms: float | None
    loss_percent: float | None  # of the last LOSS_ROUNDS rounds, of targets that have ever answered
    state: State = "waiting"
    streak: int = 0  # rounds in a row that contradict the state
    needed: int = 0  # so many of them change it
    targets: tuple[TargetHealth, ...] = ()


OnLineChange = Callable[[str, bool, str], None]


class _Asked:
    """One target's answers."""

    def __init__(self) -> None:
        self.rounds: deque[bool] = deque(maxlen=LOSS_ROUNDS)
        self.answered_s: float | None = None
        self.delay_ms: float | None = None
        self.trouble = ""

    def take(self, answer: Answer) -> None:
        self.trouble = answer.trouble
        if not answer.trouble:
            self.answered_s = time.time()
            self.delay_ms = _smoothed(self.delay_ms, answer.delay_ms)

    def health(self, target: Target) -> TargetHealth:
        loss = 100 * (1 - sum(self.rounds) / len(self.rounds)) if self.rounds else None
        answered = bool(self.rounds and self.rounds[-1])
        return TargetHealth(
            target.text, target.kind, answered, self.answered_s, self.delay_ms, loss, "" if answered else self.trouble
        )


class _Watch:
    """One line's state between rounds."""

    def __init__(self, line: Line) -> None:
        self.prober: Prober | None = None
        self.device = 0  # the index that the prober is bound to
        self.answered: set[Target] = set()  # in this round
        self.proven: set[Target] = set()  # ever, since the line's addresses changed
        self.begun_s = time.monotonic()
        self.since_s = time.time()
        self.reason = ""
        self.rtt_ms: float | None = None
        self.shares: deque[float] = deque(maxlen=LOSS_ROUNDS)  # by round: which part of the proven targets answered
        self.due_s = 0.0  # when its round ends; 0: it has not begun
        self.standing = Standing(line.fall, line.rise, line.interval_s)
        self.asked: dict[Target, _Asked] = {}
        self.configure(line)

    def configure(self, line: Line) -> None:
        """Take what the line has now; what is known of targets that stay is kept."""
        self.line = line
        wanted = line.targets or ((line.gateway,) if line.gateway else ()) + line.dns
        self.targets = tuple(dict.fromkeys(parse_target(target) for target in wanted))
        self.gateway = parse_target(line.gateway) if line.gateway else None
        self.asked = {target: self.asked.get(target) or _Asked() for target in self.targets}
        self.proven &= set(self.targets)
        self.standing.configure(line.fall, line.rise, line.interval_s)

    def loss_percent(self) -> float | None:
        return 100 * (1 - sum(self.shares) / len(self.shares)) if self.shares else None

    def answers_at_times(self) -> bool:
        """Whether it lost this round only, not all that it takes to call it dead."""
        return any(list(self.shares)[-self.line.fall :])

    def take(self, answer: Answer) -> None:
        """Note what came of a question, in whichever round it was asked."""
        if (asked := self.asked.get(answer.target)) is None:
            return  # asked before the targets changed
        asked.take(answer)
        if answer.trouble:
            return
        self.answered.add(answer.target)
        self.proven.add(answer.target)
        # Pages and connections take longer than packets: where something is pinged, that is the line's delay.
        if answer.target.kind == "ping" or all(target.kind != "ping" for target in self.targets):
            self.rtt_ms = _smoothed(self.rtt_ms, answer.delay_ms)

    def end_round(self) -> None:
        """Note how many of those answered that can."""
        for target, asked in self.asked.items():
            asked.rounds.append(target in self.answered)
        if self.proven:
            self.shares.append(len(self.proven & self.answered) / len(self.proven))

    def ask(self, now_s: float) -> None:
        """Begin another round: every target is asked once."""
        self.answered.clear()
        if self.prober is not None:
            self.prober.tidy(now_s)
            if self.line.address is not None:
                for target in self.targets:
                    self.prober.ask(target, now_s, self.line.dns)

    def judge(self, seen: Seen, now_s: float) -> bool:
        """End the round; returns whether the line is another now."""
        self.end_round()
        line, standing = self.line, self.standing
        reason = verdict(line, seen, Answers(self.targets, self.gateway, self.answered, self.proven))
        if not reason or (reason == NO_ANSWER and self.answers_at_times()):
            reason = quality(line, len(self.shares), self.loss_percent(), self.rtt_ms) or reason
        is_new = standing.is_up is None and now_s - self.begun_s < GRACE_S
        changed = standing.judge(
            reason,
            now_s,
            at_once=reason in AT_ONCE or (reason == line.trouble != ""),
            wait=is_new and reason in (NO_ADDRESS, NOT_DIALLED),
        )
        if changed:
            self.since_s = time.time()
        is_told_by_itself = changed and reason in AT_ONCE  # no cable says more than that it comes and goes
        is_damped = not standing.is_up and standing.is_damped and (changed or standing.state == "recovering")
        if is_damped and not is_told_by_itself:
            self.reason = FLAPPING
        elif changed or not standing.streak:
            self.reason = reason
        return changed

    def health(self) -> Health:
        standing = self.standing
        return Health(
            bool(standing.is_up),
            self.since_s,
            self.reason,
            self.rtt_ms,
            self.loss_percent(),
            standing.state,
            standing.streak,
            standing.needed,
            tuple(asked.health(target) for target, asked in self.asked.items()),
        )

    def connect(self, selector: selectors.BaseSelector) -> None:
        try:
            self.prober = Prober(selector, self, self.line.device, self.line.number)
        except OSError:  # no such device now; the verdict says so
            self.prober = None

    def disconnect(self) -> None:
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

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        with self._lock:
            for watch in self._watches.values():
                watch.disconnect()
        self._selector.close()

    def configure(self, lines: Iterable[Line]) -> None:
        """Replaces the lines to watch; what is known of a line that stays is kept."""
        with self._lock:
            wanted = {line.name: line for line in lines}
            for name in self._watches.keys() - wanted.keys():
                self._watches.pop(name).disconnect()
            for name, line in wanted.items():
                watch = self._watches.get(name)
                if watch is None:
                    self._watches[name] = _Watch(line)
                elif watch.line != line:
                    if (watch.line.device, watch.line.number) != (line.device, line.number):
                        watch.disconnect()
                    watch.configure(line)

    def state(self) -> dict[str, Health]:
        with self._lock:
            return {name: watch.health() for name, watch in self._watches.items()}

    # -- the thread ---------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen(self._next_s())
                due = self._due()
                changes = self._judge(due)
                self._ask(due)
                for name, is_up, reason in changes:
                    log.info("line %s is %s%s", name, "up" if is_up else "down", f": {reason}" if reason else "")
                    self._on_change(name, is_up, reason)
            except Exception:  # out of memory, what a stranger answered; without this thread no line would ever fail
                log.exception("line health: round failed")
                self._stop.wait(INTERVAL_S)

    def _next_s(self) -> float:
        """When the next line's round ends; soon, where lines may come."""
        with self._lock:
            return min((watch.due_s for watch in self._watches.values()), default=time.monotonic() + IDLE_S)

    def _due(self) -> list[_Watch]:
        now = time.monotonic()
        with self._lock:
            return [watch for watch in self._watches.values() if watch.due_s <= now]

    def _ask(self, due: list[_Watch]) -> None:
        """Begins another round of these lines."""
        with self._lock:
            now = time.monotonic()
            for watch in due:
                if self._watches.get(watch.line.name) is not watch:
                    continue  # taken away meanwhile
                # In step with the rounds before, unless that is too late already.
                watch.due_s = max(watch.due_s + watch.line.interval_s, now + watch.line.interval_s / 2)
                if watch.prober is None:
                    watch.connect(self._selector)
                watch.ask(now)

    def _listen(self, until_s: float) -> None:
        """Takes answers until the round's end."""
        while not self._stop.is_set() and (left := until_s - time.monotonic()) > 0:
            for key, _ in self._selector.select(min(left, 0.5)):
                watch: _Watch = key.data
                with self._lock:
                    door: socket.socket = key.fileobj  # type: ignore[assignment]
                    if watch.prober is None or door.fileno() < 0:
                        continue  # closed meanwhile
                    for answer in watch.prober.take(door, time.monotonic()):
                        watch.take(answer)

    def _judge(self, due: list[_Watch]) -> list[tuple[str, bool, str]]:
        """Ends the rounds of these lines; those whose state has changed by it."""
        judged = [watch for watch in due if watch.due_s]
        if not judged:
            return []
        present = links()
        silent_gateways = any(watch.gateway not in watch.proven for watch in judged)
        alive = {(n.device, n.address) for n in neighbours() if n.is_alive} if silent_gateways else set()
        changes = []
        with self._lock:
            for watch in judged:
                if self._watches.get(watch.line.name) is not watch:
                    continue  # taken away meanwhile
                link = present.get(watch.line.device)
                if link is None or link.device != watch.device:
                    # A port that came back under the same name is another one to the kernel: bind anew.
                    watch.disconnect()
                    watch.device = link.device if link else 0
                if watch.judge(Seen(link, present.get(watch.line.port), alive), time.monotonic()):
                    changes.append((watch.line.name, bool(watch.standing.is_up), watch.reason))
        return changes


def _smoothed(before: float | None, last: float) -> float:
    return last if before is None else before * 0.8 + last * 0.2
