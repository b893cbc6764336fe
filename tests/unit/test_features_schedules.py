from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.features.schedules import DAYS, active, next_change
from firmware.model.config import Config, Schedule, System, Window

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")  # forward 2026-03-29 02:00 -> 03:00, back 2026-10-25 03:00 -> 02:00


def config(*windows: Window, zone: str = "Asia/Shanghai") -> Config:
    return Config(system=System(timezone=zone), schedules={"s": Schedule(windows=windows)})


def holds(config: Config, moment: datetime) -> bool:
    return active(config, moment) == {"s"}


WORK = config(Window(days=("mon", "fri"), start="09:00", end="18:00"))
NIGHT = config(Window(days=("fri",), start="22:00", end="06:00"))
ALWAYS = config(Window())


@pytest.mark.parametrize(
    ("what", "moment", "expected"),
    [
        (WORK, datetime(2026, 11, 23, 9, 0, tzinfo=SHANGHAI), True),
        (WORK, datetime(2026, 11, 23, 8, 59, 59, tzinfo=SHANGHAI), False),
        (WORK, datetime(2026, 11, 23, 18, 0, tzinfo=SHANGHAI), False),
        (WORK, datetime(2026, 11, 24, 12, 0, tzinfo=SHANGHAI), False),
        (WORK, datetime(2026, 11, 23, 1, 0, tzinfo=UTC), True),
        (NIGHT, datetime(2026, 11, 27, 23, 0, tzinfo=SHANGHAI), True),
        (NIGHT, datetime(2026, 11, 28, 5, 59, tzinfo=SHANGHAI), True),
        (NIGHT, datetime(2026, 11, 28, 6, 0, tzinfo=SHANGHAI), False),
        (NIGHT, datetime(2026, 11, 27, 5, 0, tzinfo=SHANGHAI), False),
        (NIGHT, datetime(2026, 11, 28, 23, 0, tzinfo=SHANGHAI), False),
        (ALWAYS, datetime(2026, 11, 29, 23, 59, 59, tzinfo=SHANGHAI), True),
    ],
)
def test_active(what: Config, moment: datetime, expected: bool) -> None:
    assert holds(what, moment) is expected


def test_night_of_sunday_reaches_monday() -> None:
    sunday = config(Window(days=("sun",), start="22:00", end="06:00"))
    assert holds(sunday, datetime(2026, 11, 30, 3, 0, tzinfo=SHANGHAI))


def test_next_change_is_the_nearest_boundary() -> None:
    at = datetime(2026, 11, 23, 12, 0, tzinfo=SHANGHAI)
    assert next_change(WORK, at) == datetime(2026, 11, 23, 18, 0, tzinfo=SHANGHAI)
    assert next_change(WORK, datetime(2026, 11, 23, 18, 0, tzinfo=SHANGHAI)) == datetime(
        2026, 11, 27, 9, tzinfo=SHANGHAI
    )


def test_what_never_changes_has_no_next_change() -> None:
    at = datetime(2026, 11, 23, 12, 0, tzinfo=SHANGHAI)
    assert next_change(ALWAYS, at) is None
    assert next_change(Config(), at) is None


def test_boundary_in_the_hour_that_spring_leaves_out() -> None:
    what = config(Window(start="02:30", end="05:00"), zone="Europe/Berlin")
    before = datetime(2026, 3, 29, 1, 0, tzinfo=BERLIN)
    jump = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert not holds(what, jump - timedelta(seconds=1))
    assert holds(what, jump)
    assert next_change(what, before) == jump


def test_window_inside_the_hour_that_spring_leaves_out_falls_away_that_day() -> None:
    what = config(Window(start="02:15", end="02:45"), zone="Europe/Berlin")
    assert next_change(what, datetime(2026, 3, 28, 12, tzinfo=BERLIN)) == datetime(2026, 3, 30, 2, 15, tzinfo=BERLIN)


def test_hour_that_autumn_shows_twice_holds_twice() -> None:
    what = config(Window(start="02:15", end="02:45"), zone="Europe/Berlin")
    moment = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
    changes = []
    for _ in range(4):
        following = next_change(what, moment)
        assert following is not None
        moment = following
        changes.append(moment.strftime("%H:%M"))
    assert changes == ["00:15", "00:45", "01:15", "01:45"]


days = st.sets(st.sampled_from(DAYS), min_size=1).map(lambda found: tuple(sorted(found)))
times = st.integers(0, 1439).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
windows = st.builds(Window, days=days, start=times, end=times)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))


@given(st.lists(windows, max_size=2), moments, st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/St_Johns"]))
def test_nothing_changes_before_the_next_change(found: list[Window], now: datetime, zone: str) -> None:
    what = config(*found, zone=zone)
    change = next_change(what, now)
    present = active(what, now)
    if change is not None:
        assert change > now
        assert active(what, change) != present
    end = change or now + timedelta(days=8)
    step = (end - now) / 97
    assert all(active(what, now + step * count) == present for count in range(97))
