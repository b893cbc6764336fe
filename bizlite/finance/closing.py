"""What is to be done before a month is closed: a list to go through; ``periods.close`` is the one command at its end.

The finance points are here; the reports add those of the other modules.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from peewee import fn

from bizlite.finance import ledger, periods, reports, statements
from bizlite.finance.models import Balance, BankLine, Entry, Open


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One thing to look at: how many of them, or which amount; ``blocks`` when the month cannot be closed with it."""

    name: str
    count: int = 0
    amount: int = 0
    blocks: bool = False

    @property
    def is_done(self) -> bool:
        return not self.count and not self.amount


def last_day(period: int) -> datetime.date:
    """The last day of a month."""
    return periods.first_day(periods.after(period)) - datetime.timedelta(days=1)


def next_period(today: datetime.date) -> int:
    """The month to close next: behind the last closed one, else the first one with an entry, else today's."""
    until = periods.closed_until()
    first: int | None = None if until else Balance.select(fn.MIN(Balance.period)).scalar()
    return periods.after(until) if until else first or periods.of(today)


def points(period: int) -> list[Point]:
    """The list for a month, in the order to go through it."""
    end = last_day(period)
    balances = {total.account: total.balance for total in reports.trial_balance(end)}
    drafts = Entry.select().where(~Entry.posted & (Entry.period <= period)).count()
    bank = BankLine.select().where((BankLine.state == "open") & (BankLine.date <= end)).count()
    ahead = fn.COUNT(Open.id), fn.COALESCE(fn.SUM(Open.rest), 0)
    unmatched = (Open.side == "cover") & (Open.rest > 0) & (Open.date <= end)
    count, amount = Open.select(*ahead).where(unmatched & (Open.document_kind == "finance_payment")).tuples().get()
    below = [a for a, balance in balances.items() if a.startswith(statements.MONEY) and balance < 0]
    return [
        Point(name="drafts", count=drafts, blocks=True),
        Point(name="bank_lines", count=bank),
        Point(name="unmatched_payments", count=count, amount=int(amount)),
        Point(name="received_not_invoiced", amount=-balances.get(ledger.RECEIVED, 0)),
        Point(name="differences_waiting", amount=balances.get(ledger.WAITING, 0)),
        Point(name="money_below_zero", count=len(below)),
    ]
