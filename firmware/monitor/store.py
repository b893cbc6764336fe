"""The accounting store: who moved how much with what over which line, by minute, hour and day.

One drain of the fastpath's accumulators is one transaction that also records the drain's number. The fastpath hands
the same drain out again until it is acknowledged, so a kill between any two steps neither loses nor doubles: a drain
whose number is already recorded is not added again.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from firmware.monitor.schema import SERIAL_BITS, open_database, put_aside

By = Literal["host", "application", "wan"]

KEPT = {"minute": 2 * 1440, "hour": 62 * 24, "day": 2 * 366}  # in the table's own unit
BUDGET_BYTES = 48 << 20
# Before this the clock has not been set (a box without a battery starts in 1970): 2026-01-01.
CLOCK_IS_SET_S = 1_767_225_600

_SUMS = "sum(up_bytes), sum(down_bytes), sum(up_packets), sum(down_packets), sum(connections)"


class UsageRow(NamedTuple):
    """What one host did with one application over one line since the last drain."""

    host: str  # MAC where known, else address
    application: str  # id in the application database, "unknown" for none
    wan: str  # name of the line, "" for traffic that stayed inside
    up_bytes: int
    down_bytes: int
    up_packets: int
    down_packets: int
    connections: int


class Blocked(NamedTuple):
    host: str
    application: str
    policy: str
    connections: int


class Total(NamedTuple):
    key: str
    up_bytes: int
    down_bytes: int
    up_packets: int
    down_packets: int
    connections: int


class UsageStore:
    """``usage.db``; safe to call from several threads."""

    def __init__(self, path: Path, budget_bytes: int = BUDGET_BYTES) -> None:
        self.path = path
        self.budget_bytes = budget_bytes
        self._lock = threading.Lock()
        self._database, self.was_damaged = open_database(path)
        self._names: dict[str, int] = {}

    def close(self) -> None:
        with self._lock:
            self._database.close()

    # -- writing ------------------------------------------------------------------------------------------------------

    def add(self, serial: str, now_s: float, rows: Iterable[UsageRow], blocked: Iterable[Blocked] = ()) -> bool:
        """Adds one drain in one transaction; ``False`` when ``serial`` was added before and nothing was done.

        :raise sqlite3.Error: full disk and the like; nothing of this drain is stored then.
        """
        with self._transaction() as database:
            if serial and self._meta("drain") == serial:
                return False
            minute = self._minute(now_s)
            if self._meta("hour_done") is None:
                self._set_meta(hour_done=minute // 60, day_done=minute // 1440)
                # Before the first minute of that day there was nothing: that is known as finely as what follows.
                day = minute // 1440
                self._set_meta(minute_from=day * 1440, hour_from=day * 24, day_from=day)
            hour, day = minute // 60, minute // 1440
            numbered = sorted(
                (self._name(row.host), self._name(row.application), self._name(row.wan), *row[3:]) for row in rows
            )
            # A clock that was set back brings rows for hours and days that are rolled up already: add to those too.
            targets = [("minute", minute)]
            targets += [("hour", hour)] if hour < self._number("hour_done") else []
            targets += [("day", day)] if day < self._number("day_done") else []
            for table, time in targets:
                start = self._next_id(table, time)
                database.executemany(
                    f"INSERT INTO {table} VALUES(?,?,?,?,?,?,?,?,?)",
                    ((start + index, *row) for index, row in enumerate(numbered)),
                )
            database.executemany(
                "INSERT INTO blocked VALUES(?,?,?,?,?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
                [
                    (
                        hour,
                        self._name(event.host),
                        self._name(event.application),
                        self._name(event.policy),
                        event.connections,
                    )
                    for event in blocked
                ],
            )
            self._set_meta(drain=serial, last_minute=minute)
        return True

    def maintain(self, now_s: float) -> None:
        """Rolls finished hours and days up, forgets what is too old or over the budget. Call it now and then."""
        with self._transaction():
            if self._meta("hour_done") is None:
                return
            minute = self._minute(now_s)
            self._roll_up("minute", "hour", 60, minute // 60)
            if self._roll_up("hour", "day", 24, self._number("hour_done") // 24):
                self._forget_names()
            # At most a day's worth at a time: bounded work, and a clock that leaps ahead does not wipe the history.
            for table, now, step in (("minute", minute, 1440), ("hour", minute // 60, 24), ("day", minute // 1440, 1)):
                first = self._number(f"{table}_from")
                if first < now - KEPT[table]:
                    self._forget(table, min(now - KEPT[table], first + step))
            self._database.execute("DELETE FROM blocked WHERE t < ?", (minute // 60 - KEPT["hour"],))
        self._keep_budget()

    def _roll_up(self, source: str, target: str, size: int, until: int) -> bool:
        done = self._number(f"{target}_done")
        if until <= done:
            return False
        at = done
        while True:
            row = self._database.execute(
                f"SELECT min(id) FROM {source} WHERE id >= ? AND id < ?",  # noqa: S608
                (_id(at * size), _id(until * size)),
            ).fetchone()
            if row[0] is None:
                break
            at = (int(row[0]) >> SERIAL_BITS) // size
            self._database.execute(
                f"INSERT INTO {target} SELECT ? + row_number() OVER (), * FROM"  # noqa: S608
                f" (SELECT host, application, wan, {_SUMS} FROM {source} WHERE id >= ? AND id < ? GROUP BY 1, 2, 3)",
                (self._next_id(target, at) - 1, _id(at * size), _id((at + 1) * size)),
            )
            at += 1
        self._set_meta(**{f"{target}_done": until})
        return True

    def _forget_names(self) -> None:
        """Drops names that no row uses any more: guests' random MACs would fill the file within a year."""
        used = [
            f"SELECT {column} FROM {table}"  # noqa: S608
            for table, last in (("minute", "wan"), ("hour", "wan"), ("day", "wan"), ("blocked", "policy"))
            for column in ("host", "application", last)
        ]
        self._database.execute(f"DELETE FROM name WHERE id NOT IN ({' UNION '.join(used)})")  # noqa: S608
        self._names.clear()

    def _forget(self, table: str, before: int) -> None:
        self._database.execute(f"DELETE FROM {table} WHERE id < ?", (_id(before),))  # noqa: S608
        self._set_meta(**{f"{table}_from": before})

    def _keep_budget(self) -> None:
        """Frees space, finest resolution and oldest rows first, never what is not yet rolled up."""
        for table, step, limit in (("minute", 60, ("hour", 60)), ("hour", 24, ("day", 24)), ("day", 7, None)):
            while self.used_bytes() > self.budget_bytes:
                with self._transaction():
                    first = self._first(table)
                    before = first + step
                    if limit is not None:
                        before = min(before, self._number(f"{limit[0]}_done") * limit[1])
                    if first < 0 or before <= first:
                        break
                    self._forget(table, before)
        with self._lock:
            self._database.execute("PRAGMA incremental_vacuum(256)").fetchall()

    def _first(self, table: str) -> int:
        """Time of the oldest row, -1 when there is none."""
        row = self._database.execute(f"SELECT min(id) FROM {table}").fetchone()  # noqa: S608
        return -1 if row[0] is None else int(row[0]) >> SERIAL_BITS

    def _next_id(self, table: str, time: int) -> int:
        """The id for the next row of that time."""
        bounds = (_id(time), _id(time + 1))
        row = self._database.execute(f"SELECT max(id) FROM {table} WHERE id >= ? AND id < ?", bounds)  # noqa: S608
        last = row.fetchone()[0]
        return _id(time) if last is None else int(last) + 1

    # -- reading ------------------------------------------------------------------------------------------------------

    def usage(
        self,
        by: By,
        since_s: float,
        until_s: float,
        *,
        hosts: tuple[str, ...] = (),
        applications: tuple[str, ...] = (),
        wans: tuple[str, ...] = (),
    ) -> list[Total]:
        """Sums by host, application or line over a period, largest first; empty filters mean everything.

        The ends are rounded outwards to the resolution that is still kept at that age.
        """
        with self._lock:
            where = ""
            values: list[int | str] = []
            for column, wanted in (("host", hosts), ("application", applications), ("wan", wans)):
                if wanted:
                    marks = ",".join("?" * len(wanted))
                    where += f" AND {column} IN (SELECT id FROM name WHERE text IN ({marks}))"  # noqa: S608
                    values += wanted
            parts: list[str] = []
            bound: list[int | str] = []
            for table, first, last in self._segments(int(since_s // 60), -int(-until_s // 60)):
                parts.append(
                    f"SELECT {by} AS k, up_bytes, down_bytes, up_packets, down_packets, connections"  # noqa: S608
                    f" FROM {table} WHERE id >= ? AND id < ?{where}"
                )
                bound += [_id(first), _id(last), *values]
            if not parts:
                return []
            rows = self._database.execute(
                f"SELECT name.text, {_SUMS} FROM ({' UNION ALL '.join(parts)}) JOIN name ON name.id = k"  # noqa: S608
                " GROUP BY k ORDER BY sum(up_bytes) + sum(down_bytes) DESC, name.text",
                bound,
            )
            return [Total(*row) for row in rows]

    def series(self, by: By, key: str, first: int, last: int, step: int) -> dict[int, tuple[int, int]]:
        """Bytes up and down of one host, application or line by slots of ``step`` minutes from minute ``first`` on.

        Slot 0 begins at ``first``; slots without traffic are absent. Slots of hours are filled by the hour, those of
        days (of UTC) by the day, and their ends by what is not yet rolled up.
        """
        found: dict[int, tuple[int, int]] = {}
        with self._lock:
            row = self._database.execute("SELECT id FROM name WHERE text = ?", (key,)).fetchone()
            if row is None:
                return found
            start = first
            for table, size in (("day", 1440), ("hour", 60), ("minute", 1)):
                if step % size:
                    continue
                end = last if table == "minute" else min(self._number(f"{table}_done") * size, last)
                if end <= start:
                    continue
                for slot, up, down in self._database.execute(
                    f"SELECT ((id >> {SERIAL_BITS}) * {size} - ?) / ?, sum(up_bytes), sum(down_bytes)"  # noqa: S608
                    f" FROM {table} WHERE id >= ? AND id < ? AND {by} = ? GROUP BY 1",
                    (first, step, _id(start // size), _id(-(-end // size)), row[0]),
                ):
                    before = found.get(slot, (0, 0))
                    found[slot] = (before[0] + up, before[1] + down)
                start = end
        return found

    def clock(self, now_s: float) -> float:
        """The time by which rows are kept: until the clock is set that of the last row."""
        with self._lock:
            return now_s if now_s >= CLOCK_IS_SET_S else self._number("last_minute") * 60.0

    def blocked_count(self, since_s: float) -> int:
        """How many connections were refused since then (whole hours)."""
        with self._lock:
            row = self._database.execute("SELECT sum(count) FROM blocked WHERE t >= ?", (int(since_s // 3600),))
            return int(row.fetchone()[0] or 0)

    def replace(self) -> None:
        """Puts a file that turned out damaged aside and starts a new one."""
        with self._lock:
            self._database.close()
            put_aside(self.path)
            self._database, _ = open_database(self.path)
            self._names.clear()

    def restore(self, path: Path) -> None:
        """Takes the content of another file, in one transaction. :raise ValueError: it has other tables, or the disk is
        full."""
        with closing(sqlite3.connect(path)) as source, self._lock:
            if _columns(source) != _columns(self._database):
                raise ValueError("it comes from another release")
            try:
                source.backup(self._database)
            except sqlite3.Error as error:
                raise ValueError(str(error)) from error
            self._names.clear()

    def used_bytes(self) -> int:
        """Bytes of the file that hold data."""
        with self._lock:
            pages, free, size = (
                int(self._database.execute(f"PRAGMA {what}").fetchone()[0])
                for what in ("page_count", "freelist_count", "page_size")
            )
        return (pages - free) * size

    def _segments(self, first: int, last: int) -> Iterator[tuple[str, int, int]]:
        """Which table covers which part of the minutes ``first`` to ``last``, each in the table's own unit."""
        if self._meta("hour_done") is None:
            return
        levels = [
            ("day", 1440, self._number("day_done"), self._number("hour_from") * 60),
            ("hour", 60, self._number("hour_done"), self._number("minute_from")),
        ]
        yield from _cover(first, last, levels)

    # -- rows of meta and name ----------------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                self._names.clear()  # ids given out in this transaction are void
                if self._database.in_transaction:  # SQLite has ended it already on some errors
                    self._database.execute("ROLLBACK")
                raise

    def _minute(self, now_s: float) -> int:
        return int(now_s // 60) if now_s >= CLOCK_IS_SET_S else self._number("last_minute")

    def _meta(self, key: str) -> str | int | None:
        row = self._database.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def _number(self, key: str) -> int:
        return int(self._meta(key) or 0)

    def _set_meta(self, **values: str | int) -> None:
        self._database.executemany("INSERT OR REPLACE INTO meta VALUES(?, ?)", values.items())

    def _name(self, text: str) -> int:
        number = self._names.get(text)
        if number is None:
            self._database.execute("INSERT OR IGNORE INTO name(text) VALUES(?)", (text,))
            row = self._database.execute("SELECT id FROM name WHERE text = ?", (text,)).fetchone()
            number = self._names[text] = int(row[0])
        return number


def _id(time: int) -> int:
    """The first id of a time; ids of times before it are smaller."""
    return time << SERIAL_BITS


def _cover(first: int, last: int, levels: list[tuple[str, int, int, int]]) -> Iterator[tuple[str, int, int]]:
    """Splits ``[first, last)`` into whole units of the coarsest level and the rest in finer ones."""
    if first >= last:
        return
    if not levels:
        yield "minute", first, last
        return
    (table, size, done, finer_from), finer = levels[0], levels[1:]
    start = first // size if first < finer_from else -(-first // size)
    end = min(-(-last // size) if last <= finer_from else last // size, done)
    if start >= end:
        yield from _cover(first, last, finer)
        return
    yield from _cover(first, start * size, finer)
    yield table, start, end
    yield from _cover(end * size, last, finer)


def _columns(database: sqlite3.Connection) -> set[tuple[str, str]]:
    rows = "SELECT m.name, p.name FROM sqlite_master AS m, pragma_table_info(m.name) AS p WHERE m.type = 'table'"
    return {(str(table), str(column)) for table, column in database.execute(rows)}
