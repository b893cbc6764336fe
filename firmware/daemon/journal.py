"""Alarms and the audit trail in ``STATE/log.db``, each with a budget of rows.

An alarm has a key: raising it again changes its text, clearing it says when it was well again. The file is a log, not
money: it is written without waiting for the disk, and when it is found broken it is begun anew.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any, Literal

log = logging.getLogger(__name__)

Level = Literal["info", "warning", "critical"]
ALARMS_KEPT = 500
AUDIT_KEPT = 10_000
CLEARED_SHOWN_S, SHOWN = 86_400, 200
_SCHEMA = """
CREATE TABLE IF NOT EXISTS alarm (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, time REAL NOT NULL, level TEXT NOT NULL,
    message TEXT NOT NULL, params TEXT NOT NULL, cleared REAL
) STRICT;
CREATE INDEX IF NOT EXISTS alarm_open ON alarm (key) WHERE cleared IS NULL;
CREATE TABLE IF NOT EXISTS audit (
    id INTEGER PRIMARY KEY, time REAL NOT NULL, who TEXT NOT NULL, verb TEXT NOT NULL,
    details TEXT NOT NULL, outcome TEXT NOT NULL
) STRICT;
"""


class Journal:
    """Safe to use from several threads; a failing disk is logged and never stops who writes."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._database = _open(path)
        self._open_keys = {str(row[0]) for row in self._database.execute("SELECT key FROM alarm WHERE cleared IS NULL")}
        self._unwritten: dict[str, dict[str, Any]] = {}  # open alarms by key whose text the disk did not take

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def raise_alarm(self, key: str, level: Level, message: str, params: dict[str, str]) -> bool:
        """Note that something is wrong; returns whether it was not known yet."""
        with self._lock:
            is_new = key not in self._open_keys
            self._open_keys.add(key)
            before = self._unwritten.get(key)
            began = before["time"] if before else time.time()
            values = (began, level, message, json.dumps(params), key)
            if is_new:
                insert = "INSERT INTO alarm (time, level, message, params, key) VALUES (?, ?, ?, ?, ?)"
                is_written = self._write(insert, values)
                if is_written:
                    self._trim("alarm", ALARMS_KEPT, "AND cleared IS NOT NULL")
            else:
                change = "UPDATE alarm SET level = ?, message = ?, params = ? WHERE key = ? AND cleared IS NULL"
                is_written = before is None and self._write(change, values[1:])
            if not is_written:
                self._unwritten[key] = {"time": began, "level": level, "message": message, "params": params}
            return is_new

    def clear_alarm(self, key: str) -> bool:
        """Note that it is well again; returns whether it was wrong."""
        with self._lock:
            if key not in self._open_keys:
                return False
            self._open_keys.discard(key)
            self._unwritten.pop(key, None)
            self._write("UPDATE alarm SET cleared = ? WHERE key = ? AND cleared IS NULL", (time.time(), key))
            return True

    def alarms(self) -> list[dict[str, Any]]:
        """The alarms that are open or were until lately, the newest first."""
        columns = "id, key, time, level, message, params, cleared"
        over = "SELECT id FROM alarm WHERE cleared > ? ORDER BY id DESC LIMIT ?"
        query = f"SELECT {columns} FROM alarm WHERE cleared IS NULL OR id IN ({over}) ORDER BY id DESC"  # noqa: S608
        with self._lock:
            rows = self._read(query, (time.time() - CLEARED_SHOWN_S, SHOWN))
            rows = [row for row in rows if row[-1] is not None or row[1] not in self._unwritten]
            # Their numbers are below zero: who tells alarms apart by number must not take them for written ones.
            unwritten = [{"id": -n, **row, "cleared": None} for n, row in enumerate(self._unwritten.values(), 1)]
        return unwritten + [
            {"id": i, "time": t, "level": level, "message": m, "params": json.loads(p), "cleared": c}
            for i, _, t, level, m, p, c in rows
        ]

    @property
    def open_alarms(self) -> int:
        """How many things are wrong now."""
        return len(self._open_keys)

    @property
    def open_keys(self) -> frozenset[str]:
        """What is wrong now."""
        with self._lock:
            return frozenset(self._open_keys)

    def is_open(self, key: str) -> bool:
        """Whether this is wrong now."""
        return key in self._open_keys

    def audit(self, who: str, verb: str, details: dict[str, Any], outcome: str) -> None:
        """Note who did what, and how it ended. ``details`` must hold no secrets."""
        values = (time.time(), who, verb, json.dumps(details, ensure_ascii=False), outcome)
        with self._lock:
            self._write("INSERT INTO audit (time, who, verb, details, outcome) VALUES (?, ?, ?, ?, ?)", values)
            self._trim("audit", AUDIT_KEPT)

    def audits(self, limit: int) -> list[dict[str, Any]]:
        """The audit trail, the newest first."""
        with self._lock:
            rows = self._read(
                "SELECT id, time, who, verb, details, outcome FROM audit ORDER BY id DESC LIMIT ?", (limit,)
            )
        return [
            {"id": i, "time": t, "who": w, "verb": v, "details": json.loads(d), "outcome": o}
            for i, t, w, v, d, o in rows
        ]

    def _trim(self, table: str, keep: int, which: str = "") -> None:
        self._write(f"DELETE FROM {table} WHERE id <= (SELECT max(id) FROM {table}) - ? {which}", (keep,))  # noqa: S608

    def _write(self, statement: str, values: tuple[Any, ...]) -> bool:
        """Whether it was written."""
        try:
            self._database.execute(statement, values)
        except sqlite3.Error as error:
            log.error("log.db: %s", error)
            return False
        return True

    def _read(self, query: str, values: tuple[Any, ...]) -> list[Any]:
        try:
            return self._database.execute(query, values).fetchall()
        except sqlite3.Error as error:
            log.error("log.db: %s", error)
            return []


def _open(path: Path) -> sqlite3.Connection:
    try:
        return _connect(path)
    except sqlite3.Error as error:
        log.error("log.db is begun anew: %s", error)
    try:
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        return _connect(path)
    except (sqlite3.Error, OSError) as error:
        log.error("log.db is kept in memory: %s", error)
    return _connect(":memory:")


def _connect(path: Path | str) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=2.0, isolation_level=None, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = OFF")
        database.execute("PRAGMA cache_size = -128")
        database.executescript(_SCHEMA)
        database.execute("SELECT count(*) FROM alarm").fetchone()
    except sqlite3.Error:
        database.close()
        raise
    return database
