"""What must happen all the time: the fastpath's heartbeat, the self-check, the state for whoever looks at it live."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from firmware.daemon.due import Due
from firmware.daemon.fastpath import UNIT
from firmware.daemon.selfcheck import WINDOW_S, Finding, Seen, Sharing, selfcheck
from firmware.features import shares
from firmware.kernel import nft, storage
from firmware.kernel.queues import read_queues

if TYPE_CHECKING:
    from firmware.daemon.services import Services

log = logging.getLogger(__name__)

STATUS_S = 2.0
WATCH_S = 0.5
CHECK_S = 60.0
DISK_S = 10.0
CERTIFICATE_S, CERTIFICATE_FIRST_S = 3600.0, 300.0  # at the start the clock may not be set yet
DISK = {
    "errors": "The disk is wearing out: it has refused %(errors)s times. Save a backup, then replace it.",
    "read_only": "The disk does not take what is written any more. What is in force stays, but no change can be kept, "
    "and records from now on are lost. Save a backup, then replace the disk.",
    "memory": "The disk could not be written when the router started: it serves from a copy in memory and forgets "
    "every change at the next start. Save a backup, then replace the disk.",
}


class Watching:
    """A thread that looks twice a second; what fails is logged and tried again."""

    def __init__(self, box: Services, state_dir: Path) -> None:
        self._box, self._state_dir = box, state_dir
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._well_s = 0.0
        self._check, self._status, self._disk = Due(CHECK_S), Due(STATUS_S), Due(DISK_S, 0.0)
        self._certificate = Due(CERTIFICATE_S, CERTIFICATE_FIRST_S)
        self._found_before: frozenset[str] = frozenset()
        self._sharing = Sharing()

    def start(self) -> None:
        """Look from now on."""
        self._thread.start()

    def close(self) -> None:
        """End, and wait for the look that is under way."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        jobs: list[Callable[[], None]] = [
            self._watch_fastpath,
            self._box.monitor.tell_lines,
            self._publish_status,
            lambda: self._box.updates.look(WATCH_S),
            lambda: self._box.automatic_backups.look(WATCH_S),
            lambda: self._box.firmware.look(self._box, WATCH_S),
            self._look_at_lines,
            self._look_at_disk,
            self._look_at_certificate,
            self._check_itself,
            self._box.tools.tidy,
            self._box.lights.watch,
        ]
        while not self._stop.wait(WATCH_S):
            for job in jobs:
                try:
                    job()
                except Exception:
                    log.exception("watch")

    def _look_at_lines(self) -> None:
        config = self._box.engine.config
        self._box.metering.watch(config, WATCH_S)
        self._box.balancing.watch(config, WATCH_S)

    def _look_at_disk(self) -> None:
        if not self._disk.after(WATCH_S):
            return
        found = storage.trouble(self._state_dir)
        if found is None:
            self._box.alarm("disk", None)
        else:
            self._box.tell("disk", "critical", DISK[found.kind], {"errors": str(found.errors)})

    def _look_at_certificate(self) -> None:
        if self._certificate.after(WATCH_S):
            self._box.renew_certificate()

    def _watch_fastpath(self) -> None:
        if self._box.fastpath.watch(self._box.supervisor):
            self._well_s += WATCH_S
            if self._well_s >= 60:
                self._box.alarm(f"unit.{UNIT}.ended", None)
        else:
            self._well_s = 0.0

    def selfcheck(self) -> list[Finding]:
        """What is not as the configuration says (daemon/selfcheck.py)."""
        config = self._box.engine.config
        facts = self._box.facts(config)
        seen = Seen(
            takers=self._sharing.settled(shares.takers(config, facts), time.monotonic()),
            connections={row["key"]: row["connections"] for row in self._box.monitor.usage("wan", WINDOW_S, 16)},
            bandwidth=self._box.monitor.bandwidth(),
            read_queues=read_queues(),
            queues=facts.queues if self._well_s else 0,
            flowtables=nft.foreign_flowtables(),
        )
        return selfcheck(config, seen)

    def _check_itself(self) -> None:
        """Each minute; what is found twice in a row is an alarm, so that a moment between two states is none."""
        if not self._check.after(WATCH_S):
            return
        found = {finding.key: finding for finding in self.selfcheck()}
        for key, finding in found.items():
            if key in self._found_before:
                self._box.tell(f"selfcheck.{key}", "warning", finding.message, finding.params)
                if key == "queue":
                    self._box.supervisor.restart(UNIT)
        for key in self._found_before - found.keys():
            self._box.alarm(f"selfcheck.{key}", None)
        self._found_before = frozenset(found)

    def _publish_status(self) -> None:
        if self._status.after(WATCH_S) and self._box.monitor.broadcaster.has_listeners:
            self._box.monitor.broadcaster.publish("status", self._box.status())
