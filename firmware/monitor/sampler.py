"""The monitor's thread: reads counters, events and neighbours at a steady pace and writes the store once a minute."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firmware.kernel.errors import KernelError
from firmware.model.config import Config
from firmware.model.devices import ethernet_device, line_device
from firmware.monitor.blocked import BlockedLog
from firmware.monitor.broadcast import Broadcaster
from firmware.monitor.hosts import ROUTER, Hosts, read_leases
from firmware.monitor.links import counters, links, own_addresses
from firmware.monitor.live import Live
from firmware.monitor.neighbours import neighbours
from firmware.monitor.numbering import Numbering
from firmware.monitor.rates import STEP_S
from firmware.monitor.store import UsageRow, UsageStore
from firmware.monitor.system import System

if TYPE_CHECKING:
    from fastpath.binding.records import Usage
    from fastpath.binding.runtime import Runtime

log = logging.getLogger(__name__)

# level (WELL: what the same message told is over), English message identifier, its params
OnAlarm = Callable[[str, str, dict[str, str]], None]
WELL = "well"

EVENTS_S = 1
HOSTS_S = 10
DRAIN_S = 60
MAINTAIN_S = 600
# How often the fastpath walks conntrack: often while somebody looks, seldom otherwise.
WATCHED_S, UNWATCHED_S = 2.0, 10.0
WATCHED_FOR_S = 30
# Sums that do not move for this long (the fastpath is away) mean silence, not the last rate for ever.
SILENT_S = 30

DAMAGED = "The usage statistics were damaged and have been started anew; the old file is kept as %(file)s."
NOT_STORED = "The usage statistics cannot be written: %(reason)s. They are kept in memory until they can be."


class Sampler:
    """Owns what is measured; ``lock`` guards ``hosts`` and ``live`` against the verbs' threads."""

    def __init__(self, state_dir: Path, runtime: Runtime, broadcaster: Broadcaster, on_alarm: OnAlarm) -> None:
        self.lock = threading.RLock()
        self.hosts, self.live, self.system, self.blocked = Hosts(), Live(), System(), BlockedLog()
        self.store = UsageStore(state_dir / "usage.db")
        self.runtime = runtime
        self.numbering = Numbering()
        self._is_numbered = False
        self._leases = state_dir / "dnsmasq.leases"
        self._broadcaster = broadcaster
        self._on_alarm = on_alarm
        self._wans: dict[int, str] = {}
        self._devices: dict[str, str] = {}
        self._outside: frozenset[str] = frozenset()
        self._dumps = -1
        self._sampled_s = 0.0
        self._asked_s = -WATCHED_FOR_S * 1.0
        self._interval_s = 0.0
        self._is_failing = False
        # New numbers and the minute can come together; while it is held nothing moves from ``live`` to the store.
        self.drain_lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="monitor", daemon=True)
        if self.store.was_damaged:
            self._tell_damaged()

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Ends the thread, writes what is accounted once more and closes the store."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
            self._guarded(self.drain)
        self.store.close()

    def configure(self, config: Config) -> None:
        """Takes lines, names and groups."""
        with self.lock:
            self._wans = {wan.number: name for name, wan in config.wans.items()}
            self._devices = {name: line_device(wan) for name, wan in config.wans.items()}
            below = {device for wan in config.wans.values() for device in (wan.interface, ethernet_device(wan))}
            self._outside = frozenset(self._devices.values()) | below
            self.hosts.configure(config)

    def renumber(self, numbering: Numbering) -> None:
        """Takes new numbers; what was accounted under other application numbers is moved to the store first."""
        if self._is_numbered and numbering.applications != self.numbering.applications:
            self._guarded(self.drain)
        self.numbering, self._is_numbered = numbering, True

    def asked(self) -> None:
        """Somebody looks at live figures."""
        self._asked_s = time.monotonic()

    def wan_name(self, number: int) -> str:
        return self._wans.get(number, "")

    # -- jobs ---------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        jobs: list[tuple[int, Callable[[], Any]]] = [
            (EVENTS_S, self.take_events),
            (STEP_S, self.sample),
            (HOSTS_S, self.see_hosts),
            (DRAIN_S, self.drain),
            (MAINTAIN_S, self.maintain),
        ]
        self._guarded(self.see_hosts)
        due = [0] * len(jobs)
        while not self._stop.is_set():
            # Just after whole seconds of the clock that numbers the steps: each step is sampled once.
            now_s = time.monotonic()
            for index, (interval, job) in enumerate(jobs):
                if (number := int(now_s) // interval) != due[index]:
                    due[index] = number
                    self._guarded(job)
            self._stop.wait(1 - time.monotonic() % 1)

    def _guarded(self, job: Callable[[], Any]) -> None:
        """Runs a job; whatever it meets, the thread and the other jobs go on."""
        try:
            job()
        except (OSError, KernelError) as error:
            log.warning("%s: %s", job.__name__, error)
        except Exception:
            log.exception("%s", job.__name__)

    def take_events(self) -> None:
        """Moves the fastpath's events on: blocked ones are counted and told."""
        for event in self.runtime.events():
            if event.kind != "blocked":
                continue
            with self.lock:
                key = self.hosts.key_of(str(event.client), event.mac or "")
            news = self.blocked.add(
                key,
                str(event.client),
                self.numbering.application(event.application),
                event.host or str(event.server),
                self.numbering.policy(event.row),
            )
            if news is not None:
                self._broadcaster.publish("blocked", news)

    def sample(self) -> None:
        """Takes the rates of this step."""
        now_s = time.monotonic()
        self.system.sample()
        self._set_interval(now_s)
        devices = counters()
        stats = self.runtime.stats()
        with self.lock:
            self.live.sample_lines(now_s, self._devices, devices)
            if stats["dumps"] != self._dumps or now_s - self._sampled_s > SILENT_S:
                self._dumps, self._sampled_s = stats["dumps"], now_s
                usage = self.runtime.usage()
                self.live.sample_usage(now_s, usage.serial, map(self._row, usage.rows))

    def _set_interval(self, now_s: float) -> None:
        is_watched = self._broadcaster.has_listeners or now_s - self._asked_s < WATCHED_FOR_S
        wanted = WATCHED_S if is_watched else UNWATCHED_S
        if wanted != self._interval_s:
            self.runtime.set_dump_interval(wanted)
            self._interval_s = wanted

    def see_hosts(self) -> None:
        """Reads neighbours and leases."""
        inside = [state.device for name, state in links().items() if name not in self._outside]
        table, leases = neighbours(), read_leases(self._leases)
        seen = self.runtime.hosts()
        own = own_addresses()
        with self.lock:
            self.hosts.tell_own(own)
            self.hosts.update(inside, table, leases)
            for host in seen:
                if self.hosts.may_be_host(str(host.address), host.mac or ""):
                    self.hosts.see(str(host.address), host.mac or "", host.last_s)
            self.live.tidy(time.monotonic())

    def drain(self) -> None:
        """Moves what is accounted from the fastpath into the store; see ``store`` for what a kill leaves."""
        if not self._is_numbered:  # nobody knows yet what the numbers stand for
            return
        with self.drain_lock:
            self._drain()

    def _drain(self) -> None:
        drained = self.runtime.accounting_drain()
        with self.lock:
            rows = [self._row(row) for row in drained.rows]
        blocked = self.blocked.counts()
        try:
            is_new = self.store.add(drained.serial, time.time(), rows, blocked)
        except sqlite3.Error as error:
            self._cannot_store(error)
            return
        if self._is_failing:
            self._is_failing = False
            self._on_alarm(WELL, NOT_STORED, {})
        self.runtime.accounting_done(drained)
        if is_new:
            self.blocked.stored(blocked)
            with self.lock:
                self.live.end_epoch(drained.serial, rows)

    def maintain(self) -> None:
        try:
            self.store.maintain(time.time())
        except sqlite3.Error as error:
            self._cannot_store(error)

    def _cannot_store(self, error: sqlite3.Error) -> None:
        """A damaged file is replaced; a full disk is told once and tried again every minute."""
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            self.store.replace()
            self._tell_damaged()
        elif not self._is_failing:
            self._is_failing = True
            log.error("usage.db: %s", error)
            self._on_alarm("warning", NOT_STORED, {"reason": str(error)})

    def _tell_damaged(self) -> None:
        self._on_alarm("warning", DAMAGED, {"file": f"{self.store.path.name}.damaged"})

    def _row(self, usage: Usage) -> UsageRow:
        return UsageRow(
            self.hosts.key_of(str(usage.host), usage.mac or "") if usage.host else ROUTER,
            self.numbering.application(usage.application),
            self._wans.get(usage.wan, ""),
            usage.up_bytes,
            usage.down_bytes,
            usage.up_packets,
            usage.down_packets,
            usage.connections,
        )
