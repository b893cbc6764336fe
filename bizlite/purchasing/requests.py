"""What somebody needs (请购单): handed in, then bought or refused line by line."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from bizlite.core import exact, numbers, store
from bizlite.core.commands import command
from bizlite.core.errors import Refused, at_line, refuse
from bizlite.core.session import Session
from bizlite.finance import ledger
from bizlite.finance.invoices import MOST_LINES
from bizlite.purchasing.models import OrderLine, Refusal, Request, RequestLine
from bizlite.stock.items import check_note
from bizlite.stock.models import Item


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """An item that is needed by a day."""

    item: int
    quantity: int
    needed: datetime.date
    text: str = ""


@command("purchasing.request.post")
def draft(session: Session, date: datetime.date, lines: Sequence[Need], *, text: str = "") -> Request:
    """A new request that is not yet handed in."""
    rows = _checked(date, lines)
    row = Request(date=date, text=check_note("text", text), created_by=session.user, created_ms=session.now_ms())
    store.insert(session, row)
    _append(row, rows)
    return row


@command("purchasing.request.post")
def change(
    session: Session, request: int, version: int, *, date: datetime.date, lines: Sequence[Need], text: str = ""
) -> Request:
    """Writes a draft anew. :raise Stale: when somebody else did so since ``version``."""
    row, rows = _draft(request), _checked(date, lines)
    store.change(session, row, version=version, date=date, text=check_note("text", text))
    RequestLine.delete().where(RequestLine.request == row).execute()
    _append(row, rows)
    return row


@command("purchasing.request.post")
def hand_in(session: Session, request: int, *, version: int | None = None) -> Request:
    """Posts a request: who buys sees it."""
    row = _draft(request)
    return store.change(session, row, version=version, **numbers.stamp(session, row))


@command("purchasing.request.decide")
def refuse_line(session: Session, line: int, reason: str) -> Refusal:
    """Says that a line will not be bought."""
    row = waiting(line)
    if not check_note("reason", reason, 200):
        raise refuse("reason", "is missing", "Say why it is not bought.")
    fresh = Refusal(request_line=row, reason=reason.strip(), user=session.user, at_ms=session.now_ms())
    return store.insert(session, fresh)


def waiting(line: int, field: str = "line") -> RequestLine:
    """A line that is handed in, and neither ordered nor refused. :raise Refused: when it is not so."""
    row = store.get(RequestLine, line, field)
    if not row.request.posted:
        raise refuse(field, "is not handed in yet", "Hand the request in first.", row.item.code)
    order = OrderLine.get_or_none(OrderLine.request_line == row)
    if order is not None:
        raise refuse(field, "is on an order", "Look at order %(order)s.", row.item.code, order=order.order_id)
    if Refusal.get_or_none(Refusal.request_line == row):
        raise refuse(field, "was refused", "Make a new request.", row.item.code)
    return row


def open_lines() -> list[RequestLine]:
    """What is handed in, and neither ordered nor refused; what is needed first comes first."""
    taken = OrderLine.select(OrderLine.request_line).where(OrderLine.request_line.is_null(False))
    done = RequestLine.id.in_(taken) | RequestLine.id.in_(Refusal.select(Refusal.request_line))
    query = RequestLine.select(RequestLine, Request, Item).join(Request).switch(RequestLine).join(Item)
    return list(query.where(Request.posted & ~done).order_by(RequestLine.needed, RequestLine.id))


def _checked(date: datetime.date, lines: Sequence[Need]) -> list[dict[str, object]]:
    ledger.check_date(date)
    if not 0 < len(lines) <= MOST_LINES:
        raise refuse("lines", "must be 1 to %(most)s", "Give at least one line.", len(lines), most=MOST_LINES)
    rows = []
    for n, line in enumerate(lines):
        try:
            rows.append({"position": n, **_check(date, line)})
        except Refused as refused:
            raise at_line(refused, n) from None
    return rows


def _check(date: datetime.date, line: Need) -> dict[str, object]:
    item = store.get(Item, line.item, "item")
    if not item.is_active:
        raise refuse("item", "is out of use", "Choose an item that is in use.", item.code)
    if ledger.check_date(line.needed, "needed") < date:
        raise refuse("needed", "lies before the request", "Choose %(first)s or later.", line.needed, first=date)
    return {
        "item": item.id, "quantity": exact.whole("quantity", line.quantity, least=1), "needed": line.needed,
        "text": check_note("text", line.text),
    }  # fmt: skip


def _append(request: Request, rows: list[dict[str, object]]) -> None:
    store.append(RequestLine, [{"request": request.id, **row} for row in rows])


def _draft(request: int) -> Request:
    row = store.get(Request, request, "request")
    if row.posted:
        raise refuse("request", "is handed in", "Make a new one.", row.number)
    return row
