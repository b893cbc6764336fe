"""Tables of ``usage.db`` and the way it is opened: small pages of memory, few writes to flash, healed when damaged."""

from __future__ import annotations

import sqlite3
from pathlib import Path

# Times are whole minutes, hours or days since 1970 (UTC). A row's id is its time and a number within that time, so
# that rows are appended in full pages and found by time without an index. The same key may stand in several rows; sums
# do not mind. 200 rows a minute for a day (19 MB) wrote 2.6 times their size so, 3.8 times with pages of 4 KB, and 4.5
# times when keyed by (time, host, application, line).
PAGE_BYTES = 1024
SERIAL_BITS = 24
TABLES = (
    """CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS name(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)""",
    *(
        f"""CREATE TABLE IF NOT EXISTS {table}(
            id INTEGER PRIMARY KEY, host INTEGER NOT NULL, application INTEGER NOT NULL, wan INTEGER NOT NULL,
            up_bytes INTEGER NOT NULL, down_bytes INTEGER NOT NULL, up_packets INTEGER NOT NULL,
            down_packets INTEGER NOT NULL, connections INTEGER NOT NULL)"""
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
        database.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        database.execute("PRAGMA auto_vacuum = INCREMENTAL")
        database.execute("PRAGMA journal_mode = WAL")
        # In WAL mode NORMAL syncs at checkpoints only: a power cut loses the last minutes, never the file.
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA cache_size = -512")
        database.execute("PRAGMA temp_store = MEMORY")
        database.execute("PRAGMA journal_size_limit = 1048576")
        database.execute("PRAGMA wal_autocheckpoint = 1024")
        for statement in TABLES:
            database.execute(statement)
    except sqlite3.DatabaseError:
        database.close()
        raise
    return database
