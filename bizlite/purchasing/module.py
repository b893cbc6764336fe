"""What purchasing is to the other modules and to the page."""

from __future__ import annotations

from bizlite.core.errors import marked as _
from bizlite.core.registry import Module
from bizlite.purchasing.migrations import MIGRATIONS

MODULE = Module(
    name="purchasing",
    zh="采购",
    en="Purchasing",
    depends=("finance", "stock"),
    migrations=MIGRATIONS,
    menu=(("purchasing.suggested", "该订什么", "What to order"),),
    permissions={
        "purchasing.supplier.change": _("Change suppliers’ prices and terms"),
        "purchasing.request.post": _("Write purchase requests"),
        "purchasing.request.decide": _("Refuse purchase requests"),
        "purchasing.order.change": _("Write purchase orders"),
        "purchasing.order.post": _("Send purchase orders"),
        "purchasing.order.cancel": _("Cancel purchase orders"),
        "purchasing.receipt.post": _("Post receipts of goods"),
        "purchasing.return.post": _("Post returns to suppliers"),
        "purchasing.invoice.post": _("Post suppliers’ invoices and credit them"),
        "purchasing.view": _("See purchase orders, receipts and prices"),
    },
)  # fmt: skip
