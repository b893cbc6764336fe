"""The three statements in the layout of 小企业会计准则: 会小企01表, 会小企02表, 会小企03表.

``statements.tsv`` is the layout: statement, number of the row, Chinese, English, side, accounts, rows it sums. A side
is d or c (debits less credits, or the opposite), r or p (cash received or paid). An account stands for all below it
unless a longer code is named; ``5601~a|b`` for those below it whose name has one of the words; ``*asset`` for what no
row names.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from peewee import Case, fn

from bizlite.core.errors import refuse
from bizlite.finance import opening, periods
from bizlite.finance.models import Account, Balance, Cash

LAYOUT = Path(__file__).with_name("statements.tsv")
MONEY = ("1001", "1002", "1012")
# Debts of one party on the wrong side are shown as what they are: (as an asset, as a liability, accounts).
TURNED = (("1122", "2203", ("1122", "2203")), ("1123", "2202", ("1123", "2202")))
MONTHS = (1, 3, 12)
Accounts = dict[str, tuple[str, str]]  # kind and Chinese name, by code
CASH_BEFORE, CASH_NET = 21, 20  # rows of the cash flow statement


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a layout; ``number`` is 0 for a heading, ``sums`` are numbers of rows, negative where subtracted."""

    number: int
    zh: str
    en: str
    side: str
    accounts: tuple[str, ...]
    sums: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Printed:
    """A row with its two amounts: now and at the year's begin, or of the months and of the year so far (of a whole
    year: and of the year before)."""

    row: Row
    now: int
    year: int


@functools.cache
def layout(statement: str) -> tuple[Row, ...]:
    """The rows of ``balance``, ``income`` or ``cash``."""
    lines = (line.split("\t") for line in LAYOUT.read_text(encoding="utf-8").splitlines())
    return tuple(
        Row(int(number), zh, en, side, tuple(accounts.split()), tuple(map(int, sums.split())))
        for name, number, zh, en, side, accounts, sums in lines
        if name == statement
    )


def balance_sheet(period: int) -> list[Printed]:
    """At the end of a month, and at the year's begin: with what the books were opened with in this year."""
    _check(period, 1)
    rows = layout("balance")
    opened = opening.lines(_first(period), period)
    accounts, ends = _accounts(), ((period, []), (_year_before(period), opened))
    return _printed(rows, *(_values(rows, amounts, accounts) for amounts in _turned(*ends)))


def income_statement(period: int, months: int = 1) -> list[Printed]:
    """Of the month (or of 3 that end with it) and of the year so far; of a year and the one before it."""
    rows = layout("income")
    accounts, spans = _accounts(), _spans(period, months)
    return _printed(rows, *(_values(rows, _turnover(first, last, accounts), accounts) for first, last in spans))


def cash_flow(period: int, months: int = 1) -> list[Printed]:
    """Of the month (or of 3 that end with it) and of the year so far; of a year and the one before it."""
    rows = layout("cash")
    both, accounts = [], _accounts()
    for first, last in _spans(period, months):
        sums = Cash.select(Cash.account, fn.SUM(Cash.received), fn.SUM(Cash.paid))
        found = list(sums.where(Cash.period.between(first, last)).group_by(Cash.account).tuples())
        came, went = [(a, int(r)) for a, r, _ in found], [(a, int(p)) for a, _, p in found]
        values = _assigned(rows, came, accounts, "r") | _assigned(rows, went, accounts, "p")
        # What the year's books were opened with was there at the end of the year before.
        opened = opening.lines(_first(period), period) if last < _first(period) else []
        values[CASH_BEFORE] = _cash(last, opened) - _summed(rows, dict(values))[CASH_NET]
        both.append(_summed(rows, values))
    return _printed(rows, *both)


def _first(period: int) -> int:
    """The first month of its year."""
    return period // 100 * 100 + 1


def _year_before(period: int) -> int:
    """The last period of the year before, with its closing."""
    return (period // 100 - 1) * 100 + periods.CLOSING


def _spans(period: int, months: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """First and last month of the two amounts."""
    start, before = _check(period, months), _year_before(period)
    return (start, period), (_first(before), before - 1) if months == periods.LAST else (_first(period), period)


def _cash(until: int, opened: Iterable[opening.Sum]) -> int:
    where = (Balance.aux == "*") & (Balance.period <= until) & fn.SUBSTR(Balance.account, 1, 4).in_(MONEY)
    there = int(Balance.select(fn.COALESCE(fn.SUM(Balance.debit - Balance.credit), 0)).where(where).scalar())
    return there + sum(one.amount for one in opened if one.account.startswith(MONEY))


def _check(period: int, months: int) -> int:
    """The first of the months. :raise Refused: for what is no month, or months that are not a part of one year."""
    month = period % 100
    if not 1 <= month <= periods.LAST:
        raise refuse("period", "is not a month", "Give a period as 202611.", period)
    if months not in MONTHS or month % months:
        raise refuse("months", "do not end with this month", "Choose 1, or 3 or 12 at their end.", months)
    return period - months + 1


def _accounts() -> Accounts:
    rows = Account.select(Account.code, Account.kind, Account.name_zh).tuples()
    return {code: (kind, name) for code, kind, name in rows}


def _values(rows: tuple[Row, ...], amounts: list[tuple[str, int]], accounts: Accounts) -> dict[int, int]:
    return _summed(rows, _assigned(rows, amounts, accounts, "dc"))


def _assigned(rows: tuple[Row, ...], amounts: list[tuple[str, int]], accounts: Accounts, sides: str) -> dict[int, int]:
    """Each account in the row that names the most of its code; in ``of which`` rows besides."""
    named = {code: row for row in rows if row.side and row.side in sides for code in row.accounts if "~" not in code}
    worded = [row for row in rows if any("~" in code for code in row.accounts)]
    values: dict[int, int] = {}
    for account, amount in amounts:
        prefixes = [account[:length] for length in range(len(account), 0, -1)]
        kind, name = accounts[account]
        kinds = [f"*{kind}", "*"]
        row = next((named[code] for code in prefixes + kinds if code in named), None)
        words = [other for other in worded if _has_word(other, account, name)]
        for found in [*words, *([row] if row else [])]:
            values[found.number] = values.get(found.number, 0) + (-amount if found.side == "c" else amount)
    return values


def _has_word(row: Row, account: str, name: str) -> bool:
    for code, _, words in (entry.partition("~") for entry in row.accounts):
        own = name.rsplit("—", 1)[-1]
        if words and account != code and account.startswith(code) and any(word in own for word in words.split("|")):
            return True
    return False


def _summed(rows: tuple[Row, ...], values: dict[int, int]) -> dict[int, int]:
    """With the rows that sum others; a sum stands before or behind its parts, and its parts may be sums."""
    own = {row.number: row for row in rows if row.number}

    def value(number: int) -> int:
        parts = (value(part) if part > 0 else -value(-part) for part in own[number].sums)
        return values.get(number, 0) + sum(parts)

    return {number: value(number) for number in own}


def _printed(rows: tuple[Row, ...], now: dict[int, int], year: dict[int, int]) -> list[Printed]:
    return [Printed(row, now.get(row.number, 0), year.get(row.number, 0)) for row in rows]


def _turnover(first: int, last: int, accounts: Accounts) -> list[tuple[str, int]]:
    """Debits less credits by account of the months; the closing entry of a year is in none of them.

    What a year had earned when its books were opened belongs to the months from its begin to then.
    """
    where = (Balance.aux == "*") & Balance.period.between(first, last)
    sums = Balance.select(Balance.account, fn.SUM(Balance.debit - Balance.credit)).where(where)
    found = [(account, int(amount)) for account, amount in sums.group_by(Balance.account).tuples()]
    if first != _first(first):
        found += [(one.account, -one.amount) for one in opening.lines(first, last)]
    return [(account, amount) for account, amount in found if accounts[account][0] in periods.RESULT]


def _turned(*ends: tuple[int, Sequence[opening.Sum]]) -> Iterator[list[tuple[str, int]]]:
    """Balances by account at the ends of periods, those of parties on the side where they belong; each with what the
    books were opened with besides."""
    amount = Balance.debit - Balance.credit
    sums = [fn.SUM(Case(None, ((Balance.period <= end, amount),), 0)) for end, _ in ends]  # all in one reading
    query = Balance.select(Balance.account, Balance.aux, *sums).group_by(Balance.aux, Balance.account)
    wholes, parts = Balance.aux == "*", Balance.aux.between("party:", "party;")
    rows = [row for where in (wholes, parts) for row in query.where(where).tuples()]
    for n, (_, opened) in enumerate(ends, 2):
        own = {(row[0], row[1]): int(row[n]) for row in rows}
        for one in opened:
            for aux in {"*", one.aux if one.aux.startswith("party:") else "*"}:
                own[one.account, aux] = own.get((one.account, aux), 0) + one.amount
        amounts = {account: amount for (account, aux), amount in own.items() if aux == "*"}
        turned: dict[str, int] = {}
        for (account, aux), part in own.items():
            pair = next((pair for pair in TURNED if account.startswith(pair[2])), None)
            if aux != "*" and pair is not None:
                amounts[account] -= part
                side = pair[0] if part > 0 else pair[1]
                turned[side] = turned.get(side, 0) + part
        yield [*turned.items(), *((account, left) for account, left in amounts.items() if left)]
