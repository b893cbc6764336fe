"""Schedules: which hold at a moment, and when that next changes. Pure: the moment is an argument.

Windows are spoken in the site's wall clock. A window that runs past midnight belongs to the day it starts on. Where the
clock is put forward or back, what the wall shows decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta, tzinfo

from firmware.features.part import Part
from firmware.features.problems import problem, unreadable
from firmware.model.config import Config, Schedule, Window
from firmware.model.facts import Facts
from firmware.model.problem import Problem
from firmware.model.values import parse_time
from firmware.model.zone import site_zone

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MINUTES = 1440
_HORIZON_DAYS = 15  # a week, and one more since a window may fall into the hour that a spring night leaves out


def active(config: Config, now: datetime) -> frozenset[str]:
    """The schedules that hold at an aware moment."""
    local = now.astimezone(site_zone(config.system.timezone))
    return frozenset(name for name, schedule in config.schedules.items() if _holds(schedule, local))


def next_change(config: Config, now: datetime) -> datetime | None:
    """The first moment after ``now`` (UTC) at which other schedules hold; None when that never changes."""
    present = active(config, now)
    moments = sorted(moment for moment in set(_moments(config, now)) if moment > now)
    return next((moment for moment in moments if active(config, moment) != present), None)


def verify(config: Config, facts: Facts) -> list[Problem]:
    problems: list[Problem] = []
    for name, schedule in sorted(config.schedules.items()):
        wrong = []
        for index, window in enumerate(schedule.windows):
            wrong += _verify_window(("schedules", name, "windows", str(index)), window)
        problems += wrong
        if not wrong and not any(window.days and window.start != window.end for window in schedule.windows):
            message = "The schedule never holds."
            remedy = "Give it at least one window with a day, and an end that is not its start."
            problems.append(problem("schedules", name, "windows", message=message, remedy=remedy))
    return problems


def render(config: Config, facts: Facts) -> Part:
    """Schedules reach the box by the policies that hold now (policies.py)."""
    return Part()


def _holds(schedule: Schedule, local: datetime) -> bool:
    today, yesterday = DAYS[local.weekday()], DAYS[local.weekday() - 1]
    minute = local.hour * 60 + local.minute
    for window in schedule.windows:
        start, end = parse_time(window.start), parse_time(window.end)
        if start < end:
            if today in window.days and start <= minute < end:
                return True
        elif start > end and (
            (today in window.days and minute >= start) or (yesterday in window.days and minute < end)
        ):
            return True
    return False


def _moments(config: Config, now: datetime) -> Iterator[datetime]:
    """Every moment near ``now`` at which some window may begin or end, or the clock is put forward or back."""
    zone = site_zone(config.system.timezone)
    minutes = {
        parse_time(text) % _DAY_MINUTES
        for schedule in config.schedules.values()
        for window in schedule.windows
        for text in (window.start, window.end)
    }
    first = now.astimezone(zone).date() - timedelta(days=1)
    for day in (first + timedelta(days=count) for count in range(_HORIZON_DAYS + 1)):
        for minute in minutes:
            for fold in (0, 1):  # in an autumn night the wall shows it twice
                at = time(minute // 60, minute % 60, fold=fold)
                yield datetime.combine(day, at, zone).astimezone(UTC)
        midnight = datetime.combine(day, time(0), zone).astimezone(UTC)
        yield from _clock_change(midnight, midnight + timedelta(hours=25), zone)


def _clock_change(low: datetime, high: datetime, zone: tzinfo) -> Iterator[datetime]:
    """The minute between two moments at which the zone's offset changes, if it does."""
    before = low.astimezone(zone).utcoffset()
    if high.astimezone(zone).utcoffset() == before:
        return
    while high - low > timedelta(minutes=1):
        middle = low + timedelta(minutes=(high - low) // timedelta(minutes=2))
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    yield high


def _verify_window(path: tuple[str, ...], window: Window) -> list[Problem]:
    problems: list[Problem] = []
    for key, text in (("start", window.start), ("end", window.end)):
        _, wrong = unreadable(
            parse_time,
            text,
            *path,
            key,
            message="This is no time of day.",
            remedy="Write hours and minutes as 08:30; 24:00 is the end of the day.",
        )
        problems += wrong
    if window.start == "24:00":
        message = "A window cannot start at the end of the day."
        remedy = "Start at 00:00 of the next day."
        problems.append(problem(*path, "start", value=window.start, message=message, remedy=remedy))
    return problems
