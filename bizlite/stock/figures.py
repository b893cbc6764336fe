"""The stock's figures as tables: what pages show, and what CSV and XLSX take along."""

from __future__ import annotations

import datetime

from peewee import fn

from bizlite.core import tables
from bizlite.core.errors import marked as _
from bizlite.core.exact import half_up
from bizlite.core.tables import Column, Line, Table
from bizlite.stock import planning
from bizlite.stock.models import Cost, Item, Location, Lot, Move, OnHand, Plan, Transfer, Unit


def on_hand(language: str) -> Table:
    """What is there of each item, lot and place, and how much of it is reserved; a row leads to the item's card."""
    query = (
        OnHand.select(
            OnHand.item, Item.code, Item.name, Unit.scale, Lot.code, getattr(Location, f"name_{language}"),
            OnHand.quantity, OnHand.reserved,
        )
        .join(Item, on=(Item.id == OnHand.item)).join(Unit).switch(OnHand)
        .join(Location, on=(Location.id == OnHand.location)).switch(OnHand)
        .join(Lot, "LEFT JOIN", on=(Lot.id == OnHand.lot))
        .where((Location.kind == "internal") & (OnHand.quantity != 0)).order_by(Item.code, OnHand.lot, OnHand.location)
    )  # fmt: skip
    lines = [
        Line((code, name, lot or "", place, (quantity, scale), (reserved, scale), (quantity - reserved, scale)),
             ("stock.card", {"item": item}))
        for item, code, name, scale, lot, place, quantity, reserved in query.tuples()
    ]  # fmt: skip
    columns = (
        Column("item", _("Item")), Column("name", _("Name")), Column("lot", _("Lot")), Column("place", _("Place")),
        Column("quantity", _("There"), "quantity"), Column("reserved", _("Reserved"), "quantity"),
        Column("free", _("Free"), "quantity"),
    )  # fmt: skip
    return Table("on-hand", _("Stock on hand"), columns, lines)


def values() -> Table:
    """What each item is worth: on hand, average cost, value; the sum is what stands in the ledger."""
    last = Cost.alias()
    state = last.select(last.move).where(last.item == Item.id).order_by(
        last.item.desc(), last.date.desc(), last.rank.desc(), last.move.desc()
    ).limit(1)  # fmt: skip
    query = Item.select(Item.id, Item.code, Item.name, Unit.scale, Cost.quantity, Cost.value).join(Unit).switch(Item)
    rows = query.join(Cost, on=(Cost.move == state)).where(Cost.quantity != 0).order_by(Item.code).tuples()
    lines = [
        Line(
            (code, name, (quantity, scale), half_up(value * 10**scale, quantity), value), ("stock.card", {"item": item})
        )
        for item, code, name, scale, quantity, value in rows
    ]
    columns = (
        Column("item", _("Item")), Column("name", _("Name")), Column("quantity", _("There"), "quantity"),
        Column("average", _("Average cost"), "money"), Column("value", _("Value"), "money"),
    )  # fmt: skip
    return Table("stock-values", _("Value of the stock"), columns, lines, ("value",))


def card(item: Item, start: datetime.date, language: str, most: int | None = None) -> Table:
    """The stock card (存货明细账) of an item: what came and went, and what there was after each move."""
    source, target = Location.alias(), Location.alias()
    name = f"name_{language}"
    query = (
        Move.select(
            Move.date, Transfer.id, Transfer.number, getattr(source, name), getattr(target, name), Move.direction,
            Move.quantity, Cost.change, Cost.quantity, Cost.value,
        )
        .join(Transfer).switch(Move).join(Cost, on=(Cost.move == Move.id)).switch(Move)
        .join(source, on=(Move.source == source.id)).switch(Move).join(target, on=(Move.target == target.id))
        .where((Move.item == item) & (Move.date >= start)).order_by(Move.date, Move.rank, Move.id)
    )  # fmt: skip
    rows, rest = tables.part(query, query, most)
    scale = int(item.unit.scale)
    lines = [
        Line(
            (
                date,
                number,
                came,
                went,
                (quantity if direction == "in" else -quantity, scale),
                change,
                (there, scale),
                value,
            ),
            ("biz.stock-transfer-show", {"key": paper}),
        )
        for date, paper, number, came, went, direction, quantity, change, there, value in rows
    ]
    columns = (
        Column("date", _("Date"), "date"), Column("number", _("Number")), Column("source", _("From")),
        Column("target", _("To")), Column("quantity", _("Quantity"), "quantity"), Column("change", _("Value"), "money"),
        Column("there", _("There after it"), "quantity"), Column("value", _("Worth after it"), "money"),
    )  # fmt: skip
    return Table("stock-card", _("Stock card"), columns, lines, rest=rest)


def plan(item: Item, today: datetime.date, until: datetime.date) -> Table:
    """What is planned of an item, and the stock after each day."""
    scale = int(item.unit.scale)
    planned = Plan.select(Plan.date, fn.SUM(Plan.quantity)).where((Plan.item == item) & (Plan.date <= until))
    changes = {date: int(quantity) for date, quantity in planned.group_by(Plan.date).tuples()}
    lines = [Line((today, None, (planning.on_hand(item.id), scale)))]
    lines += [
        Line((date, (changes[date], scale), (level, scale))) for date, level in planning.projected(item.id, until)
    ]
    columns = (
        Column("date", _("Date"), "date"), Column("change", _("Comes or goes"), "quantity"),
        Column("level", _("There after it"), "quantity"),
    )  # fmt: skip
    return Table("plan", _("Projected stock"), columns, lines)


def shortages() -> Table:
    """Items that fall below 0 by what is planned, the first first; a row leads to the item's projection."""
    found = planning.below_zero()
    known = _items([row.item for row in found])
    lines = [
        Line((*known[row.item][:2], row.date, (-row.level, known[row.item][2])), ("stock.plan", {"item": row.item}))
        for row in found
    ]
    columns = (
        Column("item", _("Item")), Column("name", _("Name")), Column("date", _("From"), "date"),
        Column("missing", _("Missing"), "quantity"),
    )  # fmt: skip
    return Table("shortages", _("Missing for what is promised"), columns, lines)


def to_order(today: datetime.date) -> Table:
    """What the reorder rules say."""
    found = planning.suggestions(today)
    known = _items([row.item for row in found])
    lines = [
        Line(
            (*known[row.item][:2], row.short_on, (row.quantity, known[row.item][2])), ("stock.plan", {"item": row.item})
        )
        for row in found
    ]
    columns = (
        Column("item", _("Item")), Column("name", _("Name")), Column("date", _("Below its least on"), "date"),
        Column("quantity", _("To order"), "quantity"),
    )  # fmt: skip
    return Table("to-order", _("To order by the reorder rules"), columns, lines)


def _items(keys: list[int]) -> dict[int, tuple[str, str, int]]:
    rows = Item.select(Item.id, Item.code, Item.name, Unit.scale).join(Unit).where(Item.id << keys).tuples()
    return {key: (code, name, scale) for key, code, name, scale in rows}
