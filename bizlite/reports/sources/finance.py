"""What the ledger knows: who owes us, what we owe and when."""

from __future__ import annotations

import datetime

from bizlite.core.errors import marked as _
from bizlite.core.tables import Column, Line, Table
from bizlite.finance import figures, forecast

SOON = datetime.timedelta(days=30)


def receivables(today: datetime.date, most: int | None = None) -> Table:
    """What customers owe, by how long it is due, the most overdue first."""
    return figures.ageing("receivable", today, most)


def payables(today: datetime.date, most: int | None = None) -> Table:
    """What we owe suppliers, by how long it is due."""
    return figures.ageing("payable", today, most)


def obligations(today: datetime.date, most: int | None = None) -> Table:
    """What has to be paid within 30 days: taxes and recurring costs."""
    expected = [*forecast.taxes(today), *forecast.recurring(today, today + SOON)]
    flows = sorted((flow for flow in expected if flow.amount < 0 and flow.date < today + SOON), key=lambda f: f.date)
    lines = [Line((flow.date, flow.text or _("Taxes"), -flow.amount), ("reports.forecast", {})) for flow in flows]
    columns = (
        Column("date", _("Due"), "date"),
        Column("text", _("What"), "word"),
        Column("amount", _("Amount"), "money"),
    )
    return Table("obligations", _("Taxes and recurring costs of the next 30 days"), columns, lines, ("amount",))
