"""A paper that is being written: its moves, and the items, places and quantities that they need, read once."""

from __future__ import annotations

from collections.abc import Iterable

from peewee import Tuple

from bizlite.core import store
from bizlite.stock import checks
from bizlite.stock.models import Item, Location, Move, OnHand, Transfer
from bizlite.stock.reservations import Holdings, Key

Spot = tuple[int, int, int]  # item, lot, place


class Paper:
    """The moves of one transfer, before it is posted.

    Moves are kept back and written together by ``write``; until then ``_moved`` is by how much they change what is
    free in the database.
    """

    def __init__(self, transfer: Transfer, items: Iterable[int] = ()) -> None:
        self.transfer = transfer
        self.moves: list[Move] = []
        self._items: dict[int, Item] = {row.id: row for row in Item.select().where(Item.id << list(items))}
        self._places: dict[int, Location] = {}
        self._next = store.next_id(Move)
        self._rows: list[dict[str, object]] = []
        self._counted: set[int] = set()  # items of which ``_free`` knows every spot
        self._free: dict[Spot, int] = {}
        self._moved: dict[Spot, int] = {}
        self._holdings = Holdings()

    def item(self, key: int) -> Item:
        """An item. :raise Missing: when there is none."""
        if key not in self._items:
            self._items[key] = store.get(Item, key, "item")
        return self._items[key]

    def place(self, key: int, field: str) -> Location:
        """A place. :raise Missing: when there is none."""
        if key not in self._places:
            self._places[key] = store.get(Location, key, field)
        return self._places[key]

    def use(self, key: Key, item: int, lot: int, location: int, quantity: int) -> int:
        """Takes what a move needs from its own reservation, and gives how much that was."""
        part = self._holdings.take(key, item, lot, location, quantity)
        self._shift((item, lot, location), part)
        return part

    def add(
        self, *, item: int, lot: int, source: int, target: int, quantity: int, rank: int | None = None, **values: object
    ) -> None:
        """Moves a quantity, when it is there; directly behind ``rank``, or as the last of its day."""
        place = self.place(source, "source")
        if place.kind == "internal":
            checks.available(self.item(item), lot, place, quantity, self._left((item, lot, source)))
        row = {
            "id": self._next, "transfer": self.transfer.id, "date": self.transfer.date,
            "rank": self._next if rank is None else rank, "item": item, "lot": lot, "source": source,
            "target": target, "quantity": quantity, **values,
        }  # fmt: skip
        self._next += 1
        self._rows.append(row)
        self._shift((item, lot, source), -quantity)
        self._shift((item, lot, target), quantity)
        self.moves.append(Move(**row))

    def write(self) -> None:
        """Writes what was kept back: afterwards the database knows all moves so far."""
        self._holdings.write()
        store.append(Move, self._rows)
        self._rows, self._counted, self._free, self._moved = [], set(), {}, {}

    def _left(self, spot: Spot) -> int:
        """On hand and not reserved, as it is with the moves so far."""
        if spot[0] not in self._counted:
            fresh = {*self._items, spot[0]} - self._counted
            rows = OnHand.select(OnHand.item, OnHand.lot, OnHand.location, OnHand.quantity - OnHand.reserved)
            for item, lot, place, free in rows.where(OnHand.item << fresh).tuples():
                self._free[item, lot, place] = free
            self._counted |= fresh
        return self._free.get(spot, 0) + self._moved.get(spot, 0)

    def _shift(self, spot: Spot, quantity: int) -> None:
        self._moved[spot] = self._moved.get(spot, 0) + quantity

    def check_later(self) -> None:
        """:raise Refused: when what this paper takes would be missing on a later day; mostly nothing lies behind.

        The moves are written before.
        """
        taken = [row for row in self.moves if self.place(row.source_id, "source").kind == "internal"]
        if not taken:
            return
        first = min(row.rank for row in taken)
        behind = (Move.item << sorted({row.item_id for row in taken})) & (Move.transfer != self.transfer.id)
        behind &= Tuple(Move.date, Move.rank) > Tuple(self.transfer.date, first)
        items = {row.item_id for row in Move.select(Move.item).where(behind).distinct()}
        for row in taken:
            if row.item_id in items:
                place = self.place(row.source_id, "source")
                checks.later(self.item(row.item_id), row.lot, place, row.date, row.rank)
