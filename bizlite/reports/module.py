"""What the reports are to the page."""

from __future__ import annotations

from bizlite.core.errors import marked as _
from bizlite.core.registry import Module
from bizlite.reports.migrations import MIGRATIONS

MODULE = Module(
    name="reports",
    zh="报表",
    en="Reports",
    depends=("finance", "stock"),
    migrations=MIGRATIONS,
    permissions={
        "reports.view": _("See the reports"),
    },
    menu=(
        ("reports.overview_page", "经营总览", "Overview"),
        ("reports.margin", "毛利分析", "Gross profit"),
        ("reports.forecast", "资金预测", "Cash forecast"),
        ("reports.close", "月末结账", "Month close"),
    ),
)
