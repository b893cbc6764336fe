"""Invoices of suppliers, matched to what was received: what they say more or less goes to the stock.

A receipt credits 220202 with what it was expected to be worth, the invoice debits it with what it says. The difference
is a later cost of the receipt (``transfers.revalue``), so that 220202 holds what is received and not invoiced, to the
cent.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from peewee import fn

from bizlite.core import company, exact, store
from bizlite.core.commands import command
from bizlite.core.errors import marked, refuse
from bizlite.core.exact import half_up
from bizlite.core.session import Session
from bizlite.finance import allowances, invoices, ledger
from bizlite.finance.models import Invoice, InvoiceLine
from bizlite.purchasing import lines as lines_of
from bizlite.purchasing import orders, receipts
from bizlite.purchasing.models import Billing, Order, OrderLine, Receipt, ReceiptLine, Received
from bizlite.stock import items as stock_items
from bizlite.stock import transfers

SOURCE = "purchasing_order"


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """What an invoice says of a line of an order; its price is the ordered one unless it says another."""

    line: int
    quantity: int
    price: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a line of an invoice: of which line of a receipt, how much, what it was and what it costs now."""

    position: int
    line: ReceiptLine
    quantity: int
    value: int
    cost: int


@command("purchasing.invoice.post")
def post(
    session: Session, order: int, date: datetime.date, their_number: str, lines: Sequence[Match] | None = None, *,
    due: datetime.date | None = None, text: str = "",
) -> Invoice:  # fmt: skip
    """Posts a supplier's invoice for what was received of an order: what is given, or all that is on none yet."""
    row = orders.sent(order)
    number = _their_number(row, their_number)
    asked, taken = _matched(row, _all(row) if lines is None else lines)
    latest = max(line.receipt.date for parts in taken for line, _ in parts)
    if ledger.check_date(date) < latest:
        raise refuse("date", "lies before the receipt", "Choose %(first)s or later.", date, first=latest)
    invoice = invoices.enter(
        session, "purchase", row.party_id, date, asked, is_gross=row.is_gross, due=due, their_number=number, text=text,
        source=(SOURCE, row.id),
    )  # fmt: skip
    for position, (item, parts) in enumerate(zip(asked, taken, strict=True)):
        cost = invoices.cost(invoice.tax_kind, *invoices.amounts(item, row.is_gross))
        costs = exact.share(cost, [quantity for _, quantity in parts])
        for (line, quantity), cost in zip(parts, costs, strict=True):
            done = Received.get_by_id(line.id)
            value = _rest(done.uninvoiced_value, quantity, done.uninvoiced)
            _bill(session, invoice, Part(position, line, quantity, value, cost))
    return invoice


@command("purchasing.invoice.post")
def credit(session: Session, invoice: int, date: datetime.date) -> Invoice:
    """Takes back what is left of a supplier's invoice: what was received is on none again."""
    row = store.get(Invoice, invoice, "invoice")
    left = [Part(p.position, p.receipt_line, p.left, p.value_left, p.cost_left) for p in _left(row)]
    if not left:
        raise refuse("invoice", "cannot be credited", "Choose an invoice of receipts that stands.", row.number or "")
    note = _take_back(session, row, date, left)
    return store.get(Invoice, note or row.id)


@command("purchasing.invoice.post")
def credit_of(session: Session, order: int, their_number: str, date: datetime.date) -> Order:
    """Takes back what is left of an invoice of an order, by the supplier's number."""
    row = orders.sent(order)
    credit(session, standing(row, their_number).id, date)
    return row


@command("purchasing.invoice.post")
def allow(
    session: Session, order: int, their_number: str, date: datetime.date, amount: int, *, text: str = ""
) -> Invoice:  # fmt: skip
    """A supplier's price allowance (折让) on an invoice of an order, with tax: the goods stay, and cost that less."""
    row = standing(orders.sent(order), their_number)
    items = allowances.items(row, amount)
    note = invoices.take_back(session, row, date, items, text=text)
    for item in items:
        less = invoices.cost(row.tax_kind, *(item.worth or (0, 0)))
        own = [part for part in _left(row) if part.position == item.of_position and less]
        for part, cost in zip(own, exact.share(less, [part.cost_left for part in own]) if own else [], strict=True):
            if cost:
                _bill(session, row, Part(part.position, part.receipt_line, 0, 0, -cost), note.id)
    return note


def standing(order: Order, their_number: str) -> Invoice:
    """The invoice of an order by the supplier's number, as long as something is left of it. :raise Refused:"""
    own = (Invoice.source_kind == SOURCE) & (Invoice.source_id == order.id) & (Invoice.kind == "purchase")
    for found in Invoice.select().where(own & (Invoice.their_number == their_number.strip())):
        if _left(found):
            return found
    raise refuse("their_number", "is no invoice of this order", "Choose one of its invoices.", their_number[:100])


def take_back(session: Session, lines: Sequence[tuple[ReceiptLine, int]], date: datetime.date) -> dict[int, int]:
    """Credits what was invoiced of quantities that go back, the last invoice first, within the transaction.

    Gives how much of each line of the receipt was credited; what was not invoiced needs none.
    """
    parts: dict[int, list[Part]] = {}
    credited: dict[int, int] = {}
    for line, quantity in lines:
        extra = credited[line.id] = max(0, quantity - Received.get_by_id(line.id).uninvoiced)
        billed = Billing.select(Billing.invoice).where(Billing.receipt_line == line).distinct()
        for row in sorted(billed, key=lambda row: -row.invoice_id):
            for found in _left(row.invoice, line):
                part = min(extra, found.left)
                if part > 0:
                    value, cost = (_rest(whole, part, found.left) for whole in (found.value_left, found.cost_left))
                    parts.setdefault(row.invoice_id, []).append(Part(found.position, line, part, value, cost))
                    extra -= part
    for number in sorted(parts):
        invoice = Invoice.get_by_id(number)
        _take_back(session, invoice, max(date, invoice.date), parts[number])
    return credited


def uninvoiced(order: int) -> list[tuple[ReceiptLine, Received]]:
    """Lines of receipts that are on no invoice, the first received first."""
    query = (
        Received.select(Received, ReceiptLine, Receipt)
        .join(ReceiptLine).join(Receipt)
        .where((Receipt.order == order) & (Received.quantity - Received.returned - Received.invoiced > 0))
    )  # fmt: skip
    return [(row.line, row) for row in query.order_by(ReceiptLine.id)]


def _rest(whole: int, quantity: int, of: int) -> int:
    """The share of a quantity; the last part takes what is left."""
    return half_up(whole * quantity, of)


def _their_number(order: Order, text: str) -> str:
    number = text.strip()
    if not number or len(number) > 100:
        raise refuse("their_number", "is missing or too long", "Give the number on the supplier's invoice.", text[:100])
    invoices.check_their_number(order.party_id, number)
    return number


def _all(order: Order) -> list[Match]:
    left: dict[int, int] = {}
    for line, done in uninvoiced(order.id):
        left[line.order_line_id] = left.get(line.order_line_id, 0) + done.uninvoiced
    return [Match(line=line, quantity=quantity) for line, quantity in left.items()]


def _matched(order: Order, lines: Sequence[Match]) -> tuple[list[invoices.Item], list[list[tuple[ReceiptLine, int]]]]:
    """The lines of the invoice, and of which receipts each is."""
    if not lines:
        raise refuse("lines", "nothing is to be invoiced", "Receive something first.", order.number)
    known = {line.id: line for line in lines_of.of(order.id)}
    waiting: dict[int, list[list]] = {}
    for line, done in uninvoiced(order.id):
        waiting.setdefault(line.order_line_id, []).append([line, done.uninvoiced])
    asked, taken = [], []
    for n, match in enumerate(lines):
        if match.line not in known:
            raise refuse(f"lines.{n}.line", "is no line of this order", "Choose one of its lines.", match.line)
        exact.whole(f"lines.{n}.quantity", match.quantity, least=1)
        most = sum(left for _, left in waiting.get(match.line, []))
        if match.quantity > most:
            words = stock_items.shown(known[match.line].item_id, most)
            remedy = marked("Give at most %(most)s, or post the receipt first.")
            raise refuse(
                f"lines.{n}.quantity", "is more than was received and not invoiced", remedy, match.quantity, most=words
            )
        asked.append(_item(known[match.line], match, n))
        taken.append(_take(waiting[match.line], match.quantity))
    return asked, taken


def _take(waiting: list[list], quantity: int) -> list[tuple[ReceiptLine, int]]:
    parts = []
    for found in waiting:
        part = min(quantity, found[1])
        if part:
            parts.append((found[0], part))
            found[1] -= part
            quantity -= part
    return parts


def _item(line: OrderLine, match: Match, n: int) -> invoices.Item:
    price = line.price if match.price is None else exact.whole(f"lines.{n}.price", match.price, least=0)
    return invoices.Item(
        text=line.text, quantity=match.quantity, price=price, rate=line.rate, scale=line.item.unit.scale,
        account=ledger.RECEIVED,
    )  # fmt: skip


def _left(invoice: Invoice, line: ReceiptLine | None = None) -> list[Billing]:
    """What is still invoiced of lines of receipts: ``left``, ``value_left`` and ``cost_left`` by position."""
    sums = [fn.SUM(getattr(Billing, name)) for name in ("quantity", "value", "cost")]
    query = Billing.select(
        Billing.position, Billing.receipt_line, sums[0].alias("left"), sums[1].alias("value_left"),
        sums[2].alias("cost_left"),
    ).where(Billing.invoice == invoice)  # fmt: skip
    if line is not None:
        query = query.where(Billing.receipt_line == line)
    rows = list(query.group_by(Billing.position, Billing.receipt_line).order_by(Billing.position, Billing.receipt_line))
    for row in rows:  # PostgreSQL sums into decimals
        row.left, row.value_left, row.cost_left = int(row.left), int(row.value_left), int(row.cost_left)
    return [row for row in rows if row.left]


def _take_back(session: Session, invoice: Invoice, date: datetime.date, parts: list[Part]) -> int | None:
    """The credit note for parts, or nothing when they are worth nothing; the stock gets its difference back."""
    before: dict[int, int] = {}
    for row in _left(invoice):
        before[row.position] = before.get(row.position, 0) + row.left
    rests, items = invoices.rests(invoice), []
    for position in sorted({part.position for part in parts}):
        own = [part for part in parts if part.position == position]
        quantity, cost = sum(part.quantity for part in own), sum(part.cost for part in own)
        line = InvoiceLine.get((InvoiceLine.invoice == invoice) & (InvoiceLine.position == position))
        net, tax = rests[position]
        if invoice.tax_kind == company.SMALL:  # the tax is part of the cost
            back = half_up(tax * cost, net + tax) if net + tax else 0
            items.append(invoices.line_item(line, quantity, (cost - back, back)))
        else:
            items.append(invoices.line_item(line, quantity, (cost, half_up(tax * quantity, before[position]))))
    is_worth = any(sum(item.worth or ()) for item in items)
    note = invoices.take_back(session, invoice, date, items).id if is_worth else None
    for part in parts:
        back = Part(part.position, part.line, -part.quantity, -part.value, -part.cost)
        _bill(session, invoice, back, note)
    return note


def _bill(session: Session, invoice: Invoice, part: Part, note: int | None = None) -> None:
    values = {"quantity": part.quantity, "value": part.value, "cost": part.cost, "note": note}
    store.append(Billing, [{"invoice": invoice, "position": part.position, "receipt_line": part.line, **values}])
    if part.cost != part.value:
        transfers.revalue(session, receipts.move_of(part.line), part.cost - part.value)
