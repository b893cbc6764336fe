"""What an order costs: materials by the stock, piece rates by the cards, and how 4001 becomes empty at its end."""

from __future__ import annotations

import datetime

from peewee import fn

from bizlite.core import exact
from bizlite.core.session import Session
from bizlite.finance import ledger, periods
from bizlite.finance.models import Account, Entry, Line
from bizlite.production import pay
from bizlite.production.models import Order, Output
from bizlite.stock import checks, transfers
from bizlite.stock.models import Cost, Move, Transfer

IN_PROGRESS, WAGES, LOST = "4001", "2211", "5401"


def in_progress(order: Order) -> int:
    """What of an order stands in 4001, in fen: what went into it less what its product took out."""
    own = (Transfer.source_kind == "production_order") & (Transfer.source_id == order.id)
    papers = Transfer.select(Transfer.id).where(own)
    later = (Transfer.source_kind == "stock_transfer") & (Transfer.source_id << papers)
    every = Transfer.select(Transfer.id).where(own | later)
    query = Cost.select(fn.COALESCE(fn.SUM(Cost.change + Cost.variance), 0)).join(Move, on=(Cost.move == Move.id))
    stock = int(query.where(Move.transfer << every).scalar())
    return booked(order) - stock


def booked(order: Order) -> int:
    """What was entered in 4001 by the order itself: wages, and what was lost."""
    own = (Entry.source_kind == "production_order") & (Entry.source_id == order.id) & Entry.posted
    query = Line.select(fn.COALESCE(fn.SUM(Line.debit - Line.credit), 0)).join(Entry)
    return int(query.where(own & (Line.account == IN_PROGRESS)).scalar())


def settle(session: Session, order: Order) -> None:
    """Enters the piece rates, and gives what is left in 4001 to the product that was received, by quantity.

    Each receipt is revalued on its own day while that is open, so that what was sold since gets its share. What made
    no product at all is a loss.
    """
    wages = pay.of_order(order.id) - _wages(order)
    today = periods.day_for(session.today())
    if wages:
        _enter(session, order, today, IN_PROGRESS, _wages_account(), wages)
    rest = in_progress(order)
    receipts = standing(order)
    if not receipts:
        if rest:
            _enter(session, order, today, LOST, IN_PROGRESS, rest)
        return
    for move, part in zip(receipts, shares(rest, [move.quantity for move in receipts]), strict=True):
        if part:
            transfers.revalue(session, move, part)


def standing(order: Order) -> list[Move]:
    """The receipts of the product that were not taken back."""
    papers = [row.transfer for row in Output.select().where((Output.order == order) & (Output.quantity > 0))]
    moves = Move.select().where((Move.transfer << papers) & (Move.direction == "in") & (Move.line == 0))
    return [move for move in moves.order_by(Move.id) if not checks.is_reversed(move.transfer)]


def shares(total: int, weights: list[int]) -> list[int]:
    """A total of either sign by weight."""
    parts = exact.share(abs(total), weights)
    return parts if total >= 0 else [-part for part in parts]


def _wages(order: Order) -> int:
    own = (Entry.source_kind == "production_order") & (Entry.source_id == order.id) & Entry.posted
    query = Line.select(fn.COALESCE(fn.SUM(Line.credit - Line.debit), 0)).join(Entry)
    return int(query.where(own & Line.account.startswith(WAGES)).scalar())


def _wages_account() -> str:
    """2211, or the first account below it where a firm keeps wages apart from insurance and the like (221101)."""
    below = Account.select(Account.code).where(Account.code.startswith(WAGES) & Account.is_leaf & Account.is_active)
    return str(below.order_by(Account.code).limit(1).scalar() or WAGES)


def _enter(session: Session, order: Order, date: datetime.date, debit: str, credit: str, amount: int) -> None:
    """Negative amounts stand in red on the same sides."""
    legs = [ledger.Leg(account=debit, debit=amount), ledger.Leg(account=credit, credit=amount)]
    ledger.enter(session, date, "production", legs, text=order.number, source=("production_order", order.id))
