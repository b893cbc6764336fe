"""The ledger's figures as tables: what pages show, and what CSV and XLSX take along."""

from __future__ import annotations

import datetime

from bizlite.core.errors import marked as _
from bizlite.core.tables import Column, Line, Table
from bizlite.finance import account_statement, payments, periods, reports, statements
from bizlite.finance.models import Account, Entry, Party
from bizlite.finance.models import Line as Posted

AGES = (
    Column("not_due", _("Not due"), "money"), Column("days_30", _("1–30 days"), "money"),
    Column("days_60", _("31–60 days"), "money"), Column("days_90", _("61–90 days"), "money"),
    Column("older", _("Over 90 days"), "money"),
)  # fmt: skip


POSTING = (
    Column("date", _("Date"), "date"), Column("number", _("Number")), Column("text", _("Text"), "word"),
    Column("debit", _("Debit"), "money"), Column("credit", _("Credit"), "money"),
)  # fmt: skip
STATEMENTS = {
    "balance": _("Balance sheet (会小企01表)"), "income": _("Income statement (会小企02表)"),
    "cash": _("Cash flow statement (会小企03表)"),
}  # fmt: skip


def ageing(ledger: str, today: datetime.date, most: int | None = None) -> Table:
    """Open claims of a ledger by party and age; a row leads to the party's statement of account."""
    found = payments.ageing(ledger, today)
    found.sort(key=lambda age: (-sum(age.classes[1:]), -age.classes[0], age.party))
    shown = found[:most]
    names = dict(Party.select(Party.id, Party.name).where(Party.id << [age.party for age in shown]).tuples())
    lines = [
        Line((names[a.party], sum(a.classes), *a.classes), ("finance.statement", {"party": a.party, "ledger": ledger}))
        for a in shown
    ]
    sums = [sum(age.classes[n] for age in found) for n in range(len(AGES))]
    totals = {"total": sum(sums), **{column.name: total for column, total in zip(AGES, sums, strict=True)}}
    title = _("Receivables by age") if ledger == "receivable" else _("Payables by age")
    columns = (
        Column("party", _("Customer") if ledger == "receivable" else _("Supplier")),
        Column("total", _("Unpaid"), "money"),
    )
    rest = len(found) - len(shown)
    return Table(f"ageing-{ledger}", title, (*columns, *AGES), lines, tuple(totals), rest=rest, sums=totals)


def trial_balance(start: datetime.date, end: datetime.date, language: str) -> Table:
    """Before, turnover and after of every account; a row leads to the account's ledger."""
    before = reports.balances_before(start)
    within = {total.account: (total.debit, total.credit) for total in reports.trial_balance(end, start=start)}
    names = dict(Account.select(Account.code, getattr(Account, f"name_{language}")).tuples())
    lines = []
    for code in sorted({*before, *within}):
        old, (debit, credit) = before.get(code, 0), within.get(code, (0, 0))
        target = ("finance.ledger", {"account": code, "start": start, "end": end})
        if old or debit or credit:
            lines.append(Line((code, names[code], old, debit, credit, old + debit - credit), target))
    columns = (
        Column("account", _("Account")), Column("name", _("Name")), Column("before", _("Before"), "money"),
        Column("debit", _("Debit"), "money"), Column("credit", _("Credit"), "money"),
        Column("after", _("After"), "money"),
    )  # fmt: skip
    return Table("trial-balance", _("Trial balance"), columns, lines, ("before", "debit", "credit", "after"))


def ledger(account: str, start: datetime.date, end: datetime.date) -> Table:
    """The lines of an account with what it stood at after each; a row leads to its voucher."""
    before = reports.balances_before(start).get(account, 0)
    lines = [Line((start, "", _("Before"), None, None, before))]
    query = Posted.select(Entry.id, Entry.date, Entry.number, Entry.text, Posted.text, Posted.debit, Posted.credit)
    is_month = Entry.period - Entry.period / 100 * 100 <= periods.LAST
    days = Entry.date.between(start, end) & (is_month | (Entry.period < periods.of(end)))  # as in the trial balance
    rows = (
        query.join(Entry)
        .where((Posted.account == account) & Entry.posted & days)
        .order_by(Entry.date, Entry.id, Posted.id)
    )
    for entry, date, number, text, own, debit, credit in rows.tuples():
        before += debit - credit
        target = ("biz.finance-entry-show", {"key": entry})
        lines.append(Line((date, number, own or text, debit, credit, before), target))
    return Table("ledger", _("Ledger"), (*POSTING, Column("balance", _("Balance"), "money")), lines)


def statement_of_account(party: int, name: str, start: datetime.date, end: datetime.date) -> Table:
    """The statement of a party (对账单) as a table."""
    found = account_statement.make(party, name, start, end)
    lines = [Line((start, "", _("Before"), None, None, found.before))]
    for row in found.postings:
        target = (f"biz.{row.source[0].replace('_', '-')}-show", {"key": row.source[1]}) if row.source[0] else None
        lines.append(Line((row.date, row.number, row.text, row.debit, row.credit, row.balance), target))
    columns = (*POSTING, Column("balance", _("Unpaid"), "money"))
    return Table("statement", _("Statement of account"), columns, lines, ("debit", "credit"))


def statement(name: str, found: list[statements.Printed], language: str, months: int = 1) -> Table:
    """One of the three statements, row by row; headings have no amounts."""
    now, year = _("Months"), _("Year so far")
    if name == "balance":
        now, year = _("At the end"), _("At the year’s begin")
    elif months == periods.LAST:
        now, year = _("This year"), _("Year before")
    columns = (
        Column("number", _("Row"), "whole"), Column("name", _("Position")), Column("now", now, "money"),
        Column("year", year, "money"),
    )  # fmt: skip
    lines = [
        Line((row.row.number, getattr(row.row, language), row.now, row.year) if row.row.number
             else (None, getattr(row.row, language), None, None))
        for row in found
    ]  # fmt: skip
    return Table(f"{name}-statement", STATEMENTS[name], columns, lines)
