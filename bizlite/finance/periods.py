"""Months: what is open, closing in order, the year's end.

A period is the integer 202611. Closing December posts the transfer of the year's result in the period 202613, dated on
the last day: it is in every balance from the next year on, and in none of the year that it ends.
"""

from __future__ import annotations

import datetime

from peewee import fn

from bizlite.core.commands import command
from bizlite.core.errors import refuse
from bizlite.core.session import Session
from bizlite.core.store import delete, insert
from bizlite.finance.models import Account, Balance, Entry, Period

LAST = 12
CLOSING = 13
FIRST_YEAR, LAST_YEAR = 1990, 2199
RESULT = ("income", "expense")  # kinds of account that a year ends with


def of(date: datetime.date) -> int:
    """The period of a day."""
    return date.year * 100 + date.month


def check(period: int, field: str = "period") -> None:
    """:raise Refused: when it is no month that a company can mean."""
    if not 1 <= period % 100 <= LAST or not FIRST_YEAR <= period // 100 <= LAST_YEAR:
        raise refuse(field, "is not a month", "Give a period as 202611.", period)


def first_day(period: int) -> datetime.date:
    """The first day of a period."""
    return datetime.date(period // 100, min(period % 100, LAST), 1)


def after(period: int) -> int:
    """The period behind; that of the closing entry is passed over."""
    return period + 1 if period % 100 < LAST else (period // 100 + 1) * 100 + 1


def closed_until() -> int:
    """The last closed period, or 0."""
    return int(Period.select(fn.COALESCE(fn.MAX(Period.period), 0)).scalar())


def closed(most: int) -> list[Period]:
    """The months that were closed last, the last first."""
    months = Period.period - Period.period / 100 * 100 <= LAST  # peewee reads % as LIKE
    return list(Period.select().where(months).order_by(Period.period.desc()).limit(most))


def first_open_day() -> datetime.date:
    """The first day on which something can be posted."""
    until = closed_until()
    return first_day(after(until)) if until else datetime.date.min


def check_open(date: datetime.date, field: str = "date") -> None:
    """:raise Refused: when the day's period is closed."""
    if of(date) <= closed_until():
        raise refuse(field, "lies in a closed period", "Choose %(first)s or later.", date, first=first_open_day())


def day_for(date: datetime.date) -> datetime.date:
    """The day itself while its period is open, else the first open day."""
    return max(date, first_open_day())


@command("finance.period.close")
def close(session: Session, period: int) -> Period:
    """Closes a month. They close in order; December closes its year."""
    until = closed_until()
    check(period)
    month = period % 100
    if period <= until:
        raise refuse("period", "is closed already", "Choose a later one.", period)
    # Before the first closing anything may be closed; what lies before it is closed with it.
    if until and period != after(until):
        raise refuse("period", "is not the next one to close", "Close %(next)s first.", period, next=after(until))
    last = datetime.date(period // 100, LAST, 31)
    if month == LAST and session.today() < last:  # it is never opened again
        raise refuse("period", "ends a year that is not over", "Close it on %(last)s or later.", period, last=last)
    drafts = Entry.select().where(~Entry.posted & (Entry.period <= period)).count()
    if drafts:
        raise refuse("period", "has %(count)s drafts", "Post them, or move them to a later day.", period, count=drafts)
    row = insert(session, Period(period=period, closed_by=session.user, closed_ms=session.now_ms()))
    if month == LAST:
        _close_year(session, period // 100)
        insert(session, Period(period=period + 1, closed_by=session.user, closed_ms=session.now_ms()))
    return row


def _close_year(session: Session, year: int) -> None:
    """What was earned goes to 3103, and all that stands there to 3104; a year opened in its middle may have some."""
    from bizlite.finance import ledger

    earned = _balances(year, Account.kind << RESULT)
    _transfer(session, year, {**earned, ledger.PROFIT: -sum(earned.values())})
    profit = sum(_balances(year, Account.code == ledger.PROFIT).values())
    _transfer(session, year, {ledger.PROFIT: profit, ledger.RETAINED: -profit})


def _balances(year: int, which: object) -> dict[str, int]:
    """Debits less credits of accounts at the end of a year."""
    rows = Balance.select(Balance.account, fn.SUM(Balance.debit - Balance.credit)).join(
        Account, on=(Account.code == Balance.account)
    ).where((Balance.aux == "*") & (Balance.period <= year * 100 + CLOSING) & which)  # fmt: skip
    return {code: int(sum_) for code, sum_ in rows.group_by(Balance.account).order_by(Balance.account).tuples()}


def _transfer(session: Session, year: int, amounts: dict[str, int]) -> None:
    """Takes debits less credits off each account, on the side where that is no red."""
    from bizlite.finance import ledger

    legs = [
        ledger.Leg(account=code, credit=amount) if amount > 0 else ledger.Leg(account=code, debit=-amount)
        for code, amount in amounts.items()
        if amount
    ]
    if legs:
        day = datetime.date(year, LAST, 31)
        ledger.enter(session, day, "closing", legs, text=f"{year}", period=year * 100 + CLOSING)


@command("finance.period.close")
def reopen(session: Session, period: int) -> None:
    """Opens the last closed month again. A year that ended stays closed: its result is carried over."""
    until = closed_until()
    if not until or period != until or until % 100 == CLOSING:
        raise refuse("period", "cannot be opened again", "Post a correction in an open period.", period)
    delete(session, Period.get_by_id(period))
