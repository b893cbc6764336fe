"""What the ledger is to the other modules and to the page."""

from __future__ import annotations

from bizlite.core.errors import marked as _
from bizlite.core.registry import Module
from bizlite.finance.migrations import MIGRATIONS

MODULE = Module(
    name="finance",
    zh="财务",
    en="Finance",
    migrations=MIGRATIONS,
    permissions={
        "finance.entry.post": _("Write, post and reverse vouchers"),
        "finance.entry.view": _("See accounts, vouchers, invoices, payments and the bank’s list"),
        "finance.period.close": _("Close months and open them again"),
        "finance.account.change": _("Change the chart of accounts"),
        "finance.party.view": _("See customers and suppliers"),
        "finance.party.change": _("Change customers and suppliers"),
        "finance.invoice.post": _("Post invoices, credit notes and price allowances by hand"),
        "finance.payment.post": _("Post payments and match the bank’s list"),
        "finance.report.view": _("See statements, trial balance and who owes what"),
        "finance.opening.post": _("Post opening balances and take them back"),
        "finance.forecast.change": _("Change the recurring costs of the forecast"),
        "finance.bank.import": _("Take the bank’s list in"),
    },
    menu=(
        ("finance.matching", "银行对账", "Match the bank’s list"),
        ("finance.ageing", "账龄", "Open invoices by age"), ("finance.three_statements", "财务报表", "Statements"),
        ("finance.trial", "科目余额表", "Trial balance"), ("finance.ledger", "明细账", "Ledger"),
        ("finance.files", "财务资料", "Files of the ledger"),
    ),
)  # fmt: skip
