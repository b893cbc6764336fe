"""The revisions on the disk: SQLite for all of them, and beside it the last good configuration as plain JSON.

``config.db`` is written with full synchronisation; when it is found broken it is set aside and begun anew from
``config.json``. Both hold no secrets, but are read by root only.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from firmware.engine.errors import NoRevisionError, StorageError
from firmware.engine.pending import Pending
from firmware.kernel import files
from firmware.model import codec
from firmware.model.config import Config
from firmware.model.problem import ConfigError

log = logging.getLogger(__name__)

KEEP = 100
KEEP_BYTES = 4 * 1024 * 1024
_SCHEMA = """
CREATE TABLE IF NOT EXISTS revision (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time REAL NOT NULL,
    author TEXT NOT NULL,
    message TEXT NOT NULL,
    config BLOB NOT NULL,
    confirmed INTEGER NOT NULL CHECK (confirmed IN (0, 1)),
    changes INTEGER NOT NULL DEFAULT 0,
    parent INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """One configuration that was or should be in force; ``time`` is UTC in seconds, ``changes`` counts places."""

    id: int
    time: float
    author: str
    message: str
    confirmed: bool
    changes: int
    parent: int | None


class Revisions:
    """The store; safe to use from several threads."""

    def __init__(self, directory: Path, factory: Callable[[], Config], on_repair: Callable[[str], None]) -> None:
        """Open ``directory``, begin it with ``factory()``, or mend it; ``on_repair`` hears how (English message)."""
        self._directory = directory
        self._copy = directory / "config.json"
        self._lock = threading.RLock()
        self.was_mended = False
        self._database = self._open(factory, on_repair)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()

    def add(self, config: Config, author: str, message: str, *, parent: int) -> int:
        """Keep a configuration as the next revision, not in force yet, and note that it is being applied."""
        changes = len(codec.diff(self.config(parent), config))
        columns = "time, author, message, config, confirmed, changes, parent"
        with self._writing() as cursor:
            cursor.execute(
                f"INSERT INTO revision ({columns}) VALUES (?, ?, ?, ?, 0, ?, ?)",  # noqa: S608 (constants)
                (time.time(), author, message, _packed(config), changes, parent),
            )
            number = int(cursor.lastrowid or 0)
            _put(cursor, "applying", str(number))
        return number

    def drop(self, number: int) -> None:
        """Forget a revision that could not be applied."""
        with self._writing() as cursor:
            cursor.execute("DELETE FROM revision WHERE id = ?", (number,))
            _put(cursor, "applying", None)

    def switch(self, number: int, pending: Pending | None) -> None:
        """Make a revision the one in force, confirmed unless it waits for that."""
        with self._writing() as cursor:
            _put(cursor, "running", str(number))
            _put(cursor, "applying", None)
            _put(cursor, "pending", msgspec.json.encode(pending).decode() if pending else None)
            if pending is None:
                cursor.execute("UPDATE revision SET confirmed = 1 WHERE id = ?", (number,))
            self._tidy(cursor, keep={number, pending.previous if pending else number})

    def write_copy(self) -> None:
        """Bring the plain copy to the configuration in force, which is confirmed. Raises StorageError."""
        try:
            files.write(self._copy, codec.encode(self.config(self.running())), 0o600)
        except OSError as error:
            raise StorageError(
                "The configuration cannot be copied: %(reason)s.", reason=error.strerror or "?"
            ) from None

    def running(self) -> int:
        """The revision in force."""
        return int(self._state("running") or 0)

    def interrupted(self) -> int | None:
        """The revision that was being applied when rsd ended."""
        text = self._state("applying")
        return int(text) if text else None

    def pending(self) -> Pending | None:
        """What waits for its confirmation."""
        text = self._state("pending")
        return msgspec.json.decode(text, type=Pending) if text else None

    def config(self, number: int) -> Config:
        """The configuration of a revision. Raises NoRevisionError."""
        with self._lock:
            row = self._database.execute("SELECT config FROM revision WHERE id = ?", (number,)).fetchone()
        if row is None:
            raise NoRevisionError("There is no revision %(revision)s.", revision=str(number))
        return codec.decode(zlib.decompress(row[0]))

    def revision(self, number: int) -> Revision:
        """What is known of a revision beside its configuration. Raises NoRevisionError."""
        found = self._select("WHERE id = ?", number)
        if not found:
            raise NoRevisionError("There is no revision %(revision)s.", revision=str(number))
        return found[0]

    def latest(self, limit: int) -> list[Revision]:
        """The newest revisions first."""
        return self._select("ORDER BY id DESC LIMIT ?", limit)

    def _select(self, clause: str, value: int) -> list[Revision]:
        query = f"SELECT id, time, author, message, confirmed, changes, parent FROM revision {clause}"  # noqa: S608 (constants)
        with self._lock:
            rows = self._database.execute(query, (value,)).fetchall()
        return [
            Revision(id=i, time=t, author=a, message=m, confirmed=bool(c), changes=n, parent=p)
            for i, t, a, m, c, n, p in rows
        ]

    def _state(self, key: str) -> str | None:
        with self._lock:
            row = self._database.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else None

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Cursor]:
        with self._lock:
            cursor = self._database.cursor()
            try:
                cursor.execute("BEGIN IMMEDIATE")
                yield cursor
                cursor.execute("COMMIT")
            except sqlite3.Error as error:
                if self._database.in_transaction:
                    cursor.execute("ROLLBACK")
                log.error("config.db: %s", error)
                raise StorageError("The configuration cannot be kept: %(reason)s.", reason=str(error)) from None
            finally:
                cursor.close()

    def _tidy(self, cursor: sqlite3.Cursor, keep: set[int]) -> None:
        """Delete the oldest revisions beyond the budget."""
        total = 0
        rows = cursor.execute("SELECT id, length(config) FROM revision ORDER BY id DESC").fetchall()
        for place, (number, size) in enumerate(rows):
            total += size
            if (place >= KEEP or total > KEEP_BYTES) and number not in keep:
                cursor.execute("DELETE FROM revision WHERE id = ?", (number,))

    def _open(self, factory: Callable[[], Config], on_repair: Callable[[str], None]) -> sqlite3.Connection:
        path = self._directory / "config.db"
        is_new = not path.exists() and not self._copy.exists()
        try:
            return self._checked(path)
        except (sqlite3.Error, StorageError) as error:
            if not is_new:
                log.error("config.db is broken: %s", error)
        for suffix in ("", "-wal", "-shm"):
            broken = path.with_name(path.name + suffix)
            if broken.exists():
                broken.rename(path.with_name(f"config.broken{suffix}"))
        config, message = factory(), ""
        if not is_new:
            try:
                config = codec.decode(self._copy.read_bytes())
                message = (
                    "The revisions on the disk were broken; the last good configuration was restored from its copy."
                )
            except (OSError, ConfigError) as error:
                log.error("config.json: %s", error)
                message = "The configuration on the disk and its copy were broken; the factory's settings are in force."
        database = self._begun(path, config, message or "factory settings")
        if message:
            self.was_mended = True
            on_repair(message)
        return database

    def _checked(self, path: Path) -> sqlite3.Connection:
        """Open an existing database and see that it is whole. Raises sqlite3.Error or StorageError."""
        if not path.exists():
            raise StorageError("There is no database.")
        database = _connect(path)
        try:
            verdict = database.execute("PRAGMA quick_check(1)").fetchone()[0]
            if verdict != "ok":
                raise StorageError("The database is damaged: %(reason)s.", reason=str(verdict))
            row = database.execute(
                "SELECT config FROM revision JOIN state ON key = 'running' AND id = CAST(value AS INTEGER)"
            ).fetchone()
            if row is None:
                raise StorageError("The database has no revision in force.")
            codec.decode(zlib.decompress(row[0]))
        except (sqlite3.Error, StorageError):
            database.close()
            raise
        except (zlib.error, ConfigError) as error:
            database.close()
            raise StorageError("The revision in force cannot be read: %(reason)s.", reason=str(error)) from None
        return database

    def _begun(self, path: Path, config: Config, message: str) -> sqlite3.Connection:
        database = _connect(path)
        database.executescript(_SCHEMA)
        database.execute("BEGIN IMMEDIATE")
        cursor = database.execute(
            "INSERT INTO revision (time, author, message, config, confirmed) VALUES (?, 'system', ?, ?, 1)",
            (time.time(), message, _packed(config)),
        )
        _put(cursor, "running", str(cursor.lastrowid))
        database.execute("COMMIT")
        path.chmod(0o600)
        return database


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("PRAGMA cache_size = -256")
    return database


def _put(cursor: sqlite3.Cursor, key: str, value: str | None) -> None:
    if value is None:
        cursor.execute("DELETE FROM state WHERE key = ?", (key,))
    else:
        cursor.execute(
            "INSERT INTO state VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value)
        )


def _packed(config: Config) -> bytes:
    return zlib.compress(codec.encode(config), 6)
