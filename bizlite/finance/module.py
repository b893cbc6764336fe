"""What the ledger is to the other modules and to the page."""

from __future__ import annotations

from bizlite.core.registry import Module
from bizlite.finance.migrations import MIGRATIONS

MODULE = Module(
    name="finance",
    zh="财务",
    en="Finance",
    migrations=MIGRATIONS,
    permissions=(
        "finance.entry.post", "finance.entry.view", "finance.period.close", "finance.account.change",
        "finance.party.view", "finance.party.change", "finance.invoice.post", "finance.payment.post",
        "finance.report.view", "finance.opening.post", "finance.forecast.change", "finance.bank.import",
    ),
    menu=(
        ("finance.ageing", "账龄", "Open invoices by age"), ("finance.three_statements", "财务报表", "Statements"),
        ("finance.trial", "科目余额表", "Trial balance"), ("finance.ledger", "明细账", "Ledger"),
        ("finance.files", "财务资料", "Files of the ledger"),
    ),
)  # fmt: skip
