"""The ledger's tables and the triggers that hold it, frozen by release."""

from __future__ import annotations

from pathlib import Path

import peewee

from bizlite.core import schema
from bizlite.core.database import is_sqlite
from bizlite.core.migrations import Migration
from bizlite.finance.migrations_2 import finance_2

CHART = Path(__file__).with_name("chart.tsv")
VAT = "222101"

DOCUMENT = (
    "id {id} PRIMARY KEY, number TEXT UNIQUE, date DATE NOT NULL, posted BOOLEAN NOT NULL CHECK (posted"
    " = (number IS NOT"
    " NULL)), version BIGINT NOT NULL, text TEXT NOT NULL, custom TEXT NOT NULL, created_by TEXT NOT NULL, created_ms"
    " BIGINT NOT NULL, posted_by TEXT, posted_ms BIGINT,"
)
TABLES = (
    "CREATE TABLE finance_account (code TEXT PRIMARY KEY, kind TEXT NOT NULL CHECK (kind IN ('asset', 'liability',"
    " 'equity', 'cost', 'income', 'expense')), name_zh TEXT NOT NULL, name_en TEXT NOT NULL, is_leaf BOOLEAN NOT NULL,"
    " is_active BOOLEAN NOT NULL)",
    "CREATE TABLE finance_party (id {id} PRIMARY KEY, code TEXT NOT NULL UNIQUE, name TEXT NOT NULL,"
    " tax_number TEXT NOT"
    " NULL, is_customer BOOLEAN NOT NULL, is_supplier BOOLEAN NOT NULL, payment_days BIGINT NOT NULL"
    " CHECK (payment_days"
    " >= 0), credit_limit BIGINT, is_active BOOLEAN NOT NULL)",
    f"CREATE TABLE finance_entry ({DOCUMENT} journal TEXT NOT NULL, period BIGINT NOT NULL, source_kind TEXT NOT NULL,"
    " source_id BIGINT NOT NULL, reverses_id BIGINT UNIQUE REFERENCES finance_entry (id))",
    "CREATE INDEX finance_entry_date ON finance_entry (date, id)",
    "CREATE INDEX finance_entry_source ON finance_entry (source_kind, source_id)",
    "CREATE TABLE finance_line (id {id} PRIMARY KEY, entry_id BIGINT NOT NULL REFERENCES finance_entry"
    " (id), account TEXT"
    " NOT NULL REFERENCES finance_account (code), aux TEXT NOT NULL CHECK (aux <> '*'), debit BIGINT NOT NULL, credit"
    " BIGINT NOT NULL, text TEXT NOT NULL, CHECK (debit = 0 OR credit = 0))",
    "CREATE INDEX finance_line_entry ON finance_line (entry_id)",
    "CREATE INDEX finance_line_account ON finance_line (account, aux)",
    "CREATE TABLE finance_balance (period BIGINT NOT NULL, account TEXT NOT NULL, aux TEXT NOT NULL, debit BIGINT NOT"
    " NULL, credit BIGINT NOT NULL, PRIMARY KEY (aux, account, period)) WITHOUT ROWID",
    "CREATE TABLE finance_day (date DATE NOT NULL, account TEXT NOT NULL, debit BIGINT NOT NULL, credit"
    " BIGINT NOT NULL,"
    " PRIMARY KEY (date, account))",
    "CREATE TABLE finance_period (period BIGINT PRIMARY KEY, closed_by TEXT NOT NULL, closed_ms BIGINT NOT NULL)",
    f"CREATE TABLE finance_invoice ({DOCUMENT} kind TEXT NOT NULL CHECK (kind IN ('sale', 'purchase', 'sale_credit',"
    " 'purchase_credit')), party_id BIGINT NOT NULL REFERENCES finance_party (id), due DATE NOT NULL,"
    " is_gross BOOLEAN NOT"
    " NULL, rounding TEXT NOT NULL, their_number TEXT NOT NULL, net BIGINT NOT NULL CHECK (net >= 0),"
    " tax BIGINT NOT NULL"
    " CHECK (tax >= 0), tax_kind TEXT NOT NULL CHECK (tax_kind IN ('general', 'small')),"
    " credits_id BIGINT REFERENCES finance_invoice (id), source_kind TEXT NOT NULL,"
    " source_id BIGINT NOT"
    " NULL)",
    "CREATE INDEX finance_invoice_party ON finance_invoice (party_id, date)",
    "CREATE INDEX finance_invoice_credits ON finance_invoice (credits_id)",
    "CREATE INDEX finance_invoice_source ON finance_invoice (source_kind, source_id)",
    "CREATE TABLE finance_invoice_line (id {id} PRIMARY KEY, invoice_id BIGINT NOT NULL REFERENCES"
    " finance_invoice (id),"
    " position BIGINT NOT NULL, account TEXT NOT NULL REFERENCES finance_account (code), aux TEXT NOT"
    " NULL, text TEXT NOT"
    " NULL, quantity BIGINT NOT NULL CHECK (quantity > 0), scale BIGINT NOT NULL, price BIGINT NOT NULL CHECK (price >="
    " 0), rate BIGINT NOT NULL CHECK (rate >= 0), net BIGINT NOT NULL CHECK (net >= 0), tax BIGINT NOT"
    " NULL CHECK (tax >="
    " 0), of_position BIGINT, UNIQUE (invoice_id, position))",
    f"CREATE TABLE finance_payment ({DOCUMENT} kind TEXT NOT NULL CHECK (kind IN ('in', 'out', 'in_back', 'out_back')),"
    " party_id BIGINT NOT NULL REFERENCES finance_party (id), account TEXT NOT NULL REFERENCES finance_account (code),"
    " amount BIGINT NOT NULL CHECK (amount > 0), reverses_id BIGINT UNIQUE REFERENCES finance_payment (id))",
    "CREATE INDEX finance_payment_party ON finance_payment (party_id, date)",
    "CREATE TABLE finance_open (id {id} PRIMARY KEY, side TEXT NOT NULL CHECK (side IN ('claim', 'cover')), ledger TEXT"
    " NOT NULL CHECK (ledger IN ('receivable', 'payable')), document_kind TEXT NOT NULL, document_id BIGINT NOT NULL,"
    " party_id BIGINT NOT NULL REFERENCES finance_party (id), date DATE NOT NULL, due DATE NOT NULL,"
    " total BIGINT NOT NULL,"
    " rest BIGINT NOT NULL, UNIQUE (document_kind, document_id), CHECK (0 <= rest AND rest <= total))",
    "CREATE INDEX finance_open_party ON finance_open (party_id, ledger, side) WHERE rest > 0",
    "CREATE TABLE finance_allocation (id {id} PRIMARY KEY, claim_id BIGINT NOT NULL REFERENCES"
    " finance_open (id), cover_id"
    " BIGINT NOT NULL REFERENCES finance_open (id), amount BIGINT NOT NULL CHECK (amount <> 0), date DATE NOT NULL,"
    " user_name TEXT NOT NULL, at_ms BIGINT NOT NULL)",
    "CREATE INDEX finance_allocation_claim ON finance_allocation (claim_id)",
    "CREATE INDEX finance_allocation_cover ON finance_allocation (cover_id)",
)
# What an entry adds to the sums, once, at the moment when it is posted.
SUMS = (
    "INSERT INTO finance_balance (period, account, aux, debit, credit)"
    " SELECT NEW.period, account, '*', SUM(debit), SUM(credit) FROM finance_line WHERE entry_id = NEW.id"
    " GROUP BY account"
    " ON CONFLICT (period, account, aux) DO UPDATE SET debit = finance_balance.debit + excluded.debit,"
    " credit = finance_balance.credit + excluded.credit;"
    " INSERT INTO finance_balance (period, account, aux, debit, credit)"
    " SELECT NEW.period, account, aux, SUM(debit), SUM(credit) FROM finance_line WHERE entry_id = NEW.id AND aux <> ''"
    " GROUP BY account, aux"
    " ON CONFLICT (period, account, aux) DO UPDATE SET debit = finance_balance.debit + excluded.debit,"
    " credit = finance_balance.credit + excluded.credit;"
    " INSERT INTO finance_day (date, account, debit, credit)"
    " SELECT NEW.date, account, SUM(debit), SUM(credit) FROM finance_line WHERE entry_id = NEW.id AND"
    " NEW.period % 100 <="
    " 12 GROUP BY account"
    " ON CONFLICT (date, account) DO UPDATE SET debit = finance_day.debit + excluded.debit,"
    " credit = finance_day.credit + excluded.credit;"
)


def _finance_1(database: peewee.Database) -> None:
    schema.run(database, *TABLES)
    schema.immutable(database, "finance_entry", "finance_line", "entry_id")
    schema.immutable(database, "finance_invoice", "finance_invoice_line", "invoice_id")
    schema.immutable(database, "finance_payment")
    becomes = "NEW.posted AND NOT OLD.posted"
    sums = "(SELECT {sum} FROM finance_line WHERE entry_id = NEW.id)"
    for name, condition, message in (
        ("balanced", f"{sums.format(sum='COALESCE(SUM(debit - credit), 1)')} <> 0", "the entry does not balance"),
        ("open", "NEW.period <= (SELECT COALESCE(MAX(period), 0) FROM finance_period)", "the period is closed"),
    ):
        where = f"{becomes} AND {condition}"
        schema.refuse(database, f"finance_entry_{name}", "finance_entry", "UPDATE", where, message)
    schema.after(database, "finance_entry_sums", "finance_entry", "UPDATE", becomes, SUMS)
    schema.freeze(database, "finance_allocation")
    taken = " ".join(
        f"UPDATE finance_open SET rest = rest - NEW.amount WHERE id = NEW.{side}_id;" for side in ("claim", "cover")
    )
    schema.after(database, "finance_allocation_taken", "finance_allocation", "INSERT", "1 = 1", taken)
    _chart(database)


def _chart(database: peewee.Database) -> None:
    rows = [line.split("\t") for line in CHART.read_text(encoding="utf-8").splitlines()]
    codes = [row[0] for row in rows if not row[0].startswith(VAT)]  # it takes lines, in spite of those below it
    mark = "?" if is_sqlite(database) else "%s"
    for code, kind, zh, en in rows:
        is_leaf = not any(other != code and other.startswith(code) for other in codes)
        sql = f"INSERT INTO finance_account VALUES ({', '.join([mark] * 6)})"
        database.execute_sql(sql, (code, kind, zh, en, is_leaf, True))


MIGRATIONS: tuple[Migration, ...] = (_finance_1, finance_2)
