"""Stock that is kept for the line of a document: taken, used up by its moves, released with it, and nothing else."""

from __future__ import annotations

from peewee import fn

from bizlite.core import exact, store
from bizlite.core.commands import command
from bizlite.core.session import Session
from bizlite.stock import items, picking
from bizlite.stock.models import Item, OnHand, Reservation

Key = tuple[str, int, int]  # kind and number of the document, number of the line


def free(item: int, lot: int, location: int) -> int:
    """On hand and not reserved."""
    row = OnHand.get_or_none((OnHand.item == item) & (OnHand.lot == lot) & (OnHand.location == location))
    return 0 if row is None else int(row.quantity - row.reserved)


def held(key: Key) -> int:
    """How much is reserved for a line."""
    return int(Reservation.select(fn.COALESCE(fn.SUM(Reservation.quantity), 0)).where(_of(key)).scalar())


def held_by_line(kind: str, document: int) -> dict[int, int]:
    """How much is reserved for each line of a document that holds something."""
    own = (Reservation.source_kind == kind) & (Reservation.source_id == document)
    rows = Reservation.select(Reservation.source_line, fn.SUM(Reservation.quantity)).where(own)
    return {line: int(quantity) for line, quantity in rows.group_by(Reservation.source_line).tuples()}


@command("stock.reserve")
def reserve(session: Session, key: Key, item: int, quantity: int, location: int | None = None) -> int:
    """Reserves up to ``quantity`` of what is free, in one place or in all; gives how much it is.

    What expires first goes first, then what came first.
    """
    exact.whole("quantity", quantity, least=1)
    row = store.get(Item, item, "item")
    if location is not None:
        items.own_place(location)
    left = quantity
    for (lot, place), there in picking.free_spots(row).items():
        part = min(left, there) if location in (None, place) else 0
        if part > 0:
            keep(session, key, item, lot, place, part)
            left -= part
    return quantity - left


@command("stock.reserve")
def release(session: Session, key: Key, quantity: int | None = None) -> int:
    """Gives back what is reserved for a line, or at most ``quantity`` of it, the last first; gives how much it was."""
    left = held(key) if quantity is None else exact.whole("quantity", quantity, least=0)
    released = 0
    for row in Reservation.select().where(_of(key)).order_by(Reservation.id.desc()):
        part = min(left - released, row.quantity)
        if part > 0:
            _take(session, row, part)
            released += part
    return released


def keep(session: Session, key: Key, item: int, lot: int, location: int, quantity: int) -> None:
    """Adds to a reservation at one spot."""
    row = Reservation.get_or_none(_of(key) & _at(item, lot, location))
    if row is not None:
        store.change(session, row, quantity=row.quantity + quantity)
        return
    kind, document, line = key
    fresh = Reservation(
        source_kind=kind, source_id=document, source_line=line, item=item, lot=lot, location=location, quantity=quantity
    )
    store.insert(session, fresh)


def use(session: Session, key: Key, item: int, lot: int, location: int, quantity: int) -> int:
    """Takes what a move needs from its own reservation, and gives how much that was."""
    row = Reservation.get_or_none(_of(key) & _at(item, lot, location))
    if row is None:
        return 0
    part = min(int(row.quantity), quantity)
    this = Reservation.id == row.id  # the move says how much of it it took, so the log need not
    if part == row.quantity:
        Reservation.delete().where(this).execute()
    else:
        Reservation.update(quantity=row.quantity - part).where(this).execute()
    return part


def _take(session: Session, row: Reservation, quantity: int) -> None:
    if quantity == row.quantity:
        store.delete(session, row)
    else:
        store.change(session, row, quantity=row.quantity - quantity)


def _of(key: Key) -> object:
    kind, document, line = key
    own = (Reservation.source_kind == kind) & (Reservation.source_id == document)
    return own & (Reservation.source_line == line)


def _at(item: int, lot: int, location: int) -> object:
    return (Reservation.item == item) & (Reservation.lot == lot) & (Reservation.location == location)
