"""Work centres, their shifts, and days that are not like others."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from bizlite.core import exact, store
from bizlite.core.commands import command
from bizlite.core.errors import refuse
from bizlite.core.session import Session
from bizlite.finance import ledger
from bizlite.production.models import EVERYWHERE, Centre, Day, Shift
from bizlite.stock import items

Hours = tuple[int, int, int]  # weekday (0 is Monday), minutes of the day from and until
MONDAY_TO_SATURDAY: tuple[Hours, ...] = tuple(
    (weekday, start, end) for weekday in range(6) for start, end in ((8 * 60, 12 * 60), (13 * 60, 17 * 60))
)


@command("production.centre.change")
def add(session: Session, code: str, name: str, *, machines: int = 1, shifts: Sequence[Hours] = ()) -> Centre:
    """A new work centre, without shifts by day from Monday to Saturday; a night shift is two, around midnight."""
    code = items.check_text("code", code, 40)
    if Centre.get_or_none(Centre.code == code):
        raise refuse("code", "is taken", "Choose another code.", code)
    exact.whole("machines", machines, least=1, most=1000)
    row: Centre = store.insert(session, Centre(code=code, name=items.check_text("name", name, 200), machines=machines))
    _write_shifts(session, row, shifts)
    return row


@command("production.centre.change")
def change(session: Session, centre: int, *, shifts: Sequence[Hours] | None = None, **values: object) -> Centre:
    """Changes name, machines or use of a work centre; shifts that are given take the place of all."""
    row: Centre = store.get(Centre, centre, "centre")
    if "name" in values:
        values["name"] = items.check_text("name", str(values["name"]), 200)
    if "machines" in values:
        exact.whole("machines", values["machines"], least=1, most=1000)
    if shifts is not None:
        for shift in Shift.select().where(Shift.centre == row):
            store.delete(session, shift)
        _write_shifts(session, row, shifts)
    return store.change(session, row, **values)


@command("production.centre.change")
def set_day(
    session: Session, date: datetime.date, name: str, works_as: int | None = None, *, centre: int = EVERYWHERE
) -> Day:
    """Makes a day a holiday, or (调休) one that is worked as another weekday; for one work centre or for all."""
    ledger.check_date(date)
    name = items.check_text("name", name, 200)
    if works_as is not None:
        exact.whole("works_as", works_as, least=0, most=6)
    if centre != EVERYWHERE:
        store.get(Centre, centre, "centre")
    found = Day.get_or_none((Day.centre == centre) & (Day.date == date))
    if found is not None:
        return store.change(session, found, name=name, works_as=works_as)
    return store.insert(session, Day(centre=centre, date=date, name=name, works_as=works_as))


def _write_shifts(session: Session, centre: Centre, shifts: Sequence[Hours]) -> None:
    until: dict[int, int] = {}
    for n, (weekday, start, end) in enumerate(sorted(shifts or MONDAY_TO_SATURDAY)):
        exact.whole(f"shifts.{n}.weekday", weekday, least=0, most=6)
        exact.whole(f"shifts.{n}.start_minute", start, least=until.get(weekday, 0), most=24 * 60 - 1)
        exact.whole(f"shifts.{n}.end_minute", end, least=start + 1, most=24 * 60)
        until[weekday] = end
        store.insert(session, Shift(centre=centre, weekday=weekday, start_minute=start, end_minute=end))
