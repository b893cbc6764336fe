"""What purchasing is to the other modules and to the page."""

from __future__ import annotations

from bizlite.core.registry import Module
from bizlite.purchasing.migrations import MIGRATIONS

MODULE = Module(
    name="purchasing",
    zh="采购",
    en="Purchasing",
    depends=("finance", "stock"),
    migrations=MIGRATIONS,
    menu=(("purchasing.suggested", "该订什么", "What to order"),),
    permissions=(
        "purchasing.supplier.change", "purchasing.request.post", "purchasing.request.decide",
        "purchasing.order.change", "purchasing.order.post", "purchasing.order.cancel", "purchasing.receipt.post",
        "purchasing.return.post", "purchasing.invoice.post", "purchasing.view",
    ),
)  # fmt: skip
