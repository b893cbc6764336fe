"""The accounting store: sums survive roll-up, restart, repeated drains, damage, a full file and a leaping clock."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from firmware.monitor.store import Blocked, UsageRow, UsageStore

START_S = 1_800_000_000 // 86400 * 86400  # a midnight
MINUTE, HOUR, DAY = 60, 3600, 86400


def row(
    host: str = "02:00:00:00:00:01", app: str = "wechat", wan: str = "wan1", up: int = 1, down: int = 2
) -> UsageRow:
    return UsageRow(host, app, wan, up, down, 1, 1, 1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[UsageStore]:
    store = UsageStore(tmp_path / "usage.db")
    yield store
    store.close()


def total(store: UsageStore, since: float, until: float) -> int:
    return sum(item.up_bytes for item in store.usage("host", since, until))


def test_sums_by_each_key_and_filter(store: UsageStore) -> None:
    store.add("a:1", START_S, [row(up=10), row(app="qq", up=5), row(host="192.0.2.9", wan="wan2", up=7), row(up=1)])
    by_app = {item.key: item.up_bytes for item in store.usage("application", START_S, START_S + 60)}
    assert by_app == {"wechat": 18, "qq": 5}
    by_wan = store.usage("wan", START_S, START_S + 60)
    assert [(item.key, item.up_bytes, item.down_bytes, item.connections) for item in by_wan] == [
        ("wan1", 16, 6, 3),
        ("wan2", 7, 2, 1),
    ]
    only = store.usage("host", START_S, START_S + 60, hosts=("192.0.2.9", "never-seen"), applications=("wechat",))
    assert [(item.key, item.up_bytes) for item in only] == [("192.0.2.9", 7)]
    assert store.usage("host", START_S, START_S + 60, wans=("wan3",)) == []


def test_a_drain_counts_once(store: UsageStore) -> None:
    assert store.add("shm1:7", START_S, [row(up=10)])
    assert not store.add("shm1:7", START_S + 60, [row(up=10)])
    assert store.add("shm2:7", START_S + 60, [row(up=10)])
    assert total(store, START_S, START_S + 120) == 20


def test_roll_up_keeps_sums_for_every_period(store: UsageStore) -> None:
    minutes = range(0, 3 * 1440, 7)
    for minute in minutes:
        store.add(f"a:{minute}", START_S + minute * MINUTE, [row(up=1)])
        if minute % 60 == 0:
            store.maintain(START_S + minute * MINUTE)
    now = START_S + 3 * DAY
    store.maintain(now)
    for first, last in ((0, 4320), (1, 4319), (61, 1500), (1439, 1441), (2880, 2947), (70, 71), (1441, 2879)):
        expected = sum(first <= minute < last for minute in minutes)
        # The first day's minutes are forgotten: its ends are rounded outwards to the hour.
        if first < 1440:
            expected = sum(
                first // 60 * 60 <= minute < (last if last > 1440 else -(-last // 60) * 60) for minute in minutes
            )
        assert total(store, START_S + first * MINUTE, START_S + last * MINUTE) == expected, (first, last)


def test_true_after_restart(tmp_path: Path) -> None:
    store = UsageStore(tmp_path / "usage.db")
    store.add("a:1", START_S, [row(up=3)], [Blocked("192.0.2.1", "qq", "no-chat", 4)])
    store.close()
    store = UsageStore(tmp_path / "usage.db")
    assert not store.was_damaged
    assert total(store, START_S, START_S + 60) == 3
    assert store.blocked_count(START_S) == 4
    assert not store.add("a:1", START_S, [row(up=3)])
    store.close()


KILLED = """
import os, signal, sys, sqlite3
from pathlib import Path
from firmware.monitor import store as module
step = int(sys.argv[2])
store = module.UsageStore(Path(sys.argv[1]))
# Counts the statements of the second drain and dies at the chosen one.
store.add("a:1", 1_800_000_000, [module.UsageRow("h", "app", "wan1", 5, 5, 1, 1, 1)])
seen = 0
def trace(statement):
    global seen
    seen += 1
    if seen == step:
        os.kill(os.getpid(), signal.SIGKILL)
store._database.set_trace_callback(trace)
store.add("a:2", 1_800_000_060, [module.UsageRow("h2", "app", "wan1", 7, 7, 1, 1, 1)])
store._database.set_trace_callback(None)
print(seen)
"""


def test_killed_at_every_statement_of_a_drain(tmp_path: Path) -> None:
    def run(step: int, path: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", KILLED, str(path), str(step)], capture_output=True, text=True, check=False
        )

    statements = int(run(-1, tmp_path / "count.db").stdout)
    assert statements > 5
    for step in range(1, statements + 1):
        path = tmp_path / f"{step}.db"
        assert run(step, path).returncode == -signal.SIGKILL
        store = UsageStore(path)
        assert total(store, 1_800_000_000, 1_800_000_120) == 5
        # The fastpath hands the unacknowledged drain out again.
        store.add("a:2", 1_800_000_060, [UsageRow("h2", "app", "wan1", 7, 7, 1, 1, 1)])
        assert total(store, 1_800_000_000, 1_800_000_120) == 12
        store.close()


def test_damaged_file_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    path.write_bytes(os.urandom(8192))
    store = UsageStore(path)
    assert store.was_damaged
    store.add("a:1", START_S, [row()])
    assert total(store, START_S, START_S + 60) == 1
    assert (tmp_path / "usage.db.damaged").stat().st_size == 8192
    store.replace()
    assert total(store, START_S, START_S + 60) == 0
    store.close()


def test_full_disk_stores_nothing_and_recovers(store: UsageStore) -> None:
    store.add("a:1", START_S, [row(up=1)])
    store._database.execute("PRAGMA max_page_count = 12")
    many = [row(host=f"host-{number:05}", up=1) for number in range(5000)]
    with pytest.raises(sqlite3.OperationalError, match="full"):
        store.add("a:2", START_S + 60, many)
    assert total(store, START_S, START_S + 120) == 1
    store._database.execute("PRAGMA max_page_count = 100000")
    assert store.add("a:2", START_S + 60, many)
    assert total(store, START_S, START_S + 120) == 5001


def test_budget_frees_oldest_minutes_first_and_keeps_the_sums(tmp_path: Path) -> None:
    store = UsageStore(tmp_path / "usage.db", budget_bytes=400_000)
    hosts = [f"02:00:00:00:{number // 256:02x}:{number % 256:02x}" for number in range(200)]
    for minute in range(0, 600, 10):
        store.add(f"a:{minute}", START_S + minute * MINUTE, [row(host=host, up=1) for host in hosts])
    store.maintain(START_S + 600 * MINUTE)
    assert store.used_bytes() <= 400_000
    assert total(store, START_S, START_S + 600 * MINUTE) == 60 * 200
    store.close()


def test_unset_clock_counts_at_the_last_known_minute(store: UsageStore) -> None:
    store.add("a:1", START_S, [row(up=1)])
    store.add("b:1", 100, [row(up=2)])
    store.maintain(100)
    assert total(store, START_S, START_S + 60) == 3


def test_clock_set_back_after_roll_up_still_counts(store: UsageStore) -> None:
    store.add("a:1", START_S, [row(up=1)])
    store.add("a:2", START_S + 2 * DAY, [row(up=2)])
    store.maintain(START_S + 2 * DAY)
    store.add("a:3", START_S + HOUR, [row(up=4)])
    assert total(store, START_S, START_S + DAY) == 5
    assert total(store, START_S, START_S + 2 * HOUR) == 5


def test_names_nobody_uses_are_forgotten(store: UsageStore) -> None:
    store.add("a:1", START_S, [row(host="guest")])
    for day in range(1, 900):
        store.add(f"a:{day}x", START_S + day * DAY, [row(host="resident")])
        store.maintain(START_S + day * DAY)
    names = {text for (text,) in store._database.execute("SELECT text FROM name")}
    assert "guest" not in names
    assert "resident" in names


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    minutes=st.lists(st.integers(0, 4000), min_size=1, max_size=40),
    period=st.tuples(st.integers(0, 70), st.integers(0, 70)),
)
@example(minutes=[60, 1440], period=(0, 1))  # the day is rolled up, its first hour was before the first row
def test_any_period_of_whole_hours_is_exact(
    tmp_path_factory: pytest.TempPathFactory, minutes: list[int], period: tuple[int, int]
) -> None:
    store = UsageStore(tmp_path_factory.mktemp("usage") / "usage.db")
    for serial, minute in enumerate(sorted(minutes)):
        store.add(f"a:{serial}", START_S + minute * MINUTE, [row(up=1)])
        store.maintain(START_S + minute * MINUTE)
    first, last = sorted(period)
    expected = sum(first * 60 <= minute < last * 60 for minute in minutes)
    assert total(store, START_S + first * HOUR, START_S + last * HOUR) == expected
    store.close()


@pytest.mark.parametrize("step", [60, 360, 1440, 2880])
def test_a_year_is_told_by_days_without_losing_or_doubling(store: UsageStore, step: int) -> None:
    """Days from the coarse table, the last hours and minutes from the fine ones."""
    first = START_S // 60 // 2880 * 2880
    moments = [day * DAY + minute * MINUTE for day, minute in ((0, 5), (0, 700), (3, 0), (90, 61), (200, 5), (200, 6))]
    for serial, moment in enumerate(moments):
        store.add(f"a:{serial}", START_S + moment, [row(up=10**serial)])
        store.maintain(START_S + moment)
    last = first + -(-(202 * 1440) // step) * step
    found = store.series("host", "02:00:00:00:00:01", first, last, step)
    wanted: dict[int, int] = {}
    for serial, moment in enumerate(moments):
        slot = ((START_S + moment) // 60 - first) // step
        wanted[slot] = wanted.get(slot, 0) + 10**serial
    # Hours are kept for two months: what is older is told by whole days only.
    kept = wanted if step % 1440 == 0 else {slot: up for slot, up in wanted.items() if slot * step >= 190 * 1440}
    assert {slot: up for slot, (up, _) in found.items() if slot in kept} == kept


def test_a_disk_that_is_full_refuses_a_backup_in_words(store: UsageStore, tmp_path: Path) -> None:
    saved = UsageStore(tmp_path / "saved.db")
    saved.add("a", START_S, [row(host=f"host {number}") for number in range(1000)])
    saved.close()
    store.add("b", START_S, [row()])
    store._database.execute("PRAGMA max_page_count = 40")  # SQLite's own "database or disk is full"
    with pytest.raises(ValueError, match="full"):
        store.restore(tmp_path / "saved.db")
    assert total(store, START_S, START_S + DAY) == 1
