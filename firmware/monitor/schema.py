"""Tables of ``usage.db`` and the way it is opened: small pages of memory, few writes to flash, healed when damaged."""

from __future__ import annotations

import sqlite3
from pathlib import Path

# Times are whole minutes, hours or days since 1970 (UTC). Rows are kept in key order without a rowid: one minute's rows
# are appended at the end of the tree, so a commit writes only the pages that it fills.
TABLES = (
    """CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS name(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)""",
    *(
        f"""CREATE TABLE IF NOT EXISTS {table}(
            t INTEGER NOT NULL, host INTEGER NOT NULL, application INTEGER NOT NULL, wan INTEGER NOT NULL,
            up_bytes INTEGER NOT NULL, down_bytes INTEGER NOT NULL, up_packets INTEGER NOT NULL,
            down_packets INTEGER NOT NULL, connections INTEGER NOT NULL,
            PRIMARY KEY(t, host, application, wan)) WITHOUT ROWID"""
        for table in ("minute", "hour", "day")
    ),
    """CREATE TABLE IF NOT EXISTS blocked(
        t INTEGER NOT NULL, host INTEGER NOT NULL, application INTEGER NOT NULL, policy INTEGER NOT NULL,
        count INTEGER NOT NULL, PRIMARY KEY(t, host, application, policy)) WITHOUT ROWID""",
)


def open_database(path: Path) -> tuple[sqlite3.Connection, bool]:
    """The connection, and whether a damaged file had to be put aside (kept as ``usage.db.damaged``)."""
    try:
        return _open(path), False
    except sqlite3.DatabaseError as error:
        # "Disk full" and "locked" are OperationalErrors of a sound file: those are the caller's to report.
        if isinstance(error, sqlite3.OperationalError):
            raise
        put_aside(path)
        return _open(path), True


def put_aside(path: Path) -> None:
    """Renames a damaged database to ``*.damaged`` (one is kept) so that a new one can take its place."""
    path.replace(path.with_name(path.name + ".damaged"))
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _open(path: Path) -> sqlite3.Connection:
    # One connection, serialised by the store's lock; isolation_level None leaves transactions to us.
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    try:
        database.execute("PRAGMA auto_vacuum = INCREMENTAL")
        database.execute("PRAGMA journal_mode = WAL")
        # In WAL mode NORMAL syncs at checkpoints only: a power cut loses the last minutes, never the file.
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA cache_size = -512")
        database.execute("PRAGMA temp_store = MEMORY")
        database.execute("PRAGMA journal_size_limit = 1048576")
        database.execute("PRAGMA wal_autocheckpoint = 256")
        for statement in TABLES:
            database.execute(statement)
    except sqlite3.DatabaseError:
        database.close()
        raise
    return database
