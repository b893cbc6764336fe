"""What production is to the other modules and to the page."""

from __future__ import annotations

from bizlite.core.registry import Module
from bizlite.production.migrations import MIGRATIONS

MODULE = Module(
    name="production",
    zh="生产",
    en="Production",
    depends=("finance", "stock"),
    migrations=MIGRATIONS,
    permissions=(
        "production.bom.change", "production.routing.change", "production.centre.change", "production.worker.change",
        "production.order.change", "production.order.release", "production.order.close", "production.material.issue",
        "production.output.receive", "production.card.report", "production.card.correct", "production.pay.view",
        "production.view",
    ),
    menu=(
        ("production.board", "进度", "Progress"), ("production.picture", "负荷", "Loading"),
        ("production.paid", "计件工资", "Piece-rate pay"),
    ),
)  # fmt: skip
