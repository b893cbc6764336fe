"""Sales orders (销售订单): drafted, confirmed with a day, kept stock for, and cancelled as far as they are open."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from peewee import fn

from bizlite.core import numbers, store
from bizlite.core.commands import command
from bizlite.core.errors import refuse
from bizlite.core.session import Session
from bizlite.finance import ledger
from bizlite.finance import lines as document_lines
from bizlite.finance.models import Party
from bizlite.sales import credit
from bizlite.sales import lines as lines_of
from bizlite.sales import promise as promises
from bizlite.sales.contacts import contact_of, customer
from bizlite.sales.lines import Wanted
from bizlite.sales.models import Cancellation, Order, OrderLine, Progress, Quotation
from bizlite.sales.promise import Promise
from bizlite.stock import parts, planning, reservations
from bizlite.stock.items import check_note, check_text

KIND = "sales_order"  # what plans and reservations name


@command("sales.order.change")
def draft(
    session: Session, party: int, date: datetime.date, lines: Sequence[Wanted], *, is_gross: bool = True,
    wanted: datetime.date | None = None, contact: int | None = None, their_number: str = "", text: str = "",
    seller: str = "", quotation: int | None = None,
) -> Order:  # fmt: skip
    """A new order that is not yet confirmed: nothing is kept or promised for it; ``seller`` is else the user."""
    values, rows = _checked(party, date, lines, is_gross, wanted, contact, their_number, text, seller or session.user)
    offer = None if quotation is None else store.get(Quotation, quotation, "quotation")
    order = Order(quotation=offer, created_by=session.user, created_ms=session.now_ms(), **values)
    store.insert(session, order)
    _append(order, rows)
    return order


@command("sales.order.change")
def change(
    session: Session, order: int, version: int, *, party: int, date: datetime.date, lines: Sequence[Wanted],
    is_gross: bool = True, wanted: datetime.date | None = None, contact: int | None = None, their_number: str = "",
    text: str = "", seller: str = "",
) -> Order:  # fmt: skip
    """Writes a draft anew. :raise Stale: when somebody else did so since ``version``."""
    row = _draft(order)
    seller = seller or row.seller
    values, rows = _checked(party, date, lines, is_gross, wanted, contact, their_number, text, seller)
    store.change(session, row, version=version, **values)
    OrderLine.delete().where(OrderLine.order == row).execute()
    _append(row, rows)
    return row


@command("sales.order.post")
def confirm(session: Session, order: int, *, version: int | None = None) -> Order:
    """Posts an order: what is free is reserved, each line gets its day. :raise Refused: beyond the credit limit."""
    return _confirm(session, order, version, "")


@command(credit.OVERRIDE)
def confirm_over(session: Session, order: int, credit_reason: str, *, version: int | None = None) -> Order:
    """Confirms an order that goes beyond the credit limit; it keeps the reason."""
    reason = check_note("credit_reason", credit_reason, 200)
    if not reason:
        raise refuse("credit_reason", "is missing", "Say why it may go beyond the limit.")
    return _confirm(session, order, version, reason)


def _confirm(session: Session, order: int, version: int | None, reason: str) -> Order:
    row = _draft(order)
    kept = credit.check(customer(row.party_id), row.net + row.tax, reason)
    lines_of.name(session, OrderLine, row.id)
    store.change(session, row, version=version, credit_reason=kept, **numbers.stamp(session, row))
    keep(session, row)
    return row


@command("sales.order.post")
def reserve(session: Session, order: int) -> Order:
    """Reserves again what is free now, and says the days anew."""
    row = confirmed(order)
    keep(session, row)
    return row


def keep(session: Session, order: Order) -> list[Promise]:
    """Reserves what is open, promises and plans each line, within the transaction.

    Only what no other document counts on is reserved: who confirmed first gets what arrives first.
    """
    planning.plan(session, KIND, order.id, [])
    today = max(session.today(), order.date)
    before = reservations.held_by_line(KIND, order.id)
    held: dict[int, int] = {}
    lines = _open_lines(order)
    for line, _ in lines:
        held[line.item_id] = held.get(line.item_id, 0) + before.get(line.id, 0)
    for line, left in lines:
        key = key_of(line)
        spare = planning.spare(line.item_id, today + planning.HORIZON, _behind(order)) - held[line.item_id]
        missing = min(left - before.get(line.id, 0), spare)
        if missing > 0:
            held[line.item_id] += reservations.reserve(session, key, line.item_id, missing)
    said = promise(session, order)
    progress = {row.line_id: row for row in progress_of(order.id)}
    for found in said:
        row = progress[found.line.id]
        if row.promised != found.date:
            store.change(session, row, promised=found.date)
    plan(session, order)
    return said


def promise(session: Session, order: Order, only: int | None = None) -> list[Promise]:
    """The day of each line that is open, or of one of them, as things are now; lines of the same item wait for each
    other."""
    today = max(session.today(), order.date)
    behind = _behind(order) if order.posted else None
    held = reservations.held_by_line(KIND, order.id)
    asked: dict[int, int] = {}
    found = []
    for line, left in _open_lines(order):
        asked[line.item_id] = asked.get(line.item_id, 0) + left
        if only not in (None, line.id):
            continue
        is_held = held.get(line.id) == left
        date, blocks = today, line.item_id
        if not is_held:
            date, blocks = promises.of_line(session, line.item_id, asked[line.item_id], today, behind)
        found.append(Promise(line, date if date is None or order.wanted is None else max(date, order.wanted), blocks))
    return found


@command("sales.order.cancel")
def cancel(session: Session, order: int, reason: str, *, lines: Sequence[tuple[int, int]] | None = None) -> Order:
    """Cancels all that is open, or quantities of lines; releases what was reserved for it, and nothing else."""
    row = confirmed(order)
    items_of = {line.id: line.item_id for line in lines_of.of(OrderLine, row.id)}
    open_ = {p.line_id: p.open for p in progress_of(row.id)}
    parts.cancel(session, Cancellation, row.number, reason, lines, open_, items_of)
    settle(session, row)
    return row


def settle(session: Session, order: Order) -> None:
    """After something was delivered or cancelled: reserved is at most what is open, planned is what is open."""
    held = reservations.held_by_line(KIND, order.id)
    for row in progress_of(order.id):
        extra = held.get(row.line_id, 0) - row.open
        if extra > 0:
            reservations.release(session, (KIND, order.id, row.line_id), extra)
    plan(session, order)


def plan(session: Session, order: Order) -> None:
    """Tells the stock what the order will still take, and when; a line without a day is wanted at once."""
    progress = {row.line_id: row for row in progress_of(order.id)}
    planned = []
    for line in lines_of.of(OrderLine, order.id):
        row = progress[line.id]
        date = row.promised or order.wanted or order.date
        planned.append(planning.Planned(line=line.id, item=line.item_id, date=date, quantity=-row.open))
    planning.plan(session, KIND, order.id, planned)


def progress_of(order: int) -> list[Progress]:
    """How far the lines of a confirmed order are, in order."""
    lines = "SELECT id FROM sales_order_line WHERE order_id = ?"
    return store.read(Progress, f"line_id IN ({lines}) ORDER BY line_id", order)


def key_of(line: OrderLine) -> reservations.Key:
    """How reservations name a line."""
    return (KIND, line.order_id, line.id)


def is_open(order: int) -> bool:
    """Whether something is still to be delivered."""
    left = Progress.ordered - Progress.delivered - Progress.cancelled
    query = Progress.select(fn.COUNT(Progress.line)).join(OrderLine).where((OrderLine.order == order) & (left > 0))
    return bool(query.scalar())


def confirmed(order: int) -> Order:
    """The order. :raise Refused: while it is a draft."""
    row = store.get(Order, order, "order")
    if not row.posted:
        raise refuse("order", "is not confirmed yet", "Confirm it first.", row.id)
    return row


def _checked(
    party: int, date: datetime.date, lines: Sequence[Wanted], is_gross: bool, wanted: datetime.date | None,
    contact: int | None, their_number: str, text: str, seller: str,
) -> tuple[dict[str, object], list[dict[str, object]]]:  # fmt: skip
    ledger.check_date(date)
    if wanted is not None and ledger.check_date(wanted, "wanted") < date:
        raise refuse("wanted", "lies before the order", "Choose %(first)s or later.", wanted, first=date)
    row: Party = customer(party)
    rows = lines_of.check(row, date, lines, is_gross)
    values = {
        "party": row, "date": date, "wanted": wanted, "is_gross": bool(is_gross), "contact": contact_of(row, contact),
        "their_number": check_note("their_number", their_number, 100), "text": check_note("text", text),
        "seller": check_text("seller", seller, 100), **document_lines.sums(rows),
    }  # fmt: skip
    return values, rows


def _append(order: Order, rows: list[dict[str, object]]) -> None:
    store.append(OrderLine, [{"order": order.id, **row} for row in rows])


def _draft(order: int) -> Order:
    row = store.get(Order, order, "order")
    if row.posted:
        raise refuse("order", "is confirmed", "Cancel what is open, and make a new order.", row.number)
    return row


def _behind(order: Order) -> planning.Behind:
    """Orders that were confirmed later."""
    later = (Order.posted_ms > order.posted_ms) | ((Order.posted_ms == order.posted_ms) & (Order.id > order.id))
    return planning.Behind(KIND, Order.select(Order.id).where(Order.posted & later))


def _open_lines(order: Order) -> list[tuple[OrderLine, int]]:
    progress = {row.line_id: row.open for row in progress_of(order.id)}
    lines = [(line, progress.get(line.id, line.quantity)) for line in lines_of.of(OrderLine, order.id)]
    return [(line, left) for line, left in lines if left]
