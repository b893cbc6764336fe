"""Invariants 6 and 8 of issue 6 for orders, by plain sums over the rows: what is said of them is what was posted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from bizlite.core.models import Row
from bizlite.finance.models import Invoice, InvoiceLine
from bizlite.purchasing import models as buy
from bizlite.sales import models as sell
from bizlite.stock.models import Move, Plan, Reservation, Transfer


def hold() -> None:
    """What was delivered or received, returned, invoiced, cancelled, reserved and planned of every order."""
    orders_hold(sell, "delivered", sell.DeliveryLine, -1, "sales_order")
    orders_hold(buy, "received", buy.ReceiptLine, 1, "purchase_order")
    papers_hold(sell, "sales_delivery", sell.Delivered, "delivery_line")
    papers_hold(buy, "purchasing_receipt", buy.Received, "receipt_line")
    invoices_hold(sell.Billing)
    invoices_hold(buy.Billing)
    reservations_hold()


def orders_hold(module: Any, done: str, lines: type[Row], sign: int, kind: str) -> None:
    """6: moved and cancelled are what papers say and at most what is ordered; 8: what is planned is what is open."""
    moved = sums(lines.select().dicts(), "order_line")
    cancelled = sums(module.Cancellation.select().dicts(), "line")
    planned = sums(Plan.select().where(Plan.source_kind == kind).dicts(), "source_line")
    ordered = {
        line.id: line.quantity for line in module.OrderLine.select().join(module.Order).where(module.Order.posted)
    }
    rows = list(module.Progress.select())
    assert {row.line_id: row.ordered for row in rows} == ordered
    for row in rows:
        assert (getattr(row, done), row.cancelled) == (moved[row.line_id], cancelled[row.line_id])
        assert 0 <= getattr(row, done) + row.cancelled <= getattr(row, "most", row.ordered)
        assert planned.pop(row.line_id, 0) == sign * row.open
    assert not planned


def papers_hold(module: Any, kind: str, accounts: type[Any], name: str) -> None:
    """6: returned and invoiced are what papers say and at most what went; the stock moved what the papers say."""
    returned, invoiced = (sums(model.select().dicts(), name) for model in (module.ReturnLine, module.Billing))
    moved: Counter[int] = Counter()
    for move in Move.select(Move, Transfer).join(Transfer).where(Transfer.source_kind == kind):
        moved[move.line] += move.quantity if move.transfer.reverses_id is None else -move.quantity
    rows = list(accounts.select())
    assert {row.line_id for row in rows} == {number for number in moved if number}
    for row in rows:
        assert row.quantity == moved[row.line_id]
        assert (row.returned, row.invoiced) == (returned[row.line_id], invoiced[row.line_id])
        assert 0 <= row.invoiced <= row.quantity - row.returned


def invoices_hold(billing: type[Any]) -> None:
    """Lines of invoices are what was billed; an invoice of which nothing is left is credited to the cent."""
    billed: Counter[tuple[int, int]] = Counter()
    left: Counter[int] = Counter()
    for row in billing.select():
        billed[row.invoice_id, row.position] += max(row.quantity, 0)
        left[row.invoice_id] += row.quantity
    for number, rest in left.items():
        invoice = Invoice.get_by_id(number)
        for line in InvoiceLine.select().where(InvoiceLine.invoice == invoice):
            assert line.quantity == billed[number, line.position]
        notes = list(Invoice.select().where(Invoice.credits == invoice))
        assert sum(note.net for note in notes) <= invoice.net
        assert sum(note.tax for note in notes) <= invoice.tax
        if not rest:
            sums_ = (sum(note.net for note in notes), sum(note.tax for note in notes))
            assert sums_ == (invoice.net, invoice.tax)


def reservations_hold() -> None:
    """8: no line holds more than is open of it."""
    held = sums(Reservation.select().where(Reservation.source_kind == "sales_order").dicts(), "source_line")
    for line, quantity in held.items():
        assert 0 < quantity <= sell.Progress.get_by_id(line).open


def snapshot() -> dict[str, Any]:
    """What a storno must restore of orders: how far they are, what is invoiced, what is planned."""
    progress = [
        tuple(row) for model in (sell.Progress, buy.Progress) for row in model.select().order_by(model.line).tuples()
    ]
    accounts = [
        row
        for model in (sell.Delivered, buy.Received)
        for row in model.select().order_by(model.line).tuples()
        if row[1]
    ]
    plan = Plan.select(Plan.source_kind, Plan.source_line, Plan.item, Plan.date, Plan.quantity)
    return {"progress": progress, "accounts": accounts, "plan": sorted(plan.tuples())}


def sums(rows: Iterable[dict[str, Any]], name: str) -> Counter[int]:
    """Quantities by a column."""
    found: Counter[int] = Counter()
    for row in rows:
        found[row[name]] += row["quantity"]
    return found
