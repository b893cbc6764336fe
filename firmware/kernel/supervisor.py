"""Keeps the Plan's units alive: starts, restarts with back-off, reloads, adopts what an earlier rsd started.

One thread owns all processes; the methods only say what is wanted and wake it up.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from firmware.kernel.files import filled
from firmware.kernel.process import Process, Purpose, Registry
from firmware.model.plan import Unit

log = logging.getLogger(__name__)

BACKOFF_S = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
WELL_AFTER_S = 10.0  # alive for so long counts as well again
FAILURES_TOLD = 3  # so many ends in a row are an alarm
STOP_S = 3.0  # from SIGTERM to SIGKILL
LOG_BYTES = 256 * 1024
WORDS_BYTES = 2048

EventKind = Literal["ended", "failing", "missing", "well"]
Report = Callable[[str, EventKind, str], None]


@dataclass(frozen=True)
class UnitState:
    """A unit for a person to look at; ``pid`` is ``None`` while it does not run."""

    name: str
    pid: int | None
    restarts: int
    age_s: float


@dataclass
class _Keeper:
    """What the thread knows about one unit."""

    name: str
    unit: Unit | None = None  # None: not wanted
    wanted: Purpose | None = None
    process: Process | None = None
    since: float = 0.0
    next_start: float = 0.0
    kill_at: float | None = None
    failures: int = 0
    restarts: int = 0
    is_told: bool = field(default=False)


class Supervisor:
    """Runs units; ``places`` fills ``{run}`` and its like in their arguments, ``report`` hears what happens to them."""

    def __init__(self, run_dir: Path, places: Mapping[str, str], report: Report) -> None:
        self._run_dir = run_dir
        self._places = dict(places)
        self._report = report
        self._registry = Registry(run_dir / "units")
        self._keepers: dict[str, _Keeper] = {}
        self._environment: dict[str, str] = {}
        self._lock = threading.RLock()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._is_closing = False
        self._trim_at = 0.0
        for name, process in self._registry.find().items():
            log.info("%s: adopted, process %d", name, process.pid)
            self._keepers[name] = _Keeper(name, process=process, since=time.monotonic())
        self._thread = threading.Thread(target=self._loop, name="supervisor", daemon=True)
        self._thread.start()

    def apply(self, units: Iterable[Unit], timezone: str = "") -> None:
        """Say which units shall run; those whose arguments or files changed are restarted or reloaded."""
        with self._lock:
            self._environment = _environment(self._places["run"], timezone)
            wanted = {unit.name: unit for unit in units}
            for unit in wanted.values():
                keeper = self._keepers.setdefault(unit.name, _Keeper(unit.name))
                self._want(keeper, unit)
            for name, keeper in list(self._keepers.items()):
                if name not in wanted:
                    self._dismiss(keeper)
        self._wake_up()

    def restart(self, name: str) -> None:
        """End a unit at once (it hangs); it comes back by itself."""
        with self._lock:
            keeper = self._keepers.get(name)
            if keeper is not None and keeper.process is not None:
                keeper.process.kill()

    def renew(self, name: str) -> None:
        """Have a unit begin anew in good order, or at once where it waits for its next start."""
        with self._lock:
            keeper = self._keepers.get(name)
            if keeper is not None and keeper.unit is not None:
                keeper.failures, keeper.next_start = 0, 0.0
                self._stop(keeper)
        self._wake_up()

    def end_of_log(self, name: str) -> str:
        """The end of what a unit has said."""
        return self._registry.end_of_log(name, WORDS_BYTES)

    def reload(self, name: str) -> None:
        """Send a unit its reload signal: a file that it reads has changed outside the Plan."""
        with self._lock:
            keeper = self._keepers.get(name)
            if keeper is not None and keeper.process is not None and keeper.unit is not None:
                keeper.process.signal(getattr(signal, f"SIG{keeper.unit.reload_signal}"))

    def states(self) -> list[UnitState]:
        """All units that are wanted."""
        now = time.monotonic()
        with self._lock:
            return [
                UnitState(k.name, k.process.pid if k.process else None, k.restarts, now - k.since if k.process else 0.0)
                for k in sorted(self._keepers.values(), key=lambda k: k.name)
                if k.unit is not None
            ]

    def close(self, *, stop_units: bool) -> None:
        """Stop supervising; the units end with it or run on for the next rsd to adopt."""
        if stop_units:
            self.apply(())
            deadline = time.monotonic() + STOP_S + 1
            while self._keepers and time.monotonic() < deadline:
                self._wake_up()
                self._thread.join(0.05)
        with self._lock:
            self._is_closing = True
        self._wake_up()
        self._thread.join()
        for keeper in self._keepers.values():
            if keeper.process is not None:
                keeper.process.release()
        self._keepers.clear()
        os.close(self._wake)

    def _want(self, keeper: _Keeper, unit: Unit) -> None:
        purpose = Purpose(unit.argv, self._digest(unit.restart_on), self._digest(unit.reload_on))
        is_new = keeper.wanted != purpose
        keeper.unit, keeper.wanted = unit, purpose
        if is_new:
            keeper.failures, keeper.next_start = 0, 0.0
        process = keeper.process
        if process is None or process.purpose == purpose:
            return
        if (process.purpose.argv, process.purpose.restart) != (purpose.argv, purpose.restart):
            self._stop(keeper)
        else:
            process.signal(getattr(signal, f"SIG{unit.reload_signal}"))
            process.purpose = purpose
            self._registry.note(unit.name, purpose)
            log.info("%s: reloaded", unit.name)

    def _dismiss(self, keeper: _Keeper) -> None:
        keeper.unit = keeper.wanted = None
        if keeper.process is not None:
            self._stop(keeper)
        else:
            self._forget(keeper)

    def _forget(self, keeper: _Keeper) -> None:
        self._tell_well(keeper)
        self._registry.forget(keeper.name)
        self._keepers.pop(keeper.name, None)

    def _stop(self, keeper: _Keeper) -> None:
        if keeper.process is not None and keeper.kill_at is None:
            keeper.process.signal(signal.SIGTERM)
            keeper.kill_at = time.monotonic() + STOP_S

    def _digest(self, paths: Iterable[str]) -> str:
        digest = hashlib.sha256()
        for path in paths:
            with contextlib.suppress(OSError):
                digest.update(path.encode() + b"\0" + (self._run_dir / path).read_bytes())
        return digest.hexdigest()

    def _loop(self) -> None:
        while True:
            poll = select.poll()
            poll.register(self._wake, select.POLLIN)
            with self._lock:
                if self._is_closing:
                    return
                for keeper in self._keepers.values():
                    if keeper.process is not None:
                        poll.register(keeper.process, select.POLLIN)
                timeout_s = self._time_to_next()
            ready = {number for number, _ in poll.poll(max(0.0, timeout_s) * 1000)}
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._wake)
            with self._lock:
                for keeper in list(self._keepers.values()):
                    if keeper.process is not None and keeper.process.fileno() in ready:
                        self._ended(keeper)
                    self._care(keeper)

    def _time_to_next(self) -> float:
        now = time.monotonic()
        if now >= self._trim_at:
            self._registry.trim_logs(LOG_BYTES)
            self._trim_at = now + 10
        times = [self._trim_at]
        for keeper in self._keepers.values():
            if keeper.kill_at is not None:
                times.append(keeper.kill_at)
            elif keeper.process is None:
                times.append(keeper.next_start)
            elif keeper.failures or keeper.is_told:
                times.append(keeper.since + WELL_AFTER_S)
        return min(times) - now

    def _care(self, keeper: _Keeper) -> None:
        now = time.monotonic()
        if keeper.process is not None:
            if keeper.kill_at is not None and now >= keeper.kill_at:
                keeper.process.kill()
                keeper.kill_at = now + STOP_S
            if (keeper.failures or keeper.is_told) and now >= keeper.since + WELL_AFTER_S:
                keeper.failures = 0
                self._tell_well(keeper)
        elif keeper.unit is not None and now >= keeper.next_start:
            self._start(keeper)

    def _start(self, keeper: _Keeper) -> None:
        assert keeper.unit is not None
        assert keeper.wanted is not None
        keeper.since = time.monotonic()
        argv = [filled(word, self._places) for word in keeper.unit.argv]
        try:
            keeper.process = self._registry.start(keeper.name, keeper.wanted, argv, self._environment)
        except OSError as error:
            log.error("%s: %s: %s", keeper.name, argv[0], error.strerror)
            self._failed(keeper)
            keeper.is_told = True
            self._report(keeper.name, "missing", f"{argv[0]}: {error.strerror}")
        else:
            log.info("%s: started, process %d", keeper.name, keeper.process.pid)

    def _ended(self, keeper: _Keeper) -> None:
        assert keeper.process is not None
        reason = keeper.process.end()
        keeper.process = None
        if keeper.unit is None:
            log.info("%s: stopped", keeper.name)
            self._forget(keeper)
            return
        if keeper.kill_at is not None:  # a restart that we wanted
            keeper.kill_at = None
            keeper.next_start = 0.0
            return
        log.error("%s: %s", keeper.name, reason)
        if time.monotonic() >= keeper.since + WELL_AFTER_S:
            keeper.failures = 0
        self._failed(keeper)
        keeper.restarts += 1
        words = self._registry.last_words(keeper.name)
        self._report(keeper.name, "ended", reason)
        if keeper.failures >= FAILURES_TOLD:
            keeper.is_told = True
            self._report(keeper.name, "failing", f"{reason}: {words}" if words else reason)

    def _failed(self, keeper: _Keeper) -> None:
        delay_s = BACKOFF_S[min(keeper.failures, len(BACKOFF_S) - 1)]
        keeper.failures += 1
        keeper.next_start = time.monotonic() + delay_s

    def _tell_well(self, keeper: _Keeper) -> None:
        if keeper.is_told:
            keeper.is_told = False
            self._report(keeper.name, "well", "")

    def _wake_up(self) -> None:
        os.eventfd_write(self._wake, 1)


def _environment(run: str, timezone: str) -> dict[str, str]:
    path = os.environ.get("PATH", "/usr/bin:/bin")
    environment = {"PATH": f"{path}:/usr/sbin:/sbin", "LANG": "C.UTF-8", "RS_RUN": run}
    if timezone:
        environment["TZ"] = timezone
    return environment
