"""What the stock is to the other modules and to the page."""

from __future__ import annotations

from bizlite.core.errors import marked as _
from bizlite.core.registry import Module
from bizlite.stock.migrations import MIGRATIONS

MODULE = Module(
    name="stock",
    zh="仓库",
    en="Stock",
    depends=("finance",),
    migrations=MIGRATIONS,
    permissions={
        "stock.item.change": _("Change items, units and lots"),
        "stock.location.change": _("Change stores and places"),
        "stock.move.post": _("Move stock from place to place"),
        "stock.count.post": _("Post counts of the stock"),
        "stock.expired.take": _("Take lots out whose day is over"),
        "stock.reserve": _("Reserve stock and release it"),
        "stock.view": _("See stock and items"),
    },
    menu=(
        ("stock.there", "现有库存", "Stock on hand"), ("stock.short", "缺货与补货", "Missing and to order"),
        ("stock.count", "盘点", "Count"),
    ),
)  # fmt: skip
