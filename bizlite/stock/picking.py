"""From where a document's line is taken: what is reserved for it, then what is free; what expires first, then what
came first."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from bizlite.core import store
from bizlite.core.errors import marked, refuse
from bizlite.core.session import Session
from bizlite.stock import expiry, items
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
    chosen: dict[tuple[int, int, int], int], day: datetime.date, *, lot: int | None = None,
    location: int | None = None,
) -> list[Spot]:  # fmt: skip
    """Spots that hold the quantity, or what there is of it; ``lot`` and ``location`` narrow the choice. A lot that
    expired before ``day`` is taken only when it is named.

    ``own`` is what is reserved for the line, ``there`` what is ``free`` of the item.
    ``chosen`` is what the same paper takes of what is free, by (item, lot, place); what is chosen is added to it.
    """
    spots: dict[tuple[int, int], int] = {}
    left, barred = quantity, expiry.over(item, day).keys() - {lot}
    in_all = {at: own.get(at, 0) + max(0, most - chosen.get((item.id, *at), 0)) for at, most in in_turn(item, there)}
    for at, most in (*own.items(), *in_all.items()):
        part = min(left, most - spots.get(at, 0))
        if part > 0 and at[0] not in barred and lot in (None, at[0]) and location in (None, at[1]):
            spots[at] = spots.get(at, 0) + part
            left -= part
    if left and item.may_be_negative and (lot is not None or not item.has_lots):
        at = (lot or NO_LOT, location or items.place("MAIN"))
        spots[at] = spots.get(at, 0) + left
    for at, part in spots.items():
        chosen[item.id, *at] = chosen.get((item.id, *at), 0) + max(0, part - own.get(at, 0))
    return [(at[0], at[1], part) for at, part in spots.items()]


def take(
    session: Session, item: Item, quantity: int, own: dict[tuple[int, int], int], there: dict[tuple[int, int], int],
    chosen: dict[tuple[int, int, int], int], day: datetime.date, *, lot: int | None = None,
    location: int | None = None, at: str = "",
) -> list[Spot]:  # fmt: skip
    """As ``choose``. :raise Refused: at ``at`` + field, when lot or place do not fit, or hold less than the quantity
    that may go out."""
    if lot and not item.has_lots:
        raise refuse(f"{at}lot", "the item has no lots", "Leave the lot out.", lot)
    if lot is not None and item.has_lots and store.get(Lot, lot, f"{at}lot").item_id != item.id:
        raise refuse(f"{at}lot", "is a lot of another item", "Choose a lot of this item.", lot)
    if lot is not None:
        expiry.check(session, lot, day, f"{at}lot")
    if location is not None:
        items.own_place(location, f"{at}location")
    spots = choose(item, quantity, own, there, chosen, day, lot=lot, location=location)
    found = sum(part for _, _, part in spots)
    if found < quantity:
        words = {"there": items.shown(item.id, found), "item": item.code}
        spots_held = (*own.items(), *there.items())
        held = {at_lot for (at_lot, place), most in spots_held if most > 0 and location in (None, place)}
        expired = [code for one, code in expiry.over(item, day).items() if one in held and lot is None]
        if expired:
            remedy = marked("Receive others, or let somebody with the permission “%(permission)s” name the lot.")
            words |= {"lots": ", ".join(expired), "permission": expiry.TAKE}
            raise refuse(
                f"{at}quantity", "only %(there)s of %(item)s can be taken, since the day of lot %(lots)s is over",
                remedy, quantity, **words,
            )  # fmt: skip
        remedy = marked("Receive or make some first, choose another lot or place, or take less.")
        raise refuse(f"{at}quantity", "only %(there)s of %(item)s can be taken", remedy, quantity, **words)
    return spots


def in_turn(item: Item, there: dict[tuple[int, int], int]) -> list[tuple[tuple[int, int], int]]:
    """What is free at each spot, in the order in which it is taken."""
    expires = dict(Lot.select(Lot.id, Lot.expires).where(Lot.item == item).tuples()) if item.has_lots else {}

    def turn(at: tuple[int, int]) -> tuple[object, ...]:
        day = expires.get(at[0])
        return (day is None, str(day), *at)

    return [(at, there[at]) for at in sorted(there, key=turn)]
