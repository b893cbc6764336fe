"""Working time of a work centre: when work that begins at a moment is done. Times are those of the site's clock."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from bizlite.production.models import EVERYWHERE, Day, Shift

LONGEST_DAYS = 3 * 366
MIDNIGHT = datetime.time()


class Calendar:
    """The open hours of one work centre."""

    def __init__(self, centre: int) -> None:
        self._shifts: dict[int, list[tuple[int, int]]] = {}
        for shift in Shift.select().where(Shift.centre == centre).order_by(Shift.weekday, Shift.start_minute):
            self._shifts.setdefault(shift.weekday, []).append((shift.start_minute, shift.end_minute))
        # What is said of this work centre goes before what is said of all.
        days = Day.select().where(Day.centre << [EVERYWHERE, centre]).order_by(Day.centre)
        self._days: dict[datetime.date, int | None] = {day.date: day.works_as for day in days}

    def open_hours(self, moment: datetime.datetime) -> Iterator[tuple[datetime.datetime, datetime.datetime]]:
        """Spans of working time from a moment on, as far as three years."""
        for n in range(LONGEST_DAYS):
            day = moment.date() + datetime.timedelta(days=n)
            weekday = self._days.get(day, day.weekday())
            midnight = datetime.datetime.combine(day, MIDNIGHT)
            for start, end in self._shifts.get(weekday, []) if weekday is not None else []:
                opens, closes = (midnight + datetime.timedelta(minutes=minute) for minute in (start, end))
                if closes > moment:
                    yield max(opens, moment), closes

    def work(self, moment: datetime.datetime, seconds: int) -> tuple[datetime.datetime, datetime.datetime] | None:
        """When so much work begins and ends if the machine is free from a moment on; ``None`` when it never ends."""
        left, begin = seconds, None
        for opens, closes in self.open_hours(moment):
            begin = opens if begin is None else begin
            length = int((closes - opens).total_seconds())
            if left <= length:
                return begin, opens + datetime.timedelta(seconds=left)
            left -= length
        return None
