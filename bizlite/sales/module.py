"""What sales are to the other modules and to the page."""

from __future__ import annotations

from bizlite.core.errors import marked as _
from bizlite.core.registry import Module
from bizlite.sales.migrations import MIGRATIONS

MODULE = Module(
    name="sales",
    zh="销售",
    en="Sales",
    depends=("finance", "stock"),
    migrations=MIGRATIONS,
    menu=(("sales.sellers", "销售业绩", "Who sold what"),),
    permissions={
        "sales.contact.change": _("Change contacts and groups of customers"),
        "sales.price.change": _("Change sales prices"),
        "sales.opportunity.change": _("Change opportunities"),
        "sales.quotation.post": _("Write and send quotations"),
        "sales.order.change": _("Write sales orders"),
        "sales.order.post": _("Confirm sales orders"),
        "sales.order.cancel": _("Cancel sales orders"),
        "sales.credit.override": _("Confirm orders above the credit limit"),
        "sales.delivery.post": _("Post deliveries to customers"),
        "sales.return.post": _("Post returns of customers"),
        "sales.invoice.post": _("Invoice deliveries and credit them"),
        "sales.view": _("See quotations, orders, deliveries and prices"),
    },
)  # fmt: skip
