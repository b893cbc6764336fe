"""SQLite's connections go from thread to thread, and few are kept."""

import threading
from pathlib import Path

from bizlite.core import database
from tests.bizlite.conftest import leave


def _in_threads(count: int) -> None:
    """So many threads ask at the same time, and are done."""
    together = threading.Barrier(count)

    def ask() -> None:
        database.database.execute_sql("SELECT 1").fetchall()
        together.wait(10)
        database.database.close()

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_the_next_thread_takes_the_connection(tmp_path: Path) -> None:
    found = database.use(f"sqlite://{tmp_path}/a.db")
    assert isinstance(found, database.Sqlite)
    first = found.connection()
    found.execute_sql("CREATE TABLE t (n)")
    found.close()
    assert found._idle == [first]
    seen = []
    thread = threading.Thread(target=lambda: seen.append((found.connection(), found.close())))
    thread.start()
    thread.join()
    assert seen == [(first, True)]
    # It is set up as any other: what a deleted row is referred by would be noticed.
    assert found.pragma("foreign_keys") == 1
    leave()


def test_few_are_kept(tmp_path: Path) -> None:
    found = database.use(f"sqlite://{tmp_path}/a.db")
    assert isinstance(found, database.Sqlite)
    found.close()
    _in_threads(6)
    assert len(found._idle) == database.IDLE_MAX


def test_none_stays_at_a_database_that_was_left(tmp_path: Path) -> None:
    found = database.use(f"sqlite://{tmp_path}/a.db")
    assert isinstance(found, database.Sqlite)
    found.close()
    assert found._idle
    database.use(f"sqlite://{tmp_path}/b.db")
    assert found._idle == []
    leave()


def test_a_posting_ends_in_the_database_in_which_it_began(tmp_path: Path) -> None:
    """Another is opened meanwhile: a backup was put back, the time zone was changed, the demo goes."""
    for name in ("b", "a"):
        database.use(f"sqlite://{tmp_path}/{name}.db").execute_sql("CREATE TABLE t (n)")
    begun, goes_on = threading.Event(), threading.Event()

    def post() -> None:
        with database.write():
            database.database.execute_sql("INSERT INTO t VALUES (1)")
            begun.set()
            goes_on.wait(10)
            database.database.execute_sql("INSERT INTO t VALUES (2)")

    other = threading.Thread(target=post)
    change = threading.Thread(target=lambda: database.use(f"sqlite://{tmp_path}/b.db"))
    other.start()
    assert begun.wait(10)
    change.start()
    change.join(1)  # it has to wait
    goes_on.set()
    other.join()
    change.join()
    for name, rows in (("a", [(1,), (2,)]), ("b", [])):
        found = database.use(f"sqlite://{tmp_path}/{name}.db")
        assert found.execute_sql("SELECT n FROM t").fetchall() == rows, name
    leave()


def test_nothing_half_done_is_handed_on(tmp_path: Path) -> None:
    found = database.use(f"sqlite://{tmp_path}/a.db")
    assert isinstance(found, database.Sqlite)
    found.connection().execute("BEGIN")
    found.close()
    assert found._idle == []
