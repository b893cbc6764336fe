"""Metered lines: when a billing month begins, what is counted in it, and that counting again reads little."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.model.config import Config, System, Wan
from firmware.monitor.meter import Meter, billing_month
from firmware.monitor.store import UsageRow, UsageStore

ZONES = ("Asia/Shanghai", "Asia/Kolkata", "America/New_York", "Europe/Berlin", "UTC")
CAP = 100_000_000


def at(text: str, zone: str = "Asia/Shanghai") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("day", "now", "start", "end"),
    [
        (1, "2027-02-28 23:59:59", "2027-02-01", "2027-03-01"),
        (1, "2027-03-01 00:00:00", "2027-03-01", "2027-04-01"),
        (28, "2027-02-28 00:00:00", "2027-02-28", "2027-03-28"),
        (28, "2027-02-27 23:59:59", "2027-01-28", "2027-02-28"),
        (28, "2028-02-29 12:00:00", "2028-02-28", "2028-03-28"),
        (15, "2027-01-03 12:00:00", "2026-12-15", "2027-01-15"),
        (15, "2026-12-31 12:00:00", "2026-12-15", "2027-01-15"),
    ],
)
def test_a_month_begins_on_its_day(day: int, now: str, start: str, end: str) -> None:
    assert billing_month("Asia/Shanghai", day, at(now)) == (at(start), at(end))


def test_a_month_begins_at_midnight_of_the_site() -> None:
    now_s = at("2027-03-01 00:00:00", "Asia/Shanghai")
    assert billing_month("Asia/Shanghai", 1, now_s)[0] == now_s
    assert billing_month("UTC", 1, now_s) == (at("2027-02-01", "UTC"), at("2027-03-01", "UTC"))
    # Midnight is midnight on both sides of a change of the clock.
    summer = billing_month("Europe/Berlin", 20, at("2027-04-01 12:00:00", "Europe/Berlin"))
    assert summer == (at("2027-03-20", "Europe/Berlin"), at("2027-04-20", "Europe/Berlin"))


@given(st.sampled_from(ZONES), st.integers(1, 28), st.floats(1.6e9, 2.5e9))
def test_months_follow_each_other(zone: str, day: int, now_s: float) -> None:
    start_s, end_s = billing_month(zone, day, now_s)
    assert start_s <= now_s < end_s
    assert billing_month(zone, day, end_s)[0] == end_s
    assert billing_month(zone, day, start_s - 1)[1] == start_s


class Counted:
    """A store, asked as ``History`` asks it, that notes what it was asked for."""

    def __init__(self, store: UsageStore) -> None:
        self.store = store
        self.asked: list[tuple[float, float]] = []

    def moved(self, since_s: float, until_s: float) -> dict[str, int]:
        self.asked.append((since_s, until_s))
        return {one.key: one.up_bytes + one.down_bytes for one in self.store.usage("wan", since_s, until_s)}

    def moved_until_now(self, since_s: float, now_s: float, names: Mapping[int, str]) -> dict[str, int]:
        return self.moved(since_s, now_s + 60)

    def move(self, now_s: float, up: int, down: int, wan: str = "mobile") -> None:
        self.store.add(str(now_s), now_s, [UsageRow("02:00:00:00:00:01", "wechat", wan, up, down, 1, 1, 1)])
        self.store.maintain(now_s)


@pytest.fixture
def counted(tmp_path: Path) -> Iterator[Counted]:
    store = UsageStore(tmp_path / "usage.db")
    yield Counted(store)
    store.close()


def site(day: int = 1, **lines: int | None) -> Config:
    wans = {
        name: Wan(interface=f"eth{number}", number=number, monthly_bytes=cap, billing_day=day)
        for number, (name, cap) in enumerate(lines.items(), 1)
    }
    return Config(system=System(timezone="Asia/Shanghai"), wans=wans)


def test_both_directions_of_the_month_that_runs_count(counted: Counted) -> None:
    meter = Meter(counted, counted.store.clock)
    config = site(15, mobile=CAP, fibre=None)
    counted.move(at("2027-03-14 23:59:00"), 7_000_000, 7_000_000)
    counted.move(at("2027-03-15 00:00:00"), 10_000_000, 60_000_000)
    counted.move(at("2027-04-10 12:30:00"), 5_000_000, 4_000_000)
    counted.move(at("2027-04-10 12:30:01"), 1, 1, "fibre")
    months = meter.look(config, at("2027-04-10 12:40:00"))
    assert list(months) == ["mobile"], "lines without a cap are not counted"
    assert (months["mobile"].used_bytes, months["mobile"].percent, months["mobile"].is_spent) == (79_000_000, 79, False)
    counted.move(at("2027-04-14 23:59:00"), 0, 21_000_000)
    assert meter.look(config, at("2027-04-14 23:59:30"))["mobile"].is_spent
    assert meter.look(config, at("2027-04-15 00:00:00"))["mobile"].used_bytes == 0, "the next month begins with nothing"


def test_a_cap_that_is_raised_or_removed_counts_at_once(counted: Counted) -> None:
    meter = Meter(counted, counted.store.clock)
    now_s = at("2027-03-15 12:00:00")
    counted.move(now_s, CAP, 0)
    assert meter.look(site(mobile=CAP), now_s)["mobile"].is_spent
    assert not meter.look(site(mobile=CAP + 1), now_s)["mobile"].is_spent
    assert meter.look(site(mobile=None), now_s) == {}


def test_looking_again_reads_the_hour_that_runs_only(counted: Counted) -> None:
    meter = Meter(counted, counted.store.clock)
    config = site(mobile=CAP, other=CAP)
    total = 0
    for hour in range(30):
        now_s = at("2027-03-15 00:10:00") + 3600 * hour
        counted.move(now_s, 1000, hour)
        total += 1000 + hour
        counted.asked.clear()
        assert meter.look(config, now_s)["mobile"].used_bytes == total
        assert hour == 0 or min(since_s for since_s, _ in counted.asked) >= now_s - 2 * 3600
    assert meter.look(config, at("2027-03-15 06:30:00"))["mobile"].used_bytes < total, "a clock that was set back"


def test_until_the_clock_is_set_the_last_row_tells_the_month(counted: Counted) -> None:
    counted.move(at("2027-03-15 12:00:00"), CAP, 0)
    assert Meter(counted, counted.store.clock).look(site(mobile=CAP), 60.0)["mobile"].is_spent


def test_a_cap_has_bounds() -> None:
    for wrong in ({"monthly_bytes": 999_999}, {"monthly_bytes": 10**18 + 1}, {"billing_day": 29}, {"billing_day": 0}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"interface": "eth1", "number": 1, **wrong}, Wan)
