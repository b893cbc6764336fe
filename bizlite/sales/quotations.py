"""Offers (报价单): drafted, sent, followed by a later version, and turned into an order."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from peewee import fn

from bizlite.core import numbers, store
from bizlite.core.commands import command
from bizlite.core.errors import marked, refuse
from bizlite.core.session import Session
from bizlite.finance import ledger
from bizlite.finance import lines as document_lines
from bizlite.sales import lines as lines_of
from bizlite.sales import orders
from bizlite.sales.contacts import contact_of, customer
from bizlite.sales.lines import Wanted
from bizlite.sales.models import Opportunity, Order, Quotation, QuotationLine
from bizlite.stock.items import check_note


@command("sales.quotation.post")
def draft(
    session: Session, party: int, date: datetime.date, valid_until: datetime.date, lines: Sequence[Wanted], *,
    is_gross: bool = True, contact: int | None = None, opportunity: int | None = None, text: str = "",
) -> Quotation:  # fmt: skip
    """A new offer that is not yet sent."""
    values, rows = _checked(party, date, valid_until, lines, is_gross, contact, opportunity, text)
    quotation = Quotation(created_by=session.user, created_ms=session.now_ms(), **values)
    return _write(session, quotation, rows)


@command("sales.quotation.post")
def change(
    session: Session, quotation: int, version: int, *, party: int, date: datetime.date, valid_until: datetime.date,
    lines: Sequence[Wanted], is_gross: bool = True, contact: int | None = None, opportunity: int | None = None,
    text: str = "",
) -> Quotation:  # fmt: skip
    """Writes a draft anew. :raise Stale: when somebody else did so since ``version``."""
    row = _draft(quotation)
    values, rows = _checked(party, date, valid_until, lines, is_gross, contact, opportunity, text)
    store.change(session, row, version=version, **values)
    QuotationLine.delete().where(QuotationLine.quotation == row).execute()
    _append(row, rows)
    return row


@command("sales.quotation.post")
def send(session: Session, quotation: int, *, version: int | None = None) -> Quotation:
    """Posts an offer: it has its number and stays as it was sent."""
    row = _draft(quotation)
    lines_of.name(session, QuotationLine, row.id)
    return store.change(session, row, version=version, **numbers.stamp(session, row))


@command("sales.quotation.post")
def revise(session: Session, quotation: int, date: datetime.date, valid_until: datetime.date) -> Quotation:
    """A draft of the next version, with the lines of this one."""
    row = _sent(quotation)
    first = row.first_id or row.id
    last = Quotation.select(fn.MAX(Quotation.revision)).where((Quotation.first == first) | (Quotation.id == first))
    _check_days(date, valid_until)
    values = {
        name: row.__data__[name] for name in ("party", "contact", "opportunity", "is_gross", "net", "tax", "text")
    }
    fresh = Quotation(
        first=first, revision=int(last.scalar()) + 1, date=date, valid_until=valid_until, created_by=session.user,
        created_ms=session.now_ms(), **values,
    )  # fmt: skip
    names = ("position", "item", "text", "quantity", "price", "discount", "rate", "net", "tax")
    return _write(session, fresh, [{n: line.__data__[n] for n in names} for line in lines_of.of(QuotationLine, row.id)])


@command("sales.order.change")
def order(
    session: Session, quotation: int, date: datetime.date, *, wanted: datetime.date | None = None,
    their_number: str = "",
) -> Order:  # fmt: skip
    """The draft of an order as it was offered. :raise Refused: when it is not the last version, too late, or taken."""
    row = _sent(quotation)
    first = row.first_id or row.id
    newer = Quotation.get_or_none((Quotation.first == first) & (Quotation.revision > row.revision) & Quotation.posted)
    if newer is not None:
        raise refuse("quotation", "has a later version", "Order from %(number)s.", row.number, number=newer.number)
    if ledger.check_date(date) > row.valid_until:
        remedy = marked("Make a new version of it; it was valid until %(day)s.")
        raise refuse("date", "the quotation is no longer valid", remedy, date, day=row.valid_until)
    taken = Order.get_or_none(Order.quotation == row)
    if taken is not None:
        raise refuse(
            "quotation", "is ordered already", "Look at order %(order)s.", row.number, order=taken.number or taken.id
        )
    asked = [
        Wanted(item=i.item_id, quantity=i.quantity, price=i.price, discount=i.discount, rate=i.rate, text=i.text)
        for i in lines_of.of(QuotationLine, row.id)
    ]
    return orders.draft(
        session, row.party_id, date, asked, is_gross=row.is_gross, wanted=wanted, contact=row.contact_id,
        their_number=their_number, text=row.text, quotation=row.id,
    )  # fmt: skip


def _checked(
    party: int, date: datetime.date, valid_until: datetime.date, lines: Sequence[Wanted], is_gross: bool,
    contact: int | None, opportunity: int | None, text: str,
) -> tuple[dict[str, object], list[dict[str, object]]]:  # fmt: skip
    _check_days(date, valid_until)
    row = customer(party)
    chance = None if opportunity is None else store.get(Opportunity, opportunity, "opportunity")
    if chance is not None and chance.party_id != row.id:
        raise refuse("opportunity", "is one of another party", "Choose one of this party.", chance.title)
    rows = lines_of.check(row, date, lines, is_gross)
    values = {
        "party": row, "date": date, "valid_until": valid_until, "is_gross": bool(is_gross),
        "contact": contact_of(row, contact), "opportunity": chance, "text": check_note("text", text),
        **document_lines.sums(rows),
    }  # fmt: skip
    return values, rows


def _check_days(date: datetime.date, valid_until: datetime.date) -> None:
    if ledger.check_date(valid_until, "valid_until") < ledger.check_date(date):
        raise refuse("valid_until", "lies before the quotation", "Choose %(first)s or later.", valid_until, first=date)


def _write(session: Session, quotation: Quotation, rows: list[dict[str, object]]) -> Quotation:
    store.insert(session, quotation)
    _append(quotation, rows)
    return quotation


def _append(quotation: Quotation, rows: list[dict[str, object]]) -> None:
    store.append(QuotationLine, [{"quotation": quotation.id, **row} for row in rows])


def _draft(quotation: int) -> Quotation:
    row = store.get(Quotation, quotation, "quotation")
    if row.posted:
        raise refuse("quotation", "is sent", "Make a new version of it.", row.number)
    return row


def _sent(quotation: int) -> Quotation:
    row = store.get(Quotation, quotation, "quotation")
    if not row.posted:
        raise refuse("quotation", "is not sent yet", "Send it first.", row.id)
    return row
