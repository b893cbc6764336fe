"""What money will be there: open invoices by due day and habit, taxes, recurring costs, and what other modules add.

Sales and purchasing know the orders that are still to be invoiced; the reports ask them and give it here as ``more``.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from peewee import fn

from bizlite.core import exact, store
from bizlite.core.commands import command
from bizlite.core.errors import refuse
from bizlite.core.session import Session
from bizlite.finance import ledger, periods, reports, statements
from bizlite.finance.models import Habit, Open, Recurring

TAX_DAY = 15  # of the month behind: VAT and what goes with it
TAXES = "2221"
WEEKS = 13


@dataclass(frozen=True, kw_only=True, slots=True)
class Flow:
    """Money expected on a day: positive when it comes. ``source`` is the document that it follows from."""

    date: datetime.date
    amount: int
    kind: str  # invoice, order, recurring, tax
    text: str = ""
    party: int | None = None
    source: tuple[str, int] = ("", 0)


@dataclass(frozen=True, slots=True)
class Week:
    """A week of the forecast, beginning on ``start``; ``balance`` is the money at its end."""

    start: datetime.date
    received: int
    paid: int
    balance: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """Money now, by week, and what it was reckoned from, by day."""

    cash: int
    weeks: list[Week]
    flows: list[Flow]

    @property
    def lowest(self) -> Week:
        """The week in which there is least."""
        return min(self.weeks, key=lambda week: week.balance)


@command("finance.forecast.change")
def add_recurring(
    session: Session, text: str, kind: str, amount: int, first: datetime.date, *, months: int = 1,
    last: datetime.date | None = None,
) -> Recurring:  # fmt: skip
    """A cost (``out``) or an income (``in``) that comes every so many months, from a day on."""
    if not text.strip() or len(text) > 200 or not text.isprintable():
        raise refuse("text", "is not a name", "Give 1 to %(longest)s printable characters.", text[:200], longest=200)
    if kind not in ("in", "out"):
        raise refuse("kind", "is not a kind of payment", "Choose in or out.", kind)
    exact.whole("amount", amount, least=1)
    exact.whole("months", months, least=1, most=120)
    ledger.check_date(first, "first")  # the forecast of every later day reckons from it
    if last is not None and ledger.check_date(last, "last") < first:
        raise refuse("last", "lies before its begin", "Choose %(first)s or later.", last, first=first)
    row = Recurring(text=text.strip(), kind=kind, amount=amount, first=first, last=last, months=months)
    return store.insert(session, row)


@command("finance.forecast.change")
def end_recurring(session: Session, recurring: int, last: datetime.date) -> Recurring:
    """Says when it came for the last time."""
    row = store.get(Recurring, recurring, "recurring")
    if ledger.check_date(last, "last") < row.first:
        raise refuse("last", "lies before its begin", "Choose %(first)s or later.", last, first=row.first)
    return store.change(session, row, last=last)


def make(today: datetime.date, *, weeks: int = WEEKS, more: Sequence[Flow] = ()) -> Forecast:
    """The forecast from today on; what is late counts as of today."""
    end = today + datetime.timedelta(weeks=weeks)
    flows = [*invoices(today), *taxes(today), *recurring(today, end), *more]
    flows = sorted((flow for flow in flows if flow.date < end), key=lambda flow: (flow.date, flow.kind, flow.source))
    cash = sum(t.balance for t in reports.trial_balance(today) if t.account.startswith(statements.MONEY))
    received, paid = [0] * weeks, [0] * weeks
    for flow in flows:
        week = max((flow.date - today).days, 0) // 7
        if flow.amount > 0:
            received[week] += flow.amount
        else:
            paid[week] -= flow.amount
    balance, found = cash, []
    for n in range(weeks):
        balance += received[n] - paid[n]
        found.append(Week(today + datetime.timedelta(weeks=n), received[n], paid[n], balance))
    return Forecast(cash, found, flows)


def habits(today: datetime.date) -> dict[tuple[int, str], int]:
    """By how many days parties paid after the due day, weighted by amount, in this year and the one before."""
    days, amount = fn.SUM(Habit.amount_days), fn.SUM(Habit.amount)
    rows = Habit.select(Habit.party, Habit.ledger, days, amount).where(Habit.year >= today.year - 1)
    return {
        (party, name): exact.half_up(int(late), int(paid))
        for party, name, late, paid in rows.group_by(Habit.party, Habit.ledger).tuples()
    }


def invoices(today: datetime.date) -> Iterator[Flow]:
    """What is open, less what was paid ahead: that pays what is due first."""
    ahead: dict[tuple[int, str], int] = {}
    covers = Open.select(Open.party, Open.ledger, fn.SUM(Open.rest)).where((Open.side == "cover") & (Open.rest > 0))
    for party, name, rest in covers.group_by(Open.party, Open.ledger).tuples():
        ahead[party, name] = int(rest)
    late = habits(today)
    claims = Open.select(Open.party, Open.ledger, Open.due, Open.rest, Open.document_kind, Open.document_id)
    claims = claims.where((Open.side == "claim") & (Open.rest > 0)).order_by(Open.due, Open.id)
    for party, name, due, left, *source in store.tuples(claims):
        taken = min(left, ahead.get((party, name), 0))
        if taken:
            ahead[party, name] -= taken
        if left > taken:
            amount = left - taken if name == "receivable" else taken - left
            date = max(today, due + datetime.timedelta(days=late.get((party, name), 0)))
            yield Flow(date=date, kind="invoice", amount=amount, party=party, source=(source[0], source[1]))


def taxes(today: datetime.date) -> Iterator[Flow]:
    """What is owed in taxes now, on the next day of paying them."""
    owed = sum(total.balance for total in reports.trial_balance(today) if total.account.startswith(TAXES))
    day = today.replace(day=TAX_DAY)
    if day < today:
        day = periods.first_day(periods.after(periods.of(today))).replace(day=TAX_DAY)
    if owed < 0:
        yield Flow(date=day, amount=owed, kind="tax")


def recurring(today: datetime.date, end: datetime.date) -> Iterator[Flow]:
    """Recurring costs and incomes before ``end``."""
    for row in Recurring.select().where(Recurring.last.is_null() | (Recurring.last >= today)).order_by(Recurring.id):
        n = 0
        while (day := _months_later(row.first, n * row.months)) < end and (row.last is None or day <= row.last):
            if day >= today:
                amount = row.amount if row.kind == "in" else -row.amount
                yield Flow(
                    date=day, amount=amount, kind="recurring", text=row.text, source=("finance_recurring", row.id)
                )
            n += 1


def _months_later(day: datetime.date, months: int) -> datetime.date:
    """The same day of a later month, or its last one."""
    years, month = divmod(day.month - 1 + months, 12)
    first = datetime.date(day.year + years, month + 1, 1)
    following = datetime.date(first.year + month // 11, (month + 1) % 12 + 1, 1)
    return min(first.replace(day=1) + datetime.timedelta(days=day.day - 1), following - datetime.timedelta(days=1))
