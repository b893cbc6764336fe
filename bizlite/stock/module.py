"""What the stock is to the other modules and to the page."""

from __future__ import annotations

from bizlite.core.registry import Module
from bizlite.stock.migrations import MIGRATIONS

MODULE = Module(
    name="stock",
    zh="仓库",
    en="Stock",
    depends=("finance",),
    migrations=MIGRATIONS,
    permissions=(
        "stock.item.change", "stock.location.change", "stock.move.post", "stock.count.post", "stock.reserve",
        "stock.view",
    ),
    menu=(
        ("stock.there", "现有库存", "Stock on hand"), ("stock.short", "缺货与补货", "Missing and to order"),
        ("stock.count", "盘点", "Count"),
    ),
)  # fmt: skip
