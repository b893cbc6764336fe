"""What quality is to the other modules and to the page."""

from __future__ import annotations

from bizlite.core.errors import marked as _
from bizlite.core.registry import Module
from bizlite.quality.migrations import MIGRATIONS

MODULE = Module(
    name="quality",
    zh="质量",
    en="Quality",
    depends=("finance", "stock"),
    migrations=MIGRATIONS,
    permissions={
        "quality.plan.change": _("Change inspection plans"),
        "quality.inspection.post": _("Inspect goods and post the result"),
        "quality.inspection.accept": _("Accept what an inspection refused"),
        "quality.nonconformity.change": _("Report nonconformities and work on them"),
        "quality.nonconformity.close": _("Close nonconformities"),
        "quality.view": _("See inspections and nonconformities"),
    },
    menu=(("quality.first_pass", "一次合格率", "First-pass yield"),),
)  # fmt: skip
