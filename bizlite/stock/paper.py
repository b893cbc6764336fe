"""A paper that is being written: its moves, and the items and places that they name, read once."""

from __future__ import annotations

from peewee import Tuple

from bizlite.core import store
from bizlite.stock import checks
from bizlite.stock.models import Item, Location, Move, Transfer


class Paper:
    """The moves of one transfer, before it is posted."""

    def __init__(self, transfer: Transfer) -> None:
        self.transfer = transfer
        self.moves: list[Move] = []
        self._items: dict[int, Item] = {}
        self._places: dict[int, Location] = {}
        self._next = store.next_id(Move)

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

    def add(
        self, *, item: int, lot: int, source: int, quantity: int, rank: int | None = None, **values: object
    ) -> None:
        """Moves a quantity, when it is there; directly behind ``rank``, or as the last of its day."""
        place = self.place(source, "source")
        if place.kind == "internal":
            checks.available(self.item(item), lot, place, quantity)
        row = {
            "id": self._next, "transfer": self.transfer.id, "date": self.transfer.date,
            "rank": self._next if rank is None else rank, "item": item, "lot": lot, "source": source,
            "quantity": quantity, **values,
        }  # fmt: skip
        self._next += 1
        store.append(Move, [row])
        self.moves.append(Move(**row))

    def check_later(self) -> None:
        """:raise Refused: when what this paper takes would be missing on a later day; mostly nothing lies behind."""
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
