"""The statement of account (对账单) of a party: what it began with, each posting, what it ends with."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from peewee import fn

from bizlite.finance import ledger, parties, periods
from bizlite.finance.models import Balance, Entry, Line

ACCOUNTS = {"receivable": ledger.RECEIVABLE, "payable": ledger.PAYABLE}


@dataclass(frozen=True, slots=True)
class Posting:
    """A line with the balance after it, on the party's side: positive is what is owed. ``number`` is the document's."""

    date: datetime.date
    number: str
    text: str
    source: tuple[str, int]
    debit: int
    credit: int
    balance: int


@dataclass(frozen=True, slots=True)
class Statement:
    """Between two days, both included."""

    start: datetime.date
    end: datetime.date
    before: int
    postings: list[Posting]

    @property
    def after(self) -> int:
        return self.postings[-1].balance if self.postings else self.before


def make(party: int, ledger_name: str, start: datetime.date, end: datetime.date) -> Statement:
    """The statement of what a party owes (``receivable``) or is owed (``payable``)."""
    account, aux = ACCOUNTS[ledger_name], parties.aux(party)
    sign = 1 if ledger_name == "receivable" else -1
    period = periods.of(start)
    own = (Balance.account == account) & (Balance.aux == aux) & (Balance.period < period)
    before = int(Balance.select(fn.COALESCE(fn.SUM(Balance.debit - Balance.credit), 0)).where(own).scalar())
    query = Line.select(
        Entry.date, Entry.number, Entry.text, Entry.source_kind, Entry.source_id, Line.debit, Line.credit
    ).join(Entry)  # fmt: skip
    month = (Line.account == account) & (Line.aux == aux) & Entry.posted & (Entry.date >= periods.first_day(period))
    balance = sign * before
    postings = []
    rows = query.where(month & (Entry.date <= end)).order_by(Entry.date, Entry.id, Line.id).tuples()
    for date, number, text, kind, document, debit, credit in rows:
        balance += sign * (debit - credit)
        if date >= start:
            postings.append(Posting(date, number, text, (kind, document), debit, credit, balance))
        else:
            before += debit - credit
    return Statement(start, end, sign * before, postings)
