"""What production is to the other modules and to the page."""

from __future__ import annotations

from bizlite.core.errors import marked as _
from bizlite.core.registry import Module
from bizlite.production.migrations import MIGRATIONS

MODULE = Module(
    name="production",
    zh="生产",
    en="Production",
    depends=("finance", "stock"),
    migrations=MIGRATIONS,
    permissions={
        "production.bom.change": _("Change bills of material"),
        "production.routing.change": _("Change routings"),
        "production.centre.change": _("Change work centres and their calendars"),
        "production.cause.change": _("Keep the list of causes of scrap"),
        "production.worker.change": _("Change workers and their piece rates"),
        "production.order.change": _("Write work orders"),
        "production.order.release": _("Release work orders"),
        "production.order.close": _("Close work orders"),
        "production.material.issue": _("Issue material to work orders"),
        "production.output.receive": _("Take finished products into stock"),
        "production.card.report": _("Report work on job cards"),
        "production.card.correct": _("Correct what was reported on job cards"),
        "production.pay.view": _("See piece-rate pay"),
        "production.view": _("See work orders, job cards and the board"),
    },
    menu=(
        ("production.board", "进度", "Progress"), ("production.picture", "负荷", "Loading"),
        ("production.paid", "计件工资", "Piece-rate pay"), ("production.scrapped", "废品原因", "Scrap by cause"),
    ),
)  # fmt: skip
