"""Job cards on paper, A4 or an 80 mm ticket: what is said on each, with its QR code."""

from __future__ import annotations

from typing import Any

from flask import current_app, url_for
from markupsafe import Markup

from bizlite.production import cards
from bizlite.production.fields import product_quantity
from bizlite.production.models import Card, Order
from bizlite.stock.models import Lot

BORDER = 2  # modules; four are the norm, two are enough on white paper


def job_cards(row: Order | Card) -> list[dict[str, Any]]:
    """What the printing template shows of an order's cards, or of one; a rework card shows what came to it."""
    every = [row] if isinstance(row, Card) else cards.of_order(row.id)
    kind, phones = product_quantity(), current_app.config["PHONES"]()
    shown = []
    for card in every:
        order = card.order
        quantity = card.quantity if card.parent_id is None else cards.tally(card.id).received
        href = phones + url_for("production.card", token=cards.token(card.id))
        shown.append(
            {
                "card": card, "order": order, "item": order.item, "lot": lot_of(order), "operation": card.operation,
                "centre": card.operation.centre, "quantity": kind.shown(quantity, {"order": order.id}),
                "href": href, "qr": qr(href),
            }
        )  # fmt: skip
    return shown


def lot_of(order: Order) -> str:
    """The code of the product's lot, where it has one."""
    return str(Lot.get_by_id(order.lot).code) if order.lot else ""


def qr(text: str) -> Markup:
    """The text as a QR code in SVG, as large as the style sheet says."""
    import segno  # 0.7 MB of memory: only who prints needs it

    code = segno.make_qr(text, error="m")
    return Markup(code.svg_inline(border=BORDER, svgclass="qr", lineclass=None, omitsize=True))  # noqa: S704 - its own marks
