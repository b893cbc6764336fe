"""Trial balance, balance sheet and income statement at any date, from the sums that the triggers keep.

What they cost depends on accounts and months, not on how many lines there are.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from peewee import Expression, fn

from bizlite.finance import periods
from bizlite.finance.models import Account, Balance, Day


@dataclass(frozen=True, slots=True)
class Total:
    """An account's turnover and what it stands at: debits less credits."""

    account: str
    debit: int
    credit: int

    @property
    def balance(self) -> int:
        return self.debit - self.credit


def trial_balance(date: datetime.date, *, start: datetime.date | None = None) -> list[Total]:
    """Turnover of every account that moved, from ``start`` (or ever) to the end of the day; sums to 0."""
    sums: dict[str, list[int]] = {}
    _add(sums, _until(date), 1)
    if start is not None:
        _add(sums, _before(start), -1)
    return [Total(code, debit, credit) for code, (debit, credit) in sorted(sums.items()) if debit or credit]


def balances_before(date: datetime.date) -> dict[str, int]:
    """What accounts stood at when a day began; the closing of a year is in what the next year begins with."""
    sums: dict[str, list[int]] = {}
    _add(sums, _before(date), 1)
    return {code: debit - credit for code, (debit, credit) in sums.items() if debit != credit}


def balance_of(account: str, date: datetime.date, *, aux: str = "*") -> int:
    """What an account stood at, or the part of a party or an item in it as its period stood at the end."""
    if aux == "*":
        return sum(total.balance for total in trial_balance(date) if total.account == account)
    where = (Balance.aux == aux) & (Balance.account == account) & (Balance.period <= periods.of(date))
    return int(Balance.select(fn.COALESCE(fn.SUM(Balance.debit - Balance.credit), 0)).where(where).scalar())


@dataclass(frozen=True, slots=True)
class Sheet:
    """A balance sheet: ``assets`` (costs of unfinished production included) = ``liabilities`` +"
    " ``equity`` + ``result``."""

    date: datetime.date
    assets: list[Total]
    liabilities: list[Total]
    equity: list[Total]
    result: int

    @property
    def is_balanced(self) -> bool:
        assets = sum(total.balance for total in self.assets)
        return assets == -sum(total.balance for total in self.liabilities + self.equity) + self.result


def balance_sheet(date: datetime.date) -> Sheet:
    """The balance sheet at the end of a day; ``result`` is what is earned and not yet carried to equity."""
    kinds = _kinds()
    by_kind: dict[str, list[Total]] = {}
    for total in trial_balance(date):
        by_kind.setdefault(kinds[total.account], []).append(total)
    result = -sum(total.balance for kind in ("income", "expense") for total in by_kind.get(kind, []))
    assets = by_kind.get("asset", []) + by_kind.get("cost", [])
    return Sheet(date, assets, by_kind.get("liability", []), by_kind.get("equity", []), result)


@dataclass(frozen=True, slots=True)
class Income:
    """Income and expenses between two days, both included; ``result`` is the profit."""

    start: datetime.date
    end: datetime.date
    income: list[Total]
    expenses: list[Total]

    @property
    def result(self) -> int:
        return -sum(total.balance for total in self.income + self.expenses)


def income_statement(start: datetime.date, end: datetime.date) -> Income:
    """What was earned; the transfer of a year's result is not in it."""
    kinds = _kinds()
    # Whole division on both databases; peewee reads % as LIKE.
    closing = (Balance.aux == "*") & (Balance.period - Balance.period / 100 * 100 == periods.CLOSING)
    sums: dict[str, list[int]] = {}
    _add(sums, _until(end), 1)
    _add(sums, _before(start), -1)
    _add(sums, _sums(Balance, closing & Balance.period.between(periods.of(start), periods.of(end))), -1)
    totals = [Total(code, debit, credit) for code, (debit, credit) in sorted(sums.items()) if debit or credit]
    return Income(
        start,
        end,
        [total for total in totals if kinds[total.account] == "income"],
        [total for total in totals if kinds[total.account] == "expense"],
    )


def _until(date: datetime.date) -> Iterable[tuple[str, int, int]]:
    """Whole periods from their sums, the running one by days. A year's closing entry counts from the next day on."""
    return _periods_and(date, Day.date <= date)


def _before(date: datetime.date) -> Iterable[tuple[str, int, int]]:
    return _periods_and(date, Day.date < date)


def _periods_and(date: datetime.date, days: Expression) -> Iterable[tuple[str, int, int]]:
    period = periods.of(date)
    yield from _sums(Balance, (Balance.aux == "*") & (Balance.period < period))
    yield from _sums(Day, (Day.date >= periods.first_day(period)) & days)


def _sums(table: type[Balance] | type[Day], where: object) -> Iterable[tuple[str, int, int]]:
    query = table.select(table.account, fn.SUM(table.debit), fn.SUM(table.credit)).where(where).group_by(table.account)
    return ((code, int(debit), int(credit)) for code, debit, credit in query.tuples())


def _add(sums: dict[str, list[int]], rows: Iterable[tuple[str, int, int]], sign: int) -> None:
    for code, debit, credit in rows:
        total = sums.setdefault(code, [0, 0])
        total[0] += sign * debit
        total[1] += sign * credit


def _kinds() -> dict[str, str]:
    return dict(Account.select(Account.code, Account.kind).tuples())
