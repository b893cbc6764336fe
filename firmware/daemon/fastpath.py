"""The fastpath as rsd drives it: its unit, its tables, and a look at its heartbeat."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastpath.binding.apps import Apps
from fastpath.binding.policy import compile_policy
from fastpath.binding.runtime import Runtime, TableRefusedError
from firmware.kernel import files
from firmware.kernel.errors import KernelError
from firmware.kernel.supervisor import Supervisor
from firmware.model.plan import CustomApplication, FastpathTables, Unit

log = logging.getLogger(__name__)

UNIT = "rs-fastpath"
SHM = "fastpath.shm"
PACKETS = 32  # of a flow up to which the rules queue; rs-fastpath decides by the 8th that it sees
LOAD_S = 2.0
HUNG_MS = 3000  # it beats four times a second


class FastpathDoor:
    """Loads tables and watches; ``on_numbering`` hears which names the numbers stand for from now on.

    ``build_dir`` holds what ``make build`` compiled: the program, and the application database for C (``apps.bin``),
    for people (``apps.json``) and for compiling it together with the admin's own (``apps.source.json``).
    """

    def __init__(self, run_dir: Path, build_dir: Path, queues: int) -> None:
        self._build_dir = build_dir
        self._run_dir = run_dir
        self.runtime = _open(run_dir / SHM, queues)
        self.on_numbering: Callable[[list[str], list[str]], None] = lambda applications, policies: None
        self._database = _read_database(build_dir / "apps.json")
        self._own: tuple[CustomApplication, ...] | None = None  # those in the database that was handed over last
        self._apps: Apps | None = None  # opened when somebody asks
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
        return self._database

    def load(self, tables: FastpathTables, generation: int) -> None:
        """Put tables in force under a generation. Raises KernelError with the fastpath's reason."""
        categories = {**self._database, **{own.id: own.category for own in tables.applications}}
        try:
            apps = None if tables.applications == self._own else self._compiled(tables.applications)
            self.runtime.set_tables(compile_policy(tables, categories, generation), apps, LOAD_S)
        except (ValueError, TableRefusedError, TimeoutError, OSError) as error:
            self._own = None
            raise KernelError("policy table", str(error)) from error
        self._own = tables.applications
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
        if stats["alive"] and stats["heartbeat_ms"] > HUNG_MS:
            log.error("rs-fastpath hangs since %d ms: it is killed", stats["heartbeat_ms"])
            supervisor.restart(UNIT)
            return False
        return bool(stats["alive"])

    def _compiled(self, own: tuple[CustomApplication, ...]) -> Path | None:
        """The database's file, compiled anew when the admin has applications of his own."""
        path = self._build_dir / "apps.bin"
        if not own or not path.exists():
            return path if path.exists() else None
        from fastpath.binding.appdb import compile_apps, extend

        source = json.loads((self._build_dir / "apps.source.json").read_bytes())
        compiled = self._run_dir / "apps.own.bin"
        files.write(compiled, compile_apps(extend(source, [_entry(application) for application in own])))
        return compiled

    def _forget_apps(self) -> None:
        with self._lock:
            if self._apps is not None:
                self._apps.close()
                self._apps = None


def _entry(application: CustomApplication) -> dict[str, Any]:
    """An application of the admin's as the database's sources have theirs."""
    return {
        "id": application.id,
        "name": {"zh": application.name_zh, "en": application.name_en},
        "category": application.category,
        "domains": list(application.domains),
        "networks": list(application.networks),
        "ports": [f"{transport}/{low}-{high}" for low, high in application.ports for transport in ("tcp", "udp")],
        "patterns": [],
    }


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
    return {row["id"]: row["category"] for row in data["applications"]}
