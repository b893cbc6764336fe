"""From where a document's line is taken: what is reserved for it, then what is free, lots that expire first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bizlite.stock import items
from bizlite.stock.models import NO_LOT, Item, Location, Lot, OnHand, Reservation

Spot = tuple[int, int, int]  # lot, place, quantity


def reserved(kind: str, document: int) -> dict[int, dict[tuple[int, int], int]]:
    """What is reserved for a document: by line the quantity at each (lot, place), in the order in which it was."""
    found: dict[int, dict[tuple[int, int], int]] = {}
    own = (Reservation.source_kind == kind) & (Reservation.source_id == document)
    for row in Reservation.select().where(own).order_by(Reservation.id):
        found.setdefault(row.source_line, {})[row.lot, row.location_id] = row.quantity
    return found


def free(items_: Iterable[int]) -> dict[int, dict[tuple[int, int], int]]:
    """What is on hand and not reserved of items in our own places: by item the quantity at each (lot, place)."""
    found: dict[int, dict[tuple[int, int], int]] = {}
    internal = (Location.kind == "internal") & Location.is_active
    rows = (
        OnHand.select(OnHand.item, OnHand.lot, OnHand.location, OnHand.quantity - OnHand.reserved)
        .join(Location, on=(Location.id == OnHand.location)).where((OnHand.item << list(items_)) & internal)
    )  # fmt: skip
    for item, lot, location, quantity in rows.tuples():
        found.setdefault(item, {})[lot, location] = quantity
    return found


def choose(
    item: Item, quantity: int, own: dict[tuple[int, int], int], there: dict[tuple[int, int], int],
    chosen: dict[tuple[int, int, int], int], *, lot: int | None = None, location: int | None = None,
) -> list[Spot] | None:  # fmt: skip
    """Spots that hold the quantity, or nothing when there is not so much; ``lot`` and ``location`` narrow the choice.

    ``own`` is what is reserved for the line, ``there`` what is ``free`` of the item.
    ``chosen`` is what the same paper takes elsewhere, by (item, lot, place); what is chosen is added to it.
    """
    spots: dict[tuple[int, int], int] = {}
    left = quantity
    for at, most in _offers(item, own, there):
        if not left:
            break
        if (lot in (None, at[0])) and (location in (None, at[1])):
            part = min(left, most - chosen.get((item.id, *at), 0) - spots.get(at, 0))
            if part > 0:
                spots[at] = spots.get(at, 0) + part
                left -= part
    if left and item.may_be_negative and (lot is not None or not item.has_lots):
        at = (lot or NO_LOT, location or items.place("MAIN"))
        spots[at] = spots.get(at, 0) + left
        left = 0
    if left:
        return None
    for at, part in spots.items():
        chosen[item.id, *at] = chosen.get((item.id, *at), 0) + part
    return [(at[0], at[1], part) for at, part in spots.items()]


def _offers(
    item: Item, own: dict[tuple[int, int], int], there: dict[tuple[int, int], int]
) -> Iterator[tuple[tuple[int, int], int]]:
    """Spots and how much there may be taken of each in all: first what is reserved, then that with what is free."""
    yield from own.items()
    expires = dict(Lot.select(Lot.id, Lot.expires).where(Lot.item == item).tuples()) if item.has_lots else {}
    for at in sorted(there, key=lambda at: (at[1], expires.get(at[0]) is None, str(expires.get(at[0])), at[0])):
        yield at, own.get(at, 0) + there[at]
