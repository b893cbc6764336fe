"""What quality is to the other modules and to the page."""

from __future__ import annotations

from bizlite.core.registry import Module
from bizlite.quality.migrations import MIGRATIONS

MODULE = Module(
    name="quality",
    zh="质量",
    en="Quality",
    depends=("finance", "stock"),
    migrations=MIGRATIONS,
    permissions=(
        "quality.plan.change", "quality.inspection.post", "quality.inspection.accept", "quality.nonconformity.change",
        "quality.nonconformity.close", "quality.view",
    ),
    menu=(("quality.first_pass", "一次合格率", "First-pass yield"),),
)  # fmt: skip
