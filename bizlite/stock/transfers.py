"""Posting moves: checks, quantities, values, and the entries that keep the stock accounts equal to the stock.

A back-dated move values everything behind it anew. What differs is posted as correcting entries on the days of the
moves that it belongs to: those days are open, since periods close in order and the back-dated day itself is open.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from peewee import fn

from bizlite.core import exact, numbers, store
from bizlite.core.commands import command
from bizlite.core.errors import Refused, at_line, refuse
from bizlite.core.session import Session
from bizlite.finance import ledger, periods
from bizlite.stock import checks, costing, expiry, reservations
from bizlite.stock.costing import Revalued
from bizlite.stock.models import NO_LOT, Move, Transfer
from bizlite.stock.paper import Paper

VARIANCE = "5401"
MOST_LINES = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One move to post.

    What comes from a virtual place is worth ``value``, or its share of what the move ``origin`` was worth (a return),
    or the average. What goes to one is worth the average, or goes back at its ``origin``. ``account`` is the other
    side, if not that of the virtual place. ``reserved`` names the document line whose reservation the move uses up.
    """

    item: int
    quantity: int
    source: int
    target: int
    lot: int = NO_LOT
    value: int | None = None
    origin: int | None = None
    account: str = ""
    line: int = 0
    reserved: tuple[str, int, int] | None = None


@command("stock.move.post")
def post(session: Session, kind: str, date: datetime.date, lines: Sequence[Line], *, text: str = "") -> Transfer:
    """Posts moves that a person wrote."""
    return move(session, kind, date, lines, text=text)


def move(
    session: Session,
    kind: str,
    date: datetime.date,
    lines: Sequence[Line],
    *,
    text: str = "",
    source: tuple[str, int] = ("", 0),
) -> Transfer:
    """Posts moves within the caller's transaction: what the rules of sales, purchasing and production call."""
    periods.check_open(ledger.check_date(date))
    if not 0 < len(lines) <= MOST_LINES:
        raise refuse("lines", "must be 1 to %(most)s", "Give at least one line.", len(lines), most=MOST_LINES)
    known = {line.item for line in lines if isinstance(line.item, int)}
    paper = Paper(_open(session, kind, date, text=text, source=source), known)
    for n, line in enumerate(lines):
        try:
            _move(session, paper, line)
        except Refused as refused:
            raise at_line(refused, n) from None
    return _close(session, paper)


def without_moves(session: Session, kind: str, date: datetime.date, *, text: str = "") -> Transfer:
    """Posts a paper that moves nothing, within the caller's transaction: a count that found everything right."""
    periods.check_open(ledger.check_date(date))
    return _close(session, Paper(_open(session, kind, date, text=text)))


@command("stock.move.post")
def storno(session: Session, transfer: int, *, date: datetime.date | None = None) -> Transfer:
    """Reverses a paper that a person posted; those of documents are reversed by their own storno."""
    row = store.get(Transfer, transfer, "transfer")
    if row.source_kind:
        raise refuse("transfer", "was posted by a document", "Reverse the document that posted it.", row.number)
    return reverse(session, row, date=date)


def reverse(session: Session, transfer: Transfer, *, date: datetime.date | None = None) -> Transfer:
    """Takes moves back within the caller's transaction: on their own day while it is open, as if they had never been.

    Later only when the period is closed, or when the caller says so; goods then go back at what they were worth.
    """
    _check_reversible(transfer)
    day = periods.day_for(transfer.date) if date is None else date
    periods.check_open(ledger.check_date(day))
    if day < transfer.date:
        raise refuse("date", "lies before what it reverses", "Choose %(first)s or later.", day, first=transfer.date)
    source = (transfer.source_kind, transfer.source_id)
    origins = list(Move.select().where(Move.transfer == transfer).order_by(Move.id.desc()))
    red = _open(session, transfer.kind, day, text=transfer.text, source=source, reverses=transfer)
    paper = Paper(red, {origin.item_id for origin in origins})
    for origin in origins:
        opposite = {"in": "out", "out": "in", "within": "within"}[origin.direction]
        paper.add(
            item=origin.item_id, lot=origin.lot, source=origin.target_id, target=origin.source_id,
            quantity=origin.quantity, direction=opposite, basis="reverse", origin=origin.id, account=origin.account,
            line=origin.line, rank=origin.rank if day == origin.date else None,
        )  # fmt: skip
        if origin.reserved:
            paper.write()  # goods are there before they are kept
            key = (origin.reserved_kind, origin.reserved_id, origin.reserved_line)
            reservations.keep(session, key, origin.item_id, origin.lot, origin.source_id, origin.reserved)
    return _close(session, paper)


def revalue(
    session: Session, move: Move, value: int, *, date: datetime.date | None = None, account: str = ""
) -> Transfer:
    """Adds to what a receipt was worth (freight, a supplier's other price, the final cost of production).

    It stands directly behind the receipt while that day is open, so that what was issued since gets its share.
    """
    exact.whole("value", value)
    origin = Move.get_by_id(move.id)
    if origin.direction != "in" or origin.basis == "reverse" or not value or checks.is_reversed(origin.transfer):
        raise refuse(
            "move", "cannot be revalued", "Choose a receipt that stands, and an amount that is not 0.", move.id
        )
    day = periods.day_for(origin.date) if date is None else date
    periods.check_open(day)
    if day < origin.date:
        raise refuse("date", "lies before what it changes", "Choose %(first)s or later.", day, first=origin.date)
    paper = Paper(_open(session, "revaluation", day, source=("stock_transfer", origin.transfer_id)))
    paper.add(
        item=origin.item_id, lot=origin.lot, source=origin.source_id, target=origin.target_id, quantity=0,
        direction="in", basis="given", value=value, origin=origin.id, account=account or origin.account,
        rank=origin.rank if day == origin.date else None,
    )  # fmt: skip
    return _close(session, paper)


def _open(
    session: Session, kind: str, date: datetime.date, *, text: str = "", source: tuple[str, int] = ("", 0),
    reverses: Transfer | None = None,
) -> Transfer:  # fmt: skip
    row = Transfer(
        kind=kind, date=date, text=text, source_kind=source[0], source_id=source[1], reverses=reverses,
        created_by=session.user, created_ms=session.now_ms(),
    )  # fmt: skip
    return store.insert(session, row)


def _close(session: Session, paper: Paper) -> Transfer:
    """Numbers the paper, values what moved, and posts what the ledger has to know."""
    transfer = paper.transfer
    paper.write()
    paper.check_later()
    store.change(session, transfer, **numbers.stamp(session, transfer))
    valued = [row for row in paper.moves if row.direction != "within"]
    if valued:
        items = sorted({row.item_id for row in valued})
        revalued = costing.recost(items, transfer.date, min(row.rank for row in valued))
        _enter(session, paper, revalued)
    return transfer


def _enter(session: Session, paper: Paper, revalued: Iterable[Revalued]) -> None:
    """One entry for the paper, one for each later day whose moves are worth something else now."""
    days: dict[datetime.date, dict[tuple[str, str, str], int]] = {}
    transfer = paper.transfer
    for found in revalued:
        row = found.move
        sums = days.setdefault(row.date, {})
        # A storno stands in red on the sides of what it reverses.
        is_receipt = (row.direction == "in") != (row.basis == "reverse")
        other = found.change + found.variance
        _add(
            sums,
            paper.item(row.item_id).account,
            f"item:{row.item_id}",
            "debit" if is_receipt else "credit",
            found.change,
            is_receipt,
        )
        _add(sums, row.account, "", "credit" if is_receipt else "debit", other, is_receipt)
        _add(sums, VARIANCE, "", "debit", found.variance, True)
    for date, sums in sorted(days.items()):
        legs = [
            ledger.Leg(account=account, aux=aux, **{side: amount})
            for (account, aux, side), amount in sorted(sums.items())
            if amount
        ]
        if legs:
            ledger.enter(session, date, "stock", legs, text=transfer.number, source=("stock_transfer", transfer.id))


def _add(
    sums: dict[tuple[str, str, str], int], account: str, aux: str, side: str, amount: int, is_positive: bool
) -> None:
    key = (account, aux, side)
    sums[key] = sums.get(key, 0) + (amount if is_positive else -amount)


def _move(session: Session, paper: Paper, line: Line) -> None:
    """Checks one line and moves its quantity."""
    quantity = exact.whole("quantity", line.quantity, least=1)
    item, source, target = paper.item(line.item), paper.place(line.source, "source"), paper.place(line.target, "target")
    checks.places(source, target)
    if not (item.is_active and source.is_active and target.is_active):
        raise refuse("item", "is out of use", "Choose an item and places that are in use.", item.code)
    checks.lots(item, line.lot)
    direction = "within" if source.kind == target.kind else "in" if target.kind == "internal" else "out"
    basis, value = _basis(line, direction)
    if direction == "out" and target.kind in expiry.BARRED:
        expiry.check(session, line.lot, paper.transfer.date, "lot")
    if line.origin is not None:
        paper.write()  # lines before this one may return a part of the same
        checks.origin_of(item.id, line.lot, quantity, line.origin, direction, paper.transfer.date)
    reserved = 0
    if line.reserved and source.kind == "internal":
        reserved = paper.use(line.reserved, item.id, line.lot, source.id, quantity)
    account = line.account or (target if direction == "out" else source).account
    if line.account and direction == "within":
        raise refuse("account", "does not fit the kind", "Give an account for a virtual place only.", line.account)
    kind, document, number = line.reserved or ("", 0, 0)
    paper.add(
        item=item.id, lot=line.lot, source=source.id, target=target.id, quantity=quantity, direction=direction,
        basis=basis, value=value, origin=line.origin, account=account, line=line.line,
        reserved=reserved, reserved_kind=kind, reserved_id=document, reserved_line=number,
    )  # fmt: skip


def _basis(line: Line, direction: str) -> tuple[str, int]:
    if line.value is not None and (direction != "in" or line.origin is not None):
        raise refuse("value", "is known from the stock", "Leave it out.", line.value)
    if line.value is not None:
        return "given", exact.whole("value", line.value, least=0)
    return ("origin", 0) if line.origin is not None else ("average", 0)


def _check_reversible(transfer: Transfer) -> None:
    if not transfer.posted or transfer.reverses_id is not None or transfer.kind == "revaluation":
        raise refuse(
            "transfer", "cannot be reversed", "Choose a posted paper that is no storno.", transfer.number or ""
        )
    if checks.is_reversed(transfer):
        raise refuse("transfer", "is reversed already", "Look at its storno.", transfer.number)
    for origin in Move.select().where(Move.transfer == transfer):
        if checks.returned(origin):
            raise refuse("transfer", "some of it was returned", "Reverse the return first.", transfer.number)
        apart = (Move.origin == origin) & (Move.quantity == 0) & (Move.rank != origin.rank)
        if Move.select(fn.COALESCE(fn.SUM(Move.value), 0)).where(apart).scalar():
            raise refuse("transfer", "has costs of a later day", "Take those costs back first.", transfer.number)
