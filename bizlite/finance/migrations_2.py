"""The second step of the ledger's tables: cash flows, habits of payment, recurring costs, the bank's list."""

from __future__ import annotations

import peewee

from bizlite.core import schema
from bizlite.core.database import is_sqlite

TABLES = (
    "CREATE TABLE finance_cash (period BIGINT NOT NULL, account TEXT NOT NULL, received BIGINT NOT NULL, paid BIGINT"
    " NOT NULL, PRIMARY KEY (period, account))",
    "CREATE TABLE finance_habit (party_id BIGINT NOT NULL, ledger TEXT NOT NULL, year BIGINT NOT NULL, amount BIGINT"
    " NOT NULL, amount_days BIGINT NOT NULL, PRIMARY KEY (party_id, ledger, year))",
    "CREATE TABLE finance_recurring (id {id} PRIMARY KEY, text TEXT NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('in',"
    " 'out')), amount BIGINT NOT NULL CHECK (amount > 0), first_day DATE NOT NULL, last_day DATE, months BIGINT NOT"
    " NULL CHECK (months > 0), CHECK (last_day IS NULL OR last_day >= first_day))",
    "CREATE TABLE finance_bank_line (id {id} PRIMARY KEY, account TEXT NOT NULL REFERENCES finance_account (code), date"
    " DATE NOT NULL, amount BIGINT NOT NULL CHECK (amount <> 0), counterparty TEXT NOT NULL, text TEXT NOT NULL,"
    " bank_number TEXT NOT NULL, digest TEXT NOT NULL UNIQUE, state TEXT NOT NULL CHECK (state IN ('open', 'paid',"
    " 'ignored')), payment_id BIGINT UNIQUE REFERENCES finance_payment (id),"
    " rejected TEXT NOT NULL, CHECK ((state = 'paid') = (payment_id IS"
    " NOT NULL)))",
    "CREATE INDEX finance_bank_line_open ON finance_bank_line (date, id) WHERE state = 'open'",
    "CREATE INDEX finance_open_due ON finance_open (ledger, side, due, party_id, rest) WHERE rest > 0",
    "CREATE INDEX finance_entry_draft ON finance_entry (period) WHERE NOT posted",
    "CREATE INDEX finance_invoice_date ON finance_invoice (date, id)",
    "CREATE INDEX finance_payment_date ON finance_payment (date, id)",
)
IS_CASH = "substr(account, 1, 4) IN ('1001', '1002', '1012')"
HAS_CASH = f"EXISTS (SELECT 1 FROM finance_line WHERE entry_id = {{entry}} AND {IS_CASH})"
# The other sides of an entry that moves cash say what for. An opening balance moves none.
CASH = (
    "INSERT INTO finance_cash (period, account, received, paid)"
    " SELECT {period}, account, SUM(credit), SUM(debit) FROM {lines} AND NOT "
    + IS_CASH
    + " GROUP BY {group} ON CONFLICT (period, account) DO UPDATE SET"
    " received = finance_cash.received + excluded.received, paid = finance_cash.paid + excluded.paid;"
)
SQLITE = {
    "year": "CAST(strftime('%Y', {date}) AS INTEGER)",
    "days": "CAST(julianday({date}) - julianday({due}) AS INTEGER)",
}
POSTGRESQL = {"year": "CAST(EXTRACT(YEAR FROM {date}) AS BIGINT)", "days": "({date} - {due})"}
HABIT = (
    "INSERT INTO finance_habit (party_id, ledger, year, amount, amount_days)"
    " SELECT claim.party_id, claim.ledger, {year}, SUM({amount}), SUM({amount} * {days}) FROM {rows}"
    " AND claim.document_kind = 'finance_invoice' AND cover.document_kind = 'finance_payment'"
    " GROUP BY claim.party_id, claim.ledger, {year}"
    " ON CONFLICT (party_id, ledger, year) DO UPDATE SET amount = finance_habit.amount + excluded.amount,"
    " amount_days = finance_habit.amount_days + excluded.amount_days;"
)


def finance_2(database: peewee.Database) -> None:
    schema.run(database, *TABLES)
    words = SQLITE if is_sqlite(database) else POSTGRESQL
    became = "NEW.posted AND NOT OLD.posted AND NEW.journal <> 'opening' AND " + HAS_CASH.format(entry="NEW.id")
    one = CASH.format(period="NEW.period", lines="finance_line WHERE entry_id = NEW.id", group="account")
    schema.after(database, "finance_entry_cash", "finance_entry", "UPDATE", became, one)
    every = f"finance_line JOIN finance_entry e ON e.id = entry_id WHERE e.posted AND {_entries_with_cash()}"
    schema.run(database, CASH.format(period="e.period", lines=every, group="e.period, account").rstrip(";"))
    # A payment that is undone says nothing of the habit, so negative allocations do not count.
    rows = "finance_open claim JOIN finance_open cover ON cover.id = NEW.cover_id WHERE claim.id = NEW.claim_id"
    schema.after(
        database, "finance_allocation_habit", "finance_allocation", "INSERT", "NEW.amount > 0",
        _habit(words, rows, "NEW.date", "NEW.amount"),
    )  # fmt: skip
    rows = (
        "finance_allocation a JOIN finance_open claim ON claim.id = a.claim_id"
        " JOIN finance_open cover ON cover.id = a.cover_id WHERE a.amount > 0"
    )
    schema.run(database, _habit(words, rows, "a.date", "a.amount").rstrip(";"))


def _entries_with_cash() -> str:
    return f"e.id IN (SELECT entry_id FROM finance_line WHERE {IS_CASH})"


def _habit(words: dict[str, str], rows: str, date: str, amount: str) -> str:
    year, days = words["year"].format(date=date), words["days"].format(date=date, due="claim.due")
    return HABIT.format(year=year, days=days, rows=rows, amount=amount)
