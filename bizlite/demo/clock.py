"""The time within the demo's history: its commands believe that it is the day on which they are said to happen."""

from __future__ import annotations

import datetime


class Clock:
    """A clock that is set by hand."""

    def __init__(self, day: datetime.date, zone: datetime.tzinfo) -> None:
        self._zone = zone
        self.day = day
        self.time = datetime.time(8)

    def now(self) -> datetime.datetime:
        return datetime.datetime.combine(self.day, self.time, self._zone)

    def at(self, hour: int, minute: int = 0) -> None:
        """Sets the time of the day."""
        self.time = datetime.time(hour, minute)
