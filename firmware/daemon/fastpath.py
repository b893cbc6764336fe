"""The fastpath as rsd drives it: its unit, its tables, and a look at its heartbeat."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path

from fastpath.binding.apps import Apps
from fastpath.binding.policy import compile_policy
from fastpath.binding.runtime import Runtime, TableRefusedError
from firmware.kernel.errors import KernelError
from firmware.kernel.supervisor import Supervisor
from firmware.model.plan import FastpathTables, Unit

log = logging.getLogger(__name__)

UNIT = "rs-fastpath"
SHM = "fastpath.shm"
PACKETS = 10  # of a flow that go through the queue at most
LOAD_S = 2.0
HUNG_MS = 3000  # it beats four times a second


class FastpathDoor:
    """Loads tables and watches; ``on_numbering`` hears which names the numbers stand for from now on.

    ``build_dir`` holds what ``make build`` compiled: the program, ``apps.bin`` and ``apps.json``.
    """

    def __init__(self, run_dir: Path, build_dir: Path, queues: int) -> None:
        self._build_dir = build_dir
        self._run_dir = run_dir
        self.runtime = _open(run_dir / SHM, queues)
        self._database = _read_database(build_dir / "apps.json")
        self.on_numbering: Callable[[list[str], list[str]], None] = lambda applications, policies: None
        self._apps_stamp: tuple[int, int] | None = None
        self._apps: Apps | None = None  # opened when somebody asks
        self._apps_lock = threading.Lock()
        self.unit = Unit(
            name=UNIT,
            argv=("{build}/rs-fastpath", "--shm", f"{{run}}/{SHM}", "--queues", str(queues), "--packets", str(PACKETS)),
        )

    def close(self) -> None:
        """Let go of the shared file; the fastpath goes on."""
        if self._apps is not None:
            self._apps.close()
        self.runtime.close()

    def applications(self) -> dict[str, str]:
        """Id and category of every application of the database, in the order of their numbers."""
        return self._database

    def load(self, tables: FastpathTables, generation: int) -> None:
        """Put tables in force under a generation. Raises KernelError with the fastpath's reason."""
        try:
            policy = compile_policy(tables, self._database, generation)
            self.runtime.set_tables(policy, self._changed_database(), LOAD_S)
        except (ValueError, TableRefusedError, TimeoutError, OSError) as error:
            raise KernelError("policy table", str(error)) from error
        self.on_numbering(list(self._database), [row.name for row in tables.rows])

    def match_host(self, host: str) -> str | None:
        """Which application of the database a host name belongs to."""
        with self._apps_lock:
            if self._apps is None:
                path = self._build_dir / "apps.bin"
                if not path.exists():
                    return None
                self._apps = Apps(path.read_bytes())
            found: str | None = self._apps.match_host(host)
            return found

    def watch(self, supervisor: Supervisor) -> bool:
        """End a fastpath that hangs, so that it is started anew; returns whether it is alive."""
        stats = self.runtime.stats()
        if stats["alive"] and stats["heartbeat_ms"] > HUNG_MS:
            log.error("rs-fastpath hangs since %d ms: it is killed", stats["heartbeat_ms"])
            supervisor.restart(UNIT)
            return False
        return bool(stats["alive"])

    def _changed_database(self) -> Path | None:
        """The database's file where it is another than the one last handed over."""
        path = self._build_dir / "apps.bin"
        if not path.exists():
            return None
        status = path.stat()
        stamp = (status.st_ino, status.st_mtime_ns)
        if stamp == self._apps_stamp:
            return None
        self._apps_stamp = stamp
        return path


def _open(path: Path, queues: int) -> Runtime:
    """The shared file; one that does not fit is replaced (whoever uses it is started anew with other arguments)."""
    try:
        return Runtime(path, queues=queues)
    except OSError as error:
        log.error("%s is replaced: %s", path, error)
        path.unlink(missing_ok=True)
        return Runtime(path, queues=queues)


def _read_database(path: Path) -> dict[str, str]:
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        log.error("%s is missing: no application is known by name; run make build", path)
        return {}
    rows = data["applications"] if isinstance(data, dict) else data
    return {row["id"]: row["category"] for row in rows}
