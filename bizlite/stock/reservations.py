"""Stock that is kept for the line of a document: taken, used up by its moves, released with it, and nothing else."""

from __future__ import annotations

from peewee import fn

from bizlite.core import exact, store
from bizlite.core.commands import command
from bizlite.core.session import Session
from bizlite.stock import expiry, items, picking
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

    What expires first goes first, then what came first; what is expired is kept for nobody.
    """
    exact.whole("quantity", quantity, least=1)
    row = store.get(Item, item, "item")
    if location is not None:
        items.own_place(location)
    left, expired = quantity, expiry.over(row, session.today())
    for (lot, place), there in picking.in_turn(row, picking.free([row.id]).get(row.id, {})):
        part = min(left, there) if location in (None, place) and lot not in expired else 0
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


class Holdings:
    """What documents hold, for a paper that uses it up: read once for each document, written together.

    The moves say how much of it they took, so the log need not.
    """

    def __init__(self) -> None:
        self._rows: dict[tuple[str, int], dict[tuple[int, int, int, int], Reservation]] = {}
        self._used: dict[int, Reservation] = {}

    def take(self, key: Key, item: int, lot: int, location: int, quantity: int) -> int:
        """Takes up to a quantity of what a line holds at a spot, and gives how much that was."""
        kind, document, line = key
        if (kind, document) not in self._rows:
            own = (Reservation.source_kind == kind) & (Reservation.source_id == document)
            rows = Reservation.select().where(own)
            self._rows[kind, document] = {(r.source_line, r.item_id, r.lot, r.location_id): r for r in rows}
        row = self._rows[kind, document].get((line, item, lot, location))
        part = min(int(row.quantity), quantity) if row else 0
        if part:
            row.quantity -= part
            self._used[row.id] = row
        return part

    def write(self) -> None:
        """Writes what was taken; what others keep meanwhile is read again."""
        gone = [row.id for row in self._used.values() if not row.quantity]
        if gone:
            Reservation.delete().where(Reservation.id << gone).execute()
        for row in self._used.values():
            if row.quantity:
                Reservation.update(quantity=row.quantity).where(Reservation.id == row.id).execute()
        self._rows, self._used = {}, {}


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
