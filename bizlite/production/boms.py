"""Bills of material: revisions that are frozen once released, several levels, never a circle."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from bizlite.core import exact, numbers, store
from bizlite.core.commands import command
from bizlite.core.errors import refuse
from bizlite.core.session import Session
from bizlite.finance import ledger
from bizlite.production.models import Bom, BomLine
from bizlite.stock import items
from bizlite.stock.models import Item

MOST_LINES = 500
DEEPEST = 20
ALL = exact.BASIS_POINTS


@dataclass(frozen=True, kw_only=True, slots=True)
class Component:
    """A line: ``quantity`` smallest units of ``item`` in ``Bom.quantity`` of the product; ``scrap`` in basis points."""

    item: int
    quantity: int
    scrap: int = 0
    operation: int = 1
    is_backflushed: bool = True
    is_phantom: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """What making something takes of a component."""

    item: int
    net: int
    quantity: int
    operation: int
    is_backflushed: bool


@command("production.bom.change")
def draft(
    session: Session, item: int, revision: str, quantity: int, lines: Sequence[Component], *,
    date: datetime.date | None = None, text: str = "",
) -> Bom:  # fmt: skip
    """A new revision, valid from a date, not yet released; its lines make ``quantity`` smallest units of the item."""
    row = Bom(
        item=item, revision=revision, quantity=quantity, text=text, date=session.today() if date is None else date,
        created_by=session.user, created_ms=session.now_ms(),
    )  # fmt: skip
    _check(row)
    bom: Bom = store.insert(session, row)
    _append(bom, lines)
    return bom


@command("production.bom.change")
def change_draft(
    session: Session, bom: int, version: int, *, lines: Sequence[Component] | None = None, **values: object
) -> Bom:
    """Changes a draft; lines that are given take the place of all. :raise Stale: when it moved on since ``version``."""
    row = _draft(bom)
    _check(Bom(**{**store.facts(row), **values}))
    store.change(session, row, version=version, **values)
    if lines is not None:
        BomLine.delete().where(BomLine.bom == row).execute()
        _append(row, lines)
    return row


@command("production.bom.change")
def release(session: Session, bom: int, version: int) -> Bom:
    """Freezes a revision. :raise Refused: when the product would be made of itself, or a phantom of nothing."""
    row = _draft(bom)
    for line in lines_of(row.id):
        path = _path_to(row.item_id, line.item_id, row.date)
        if path:
            words = " → ".join(Item.get_by_id(item).code for item in (row.item_id, *path))
            field = f"lines.{line.position - 1}.item"
            raise refuse(field, "is made of this product: %(path)s", "Take it out of one of these.", "", path=words)
        if line.is_phantom and valid(line.item_id, row.date) is None:
            field = f"lines.{line.position - 1}.is_phantom"
            raise refuse(field, "has no released bill of material", "Release one first.", line.item.code)
    return store.change(session, row, version=version, **numbers.stamp(session, row))


def lines_of(bom: int) -> list[BomLine]:
    """The lines in order."""
    return list(BomLine.select().where(BomLine.bom == bom).order_by(BomLine.position))


def valid(item: int, date: datetime.date) -> Bom | None:
    """The released revision that holds on a day: the last that began."""
    query = Bom.select().where((Bom.item == item) & Bom.posted & (Bom.date <= date))
    found: Bom | None = query.order_by(Bom.date.desc(), Bom.id.desc()).first()
    return found


def explode(bom: Bom, quantity: int, date: datetime.date) -> list[Need]:
    """What ``quantity`` of the product takes; phantoms are replaced by what they are made of. Rounded up to units."""
    return _explode(bom, quantity, quantity, date, DEEPEST)


def levels(item: int, quantity: int, date: datetime.date) -> list[tuple[int, Need]]:
    """Every level with its depth, as a tree is read: what is made of parts is followed by its parts."""
    return _levels(item, quantity, date, 1)


def _explode(bom: Bom, net: int, gross: int, date: datetime.date, depth: int) -> list[Need]:
    needs = []
    for line in lines_of(bom.id):
        own_net = up(net * line.quantity, bom.quantity)
        own = up(gross * line.quantity * (ALL + line.scrap), bom.quantity * ALL)
        if not line.is_phantom:
            flags = {"operation": line.operation, "is_backflushed": line.is_backflushed}
            needs.append(Need(item=line.item_id, net=own_net, quantity=max(own, own_net), **flags))
            continue
        part = valid(line.item_id, date)
        if part is None or not depth:
            raise refuse("bom", "%(item)s has no bill of material", "Release one first.", "", item=line.item.code)
        for need in _explode(part, own_net, own, date, depth - 1):
            flags = {"operation": line.operation, "is_backflushed": need.is_backflushed}
            needs.append(Need(item=need.item, net=need.net, quantity=need.quantity, **flags))
    return needs


def _levels(item: int, quantity: int, date: datetime.date, depth: int) -> list[tuple[int, Need]]:
    bom = valid(item, date)
    if bom is None or depth > DEEPEST:
        return []
    found = []
    for need in explode(bom, quantity, date):
        found.append((depth, need))
        found += _levels(need.item, need.quantity, date, depth + 1)
    return found


def up(numerator: int, denominator: int) -> int:
    """The fraction rounded up: a part of a piece takes a piece."""
    return -(-numerator // denominator)


def _path_to(product: int, item: int, date: datetime.date) -> list[int]:
    """How ``item`` leads back to the product, by revisions that hold on the day or begin later; empty when not."""
    stack, seen = [[item]], set()
    while stack:
        path = stack.pop()
        if path[-1] == product:
            return path
        if path[-1] in seen:
            continue
        seen.add(path[-1])
        now = valid(path[-1], date)
        coming = Bom.select().where((Bom.item == path[-1]) & Bom.posted & (Bom.date > date)).order_by(Bom.id)
        for bom in ([now] if now else []) + list(coming):
            stack += [[*path, line.item_id] for line in lines_of(bom.id)]
    return []


def _draft(bom: int) -> Bom:
    row: Bom = store.get(Bom, bom, "bom")
    if row.posted:
        raise refuse("bom", "is released", "Make a new revision.", row.number)
    return row


def _check(row: Bom) -> None:
    store.get(Item, row.item_id, "item")
    items.check_text("revision", row.revision, 20)
    exact.whole("quantity", row.quantity, least=1)
    ledger.check_date(row.date)
    own = Bom.get_or_none((Bom.item == row.item_id) & (Bom.revision == row.revision))
    if own is not None and own.id != row.id:
        raise refuse("revision", "is taken", "Choose another revision.", row.revision)


def _append(bom: Bom, lines: Sequence[Component]) -> None:
    if not 0 < len(lines) <= MOST_LINES:
        raise refuse("lines", "must be 1 to %(most)s", "Give at least one line.", len(lines), most=MOST_LINES)
    rows = []
    for n, line in enumerate(lines):
        store.get(Item, line.item, f"lines.{n}.item")
        if line.item == bom.item_id:
            raise refuse(f"lines.{n}.item", "is the product itself", "Choose another item.", line.item)
        exact.whole(f"lines.{n}.quantity", line.quantity, least=1)
        exact.whole(f"lines.{n}.scrap", line.scrap, least=0, most=ALL)
        exact.whole(f"lines.{n}.operation", line.operation, least=1, most=99)
        rows.append(
            {
                "bom": bom.id, "position": n + 1, "item": line.item, "quantity": line.quantity, "scrap": line.scrap,
                "operation": line.operation, "is_backflushed": line.is_backflushed, "is_phantom": line.is_phantom,
            }
        )  # fmt: skip
    store.append(BomLine, rows)
