"""What sales are to the other modules and to the page."""

from __future__ import annotations

from bizlite.core.registry import Module
from bizlite.sales.migrations import MIGRATIONS

MODULE = Module(
    name="sales",
    zh="销售",
    en="Sales",
    depends=("finance", "stock"),
    migrations=MIGRATIONS,
    menu=(("sales.sellers", "销售业绩", "Who sold what"),),
    permissions=(
        "sales.contact.change", "sales.price.change", "sales.opportunity.change", "sales.quotation.post",
        "sales.order.change", "sales.order.post", "sales.order.cancel", "sales.credit.override", "sales.delivery.post",
        "sales.return.post", "sales.invoice.post", "sales.view",
    ),
)  # fmt: skip
