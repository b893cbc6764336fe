"""What a move must be: of goods, lots and places that fit, of what is free, and of what is there on every later day."""

from __future__ import annotations

import datetime

from peewee import Tuple, fn

from bizlite.core import store
from bizlite.core.errors import refuse
from bizlite.stock import items
from bizlite.stock.models import NO_LOT, Item, Location, Lot, Move, OnHand, Transfer


def places(source: Location, target: Location) -> None:
    if source.id == target.id:
        raise refuse("target", "is where it comes from", "Choose another place.", target.code)
    if "internal" not in (source.kind, target.kind):
        raise refuse("target", "one of the two places must be our own", "Choose a store as one side.", target.code)


def lots(item: Item, lot: int) -> None:
    if not item.has_lots and lot != NO_LOT:
        raise refuse("lot", "the item has no lots", "Leave the lot out.", lot)
    if item.has_lots and store.get(Lot, lot, "lot").item_id != item.id:
        raise refuse("lot", "is a lot of another item", "Choose a lot of this item.", lot)


def origin_of(item: int, lot: int, quantity: int, origin_id: int, direction: str, date: datetime.date) -> None:
    """A return: of the same goods, the other way, not earlier, and not more than there was."""
    origin = store.get(Move, origin_id, "origin")
    opposite = {"in": "out", "out": "in"}.get(origin.direction)
    if (origin.item_id, origin.lot, opposite) != (item, lot, direction) or origin.basis == "reverse":
        raise refuse(
            "origin", "is not a move of these goods the other way", "Choose the move that is returned.", origin_id
        )
    if date < origin.date or is_reversed(origin.transfer):
        raise refuse("origin", "is later, or reversed", "Choose the move that is returned.", origin_id)
    left = origin.quantity - returned(origin)
    if quantity > left:
        most = items.shown(item, left)
        raise refuse("quantity", "is more than can be returned", "Give at most %(most)s.", quantity, most=most)


def returned(move: Move) -> int:
    """How much of a move was returned, without what was reversed."""
    undone = Transfer.select(Transfer.reverses).where(Transfer.reverses.is_null(False))
    where = (Move.origin == move) & (Move.basis == "origin") & Move.transfer.not_in(undone)
    return int(Move.select(fn.COALESCE(fn.SUM(Move.quantity), 0)).where(where).scalar())


def moved_after(item: int, lot: int, location: int, date: datetime.date) -> bool:
    """Whether something came to a spot or went from it after a day."""
    spot = (Move.item == item) & (Move.lot == lot) & ((Move.source == location) | (Move.target == location))
    return Move.get_or_none(spot & (Move.date > date)) is not None


def available(item: Item, lot: int, location: Location, quantity: int, free: int) -> None:
    if item.may_be_negative:
        return
    if quantity > free:
        words = {"item": item.code, "place": location.code, "free": items.shown(item.id, free)}
        raise refuse(
            "quantity",
            "only %(free)s of %(item)s are free in %(place)s",
            "Receive, move or release some first.",
            quantity,
            **words,
        )


def later(item: Item, lot: int, location: Location, date: datetime.date, rank: int) -> None:
    """:raise Refused: when stock that was there later would have been less than nothing.

    Looked at between groups of one rank only: a move and its storno directly behind it are one event.
    """
    if item.may_be_negative:
        return
    spot = (Move.item == item.id) & (Move.lot == lot) & ((Move.source == location.id) | (Move.target == location.id))
    later = Move.select().where(spot & (Tuple(Move.date, Move.rank) > Tuple(date, rank)))
    rows = list(later.order_by(Move.date.desc(), Move.rank.desc(), Move.id.desc()))
    if not rows:
        return
    own = (OnHand.item == item.id) & (OnHand.lot == lot) & (OnHand.location == location.id)
    level = OnHand.get(own).quantity
    group, day = None, None
    for row in rows:
        if (row.date, row.rank) != group and level < 0:
            day = row.date
            break
        group = (row.date, row.rank)
        level -= row.quantity if row.target_id == location.id else -row.quantity
    if level < 0:
        raise refuse(
            "date",
            "the stock of %(item)s would be negative on %(day)s",
            "Choose a later day, or less.",
            date,
            item=item.code,
            day=day or date,
        )


def is_reversed(transfer: Transfer) -> bool:
    """Whether a storno of the paper was posted."""
    return Transfer.get_or_none(Transfer.reverses == transfer.id) is not None
