"""The one database of a company: opened by URL, one writer at a time.

``sqlite:///path`` on the box, ``postgresql://…`` for larger sites; models and rules do not know which. On both there is
one writer: a lock in the process and then BEGIN IMMEDIATE or an advisory lock of the transaction. So numbers have no
gaps, no transaction waits for another in a circle, and none must be tried again. Readers are never blocked.
"""

from __future__ import annotations

import datetime
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import peewee

BUSY_S = 10
WRITER = 0x62697A  # key of PostgreSQL's advisory lock
# Of SQLite, by connection: 0.5 MB for the schema, and 0.8 MB for as many statements as Python keeps ready by itself
# (128). With 16 a page costs the same, measured over every list, form and document.
IDLE_MAX, STATEMENTS_MAX = 2, 16
# FULL: what was acknowledged is on the disk. The cache is small because the box is.
PRAGMAS = {"journal_mode": "wal", "synchronous": "full", "foreign_keys": 1, "cache_size": -2000, "temp_store": "memory"}

database = peewee.DatabaseProxy()
_lock = threading.RLock()
_state = threading.local()


class DateField(peewee.DateField):
    """A day. SQLite gives its ISO text; peewee would try formats one by one, which takes ten times as long."""

    def adapt(self, value: object) -> object:
        if isinstance(value, str):
            return datetime.date.fromisoformat(value)
        return value.date() if isinstance(value, datetime.datetime) else value


class Record(peewee.Model):
    """A table. Rows are written by ``core.store`` only; columns in ``SECRET`` are not told in the audit log."""

    SECRET: tuple[str, ...] = ()
    _pk: Any
    _dirty: set[str]
    _pk_expr: Callable[[], Any]

    class Meta:
        database = database
        legacy_table_names = False


class Sqlite(peewee.SqliteDatabase):
    """SQLite whose connections go from thread to thread: whoever closes one gives it to the next who connects.

    The server has more threads than are ever at work, and one connection for each of them would be the larger part of
    the business's memory; to open one for each page takes 4 ms, a third of what a page costs.
    """

    _lock: threading.Lock

    def __init__(self, path: str) -> None:
        self._idle: list[sqlite3.Connection] = []  # the last that was used is the first to be used again
        super().__init__(path, pragmas=PRAGMAS, timeout=BUSY_S, check_same_thread=False,
                         cached_statements=STATEMENTS_MAX)  # fmt: skip

    def close_idle(self) -> None:
        """Nobody comes back to this database: its file may be removed."""
        with self._lock:
            while self._idle:
                self._idle.pop().close()

    def _connect(self) -> Any:
        # peewee calls this and the next with its lock held; its types do not know of them
        return self._idle.pop() if self._idle else super()._connect()  # type: ignore[misc]

    def _close(self, conn: sqlite3.Connection) -> None:
        if len(self._idle) == IDLE_MAX or conn.in_transaction:
            conn.close()
            return
        conn.execute("PRAGMA shrink_memory")  # what was read is given back; the schema stays
        self._idle.append(conn)


def connect(url: str) -> peewee.Database:
    """A database that is not yet the product's: for moving and comparing. :raise ValueError: for another scheme."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        path = unquote(parts.path)[1:] if parts.path.startswith("//") or parts.path == "/:memory:" else parts.path
        return Sqlite(path)
    if parts.scheme == "postgresql":
        return peewee.PostgresqlDatabase(url)
    raise ValueError(f"{url}: give sqlite:///path or postgresql://user@host/name")


def use(url: str) -> peewee.Database:
    """Makes the database of the URL the one that all models speak to, once nobody writes: the rest of what is being
    posted would go to the other one. The registry then brings it up to date."""
    found = connect(url)
    if isinstance(found, peewee.SqliteDatabase) and found.database != ":memory:":
        Path(found.database).parent.mkdir(parents=True, exist_ok=True)
    with _lock:
        previous = database.obj
        database.initialize(found)
        if isinstance(previous, Sqlite):
            previous.close_idle()
        found.connect(reuse_if_open=True)
    return found


def is_sqlite(found: peewee.Database | None = None) -> bool:
    """Which of the two dialects is spoken."""
    target = database.obj if found is None else found
    return isinstance(target, peewee.SqliteDatabase)


@contextmanager
def alone() -> Iterator[None]:
    """Nobody else writes meanwhile: for going over to another database."""
    with _lock:
        yield


def depth() -> int:
    """How many ``write`` blocks this thread is in."""
    return getattr(_state, "depth", 0)


@contextmanager
def write() -> Iterator[None]:
    """One transaction of the one writer; a block within a block belongs to the outer one, and fails with it."""
    if depth():
        _state.depth += 1
        try:
            yield
        except BaseException:
            _state.is_lost = True
            raise
        finally:
            _state.depth -= 1
        return
    with _lock:
        _state.depth, _state.is_lost = 1, False
        try:
            with database.atomic("IMMEDIATE") if is_sqlite() else database.atomic():
                if not is_sqlite():
                    database.execute_sql("SELECT pg_advisory_xact_lock(%s)", (WRITER,))
                yield
                if _state.is_lost:  # a part failed and its caller went on as if nothing were: half of it must not stay
                    raise RuntimeError("a command within this transaction failed")
        finally:
            _state.depth = 0
