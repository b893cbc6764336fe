"""Where a lot came from and where it went (追溯): what it was made of, what was made of it, who has it.

A document whose papers take some goods and bring others makes the ones of the others; a storno counts against.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from peewee import Case, fn

from bizlite.core.errors import marked as _
from bizlite.core.tables import Column, Line, Table
from bizlite.stock import checks
from bizlite.stock.models import NO_LOT, Item, Location, Lot, Move, Transfer, Unit

Source = tuple[str, int]  # kind and number of a document
Goods = tuple[int, int]  # item and lot
Named = Callable[[Source], tuple[str, str]]  # a document's number, and the party that it is with
NET = fn.SUM(Case(None, [(Move.direction == "out", Move.quantity), (Move.direction == "in", Move.quantity * -1)], 0))


def tables(lot: Lot, named: Named, language: str) -> list[Table]:
    """The tables of a lot, the last of them with everything that was made of it."""
    own = (lot.item_id, lot.id)
    return [
        _goods("made-of", _("Made of"), [(goods, n, source) for source in _sources(own, -1)
                                         for goods, n in _net(source).items() if n > 0], named),
        _goods("went-into", _("Went into"), [(goods, -n, source) for source in _sources(own, 1)
                                             for goods, n in _net(source).items() if n < 0], named),
        _way(own, named, language),
        _who_has_it(own, named),
    ]  # fmt: skip


def _sources(goods: Goods, sign: int) -> list[Source]:
    """Documents that took of the goods in all (``sign`` 1), or brought of them (-1)."""
    document = (Transfer.source_kind, Transfer.source_id)
    query = Move.select(*document, NET).join(Transfer).where((Move.item == goods[0]) & (Move.lot == goods[1]))
    rows = query.where(Transfer.source_kind != "").group_by(*document).order_by(*document).tuples()
    return [(kind, number) for kind, number, net in rows if net * sign > 0]


def _net(source: Source) -> dict[Goods, int]:
    """What the papers of a document took in all, less what they brought."""
    own = (Transfer.source_kind == source[0]) & (Transfer.source_id == source[1])
    query = Move.select(Move.item, Move.lot, NET).join(Transfer).where(own).group_by(Move.item, Move.lot)
    return {(item, lot): int(net) for item, lot, net in query.order_by(Move.item, Move.lot).tuples()}


def _later(first: Goods) -> Iterator[Goods]:
    """The goods, and all that they went into; goods without lots end the way, since any of them may be meant."""
    found, seen = [first], {first}
    for goods in found:  # which grows meanwhile
        yield goods
        if goods[1] == NO_LOT:
            continue
        made = [other for source in _sources(goods, 1) for other, net in _net(source).items() if net < 0]
        found += [other for other in made if other not in seen]
        seen.update(made)


def _goods(name: str, title: str, rows: list[tuple[Goods, int, Source]], named: Named) -> Table:
    columns = (
        Column("item", _("Item")), Column("name", _("Name")), Column("lot", _("Lot")),
        Column("quantity", _("Quantity"), "quantity"), Column("document", _("Document")),
    )  # fmt: skip
    lines = []
    for goods, quantity, source in rows:
        item, lot = _item(goods[0]), _lot_code(goods[1])
        words = (item.code, item.name, lot, (quantity, int(item.unit.scale)), named(source)[0])
        lines.append(Line(words, ("stock.trace", {"lot": goods[1]}) if goods[1] else None))
    return Table(name, title, columns, lines)


def _way(goods: Goods, named: Named, language: str) -> Table:
    """Each move of the lot."""
    source, target = Location.alias(), Location.alias()
    place = f"name_{language}"
    query = (
        Move.select(Move.date, Transfer.id, Transfer.number, Transfer.source_kind, Transfer.source_id, Move.quantity,
                    getattr(source, place), getattr(target, place))
        .join(Transfer).switch(Move).join(source, on=(source.id == Move.source)).switch(Move)
        .join(target, on=(target.id == Move.target))
        .where((Move.item == goods[0]) & (Move.lot == goods[1])).order_by(Move.date, Move.rank, Move.id)
    )  # fmt: skip
    scale = int(_item(goods[0]).unit.scale)
    lines = [
        Line((date, number, (quantity, scale), come, go, *(named((kind, document)) if kind else ("", ""))),
             ("biz.stock-transfer-show", {"key": paper}))
        for date, paper, number, kind, document, quantity, come, go in query.tuples()
    ]  # fmt: skip
    columns = (
        Column("date", _("Date"), "date"), Column("paper", _("Stock paper")),
        Column("quantity", _("Quantity"), "quantity"), Column("from", _("From")), Column("to", _("To")),
        Column("document", _("Document")), Column("party", _("With")),
    )  # fmt: skip
    return Table("way", _("Each move of it"), columns, lines)


def _who_has_it(goods: Goods, named: Named) -> Table:
    """Documents that took it, or something that it went into, out of the house, less what came back."""
    lines = []
    for item, lot in _later(goods):
        for source in _sources((item, lot), 1):
            net = _net(source)
            left = net[item, lot] - _came_back(source, (item, lot))
            if left > 0 and all(other >= 0 for other in net.values()):
                found, scale = _item(item), int(_item(item).unit.scale)
                lines.append(Line((found.code, found.name, _lot_code(lot), (left, scale), *named(source))))
    columns = (
        Column("item", _("Item")), Column("name", _("Name")), Column("lot", _("Lot")),
        Column("quantity", _("Quantity"), "quantity"), Column("document", _("Document")), Column("party", _("With")),
    )  # fmt: skip
    return Table("who-has-it", _("Who has it, or something made of it"), columns, lines)


def _came_back(source: Source, goods: Goods) -> int:
    """How much of what a document took was returned by others."""
    own = (Transfer.source_kind == source[0]) & (Transfer.source_id == source[1]) & (Move.direction == "out")
    moves = Move.select().join(Transfer).where(own & (Move.item == goods[0]) & (Move.lot == goods[1]))
    return sum(checks.returned(move) for move in moves)


def _item(key: int) -> Item:
    found: Item = Item.select(Item, Unit).join(Unit).where(Item.id == key).get()
    return found


def _lot_code(key: int) -> str:
    return str(Lot.get_by_id(key).code) if key else ""
