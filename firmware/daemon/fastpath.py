"""The fastpath as rsd drives it: its unit, its tables, and a look at its heartbeat."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from fastpath.binding.apps import Apps
from fastpath.binding.policy import compile_policy
from fastpath.binding.runtime import Runtime, TableRefusedError
from firmware.daemon.database import Database
from firmware.kernel.errors import KernelError
from firmware.kernel.supervisor import Supervisor
from firmware.model.plan import CustomApplication, FastpathTables, Unit

log = logging.getLogger(__name__)

UNIT = "rs-fastpath"
SHM = "fastpath.shm"
PACKETS = 32  # of a flow up to which the rules queue; rs-fastpath decides by the 8th that it sees
LOAD_S = 5.0
HUNG_MS = 3000  # it beats four times a second
HUNG_LOOKS = 3  # in a row: after a pause of the whole machine its beat is as old, but only once


class FastpathDoor:
    """Loads tables and watches; ``on_numbering`` hears which names the numbers stand for from now on."""

    def __init__(self, run_dir: Path, database: Database, queues: int) -> None:
        self.database = database
        self._run_dir = run_dir
        self.runtime = _open(run_dir / SHM, queues)
        self.on_numbering: Callable[[list[str], list[str]], None] = lambda applications, policies: None
        self._handed_over: tuple[str, tuple[CustomApplication, ...]] | None = None  # the database's version and the own
        self._apps: Apps | None = None  # opened when somebody asks
        self._hung_looks = 0
        self._lock = threading.Lock()
        self.unit = Unit(
            name=UNIT,
            argv=("{build}/rs-fastpath", "--shm", f"{{run}}/{SHM}", "--queues", str(queues)),
        )

    def close(self) -> None:
        """Let go of the shared file; the fastpath goes on."""
        self._forget_apps()
        self.runtime.close()

    def applications(self) -> dict[str, str]:
        """Id and category of every application of the database, in the order of their numbers."""
        return self.database.in_force.categories

    @property
    def version(self) -> str:
        """Of the application database that the fastpath has; "" before the first."""
        return self._handed_over[0] if self._handed_over else ""

    def load(self, tables: FastpathTables, generation: int) -> None:
        """Put tables in force under a generation. Raises KernelError with the fastpath's reason."""
        categories = self.database.in_force.policy_categories | {own.id: own.category for own in tables.applications}
        wanted = (tables.database, tables.applications)
        try:
            apps = None if wanted == self._handed_over else self.database.compiled(tables.applications)
            self.runtime.set_tables(compile_policy(tables, categories, generation), apps, LOAD_S)
        except (ValueError, TableRefusedError, TimeoutError, OSError) as error:
            self._handed_over = None
            raise KernelError("policy table", str(error)) from error
        self._handed_over = wanted
        self._forget_apps()
        self.on_numbering(list(categories), [row.name for row in tables.rows])

    def match_host(self, host: str) -> str | None:
        """Which application a host name belongs to."""
        with self._lock:
            if self._apps is None:
                path = self._run_dir / "apps.bin"
                if not path.exists():
                    return None
                self._apps = Apps(path.read_bytes())
            found: str | None = self._apps.match_host(host)
            return found

    def watch(self, supervisor: Supervisor) -> bool:
        """End a fastpath that hangs, so that it is started anew; returns whether it is alive."""
        stats = self.runtime.stats()
        self._hung_looks = self._hung_looks + 1 if stats["alive"] and stats["heartbeat_ms"] > HUNG_MS else 0
        if self._hung_looks >= HUNG_LOOKS:
            self._hung_looks = 0
            log.error("rs-fastpath hangs since %d ms: it is killed", stats["heartbeat_ms"])
            supervisor.restart(UNIT)
            return False
        return bool(stats["alive"])

    def _forget_apps(self) -> None:
        with self._lock:
            if self._apps is not None:
                self._apps.close()
                self._apps = None


def _open(path: Path, queues: int) -> Runtime:
    """The shared file; one that does not fit is replaced (whoever uses it is started anew with other arguments)."""
    try:
        return Runtime(path, queues=queues)
    except OSError as error:
        log.error("%s is replaced: %s", path, error)
        path.unlink(missing_ok=True)
        return Runtime(path, queues=queues)
