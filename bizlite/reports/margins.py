"""What earned money: revenue less the cost of the goods, by month, customer, item and person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from peewee import fn

from bizlite.core import store
from bizlite.core.errors import marked as _
from bizlite.core.exact import half_up
from bizlite.core.tables import Column, Line, Table
from bizlite.finance.models import Party
from bizlite.reports.models import ALL, NONE, Margin, Person
from bizlite.stock.models import Item, Unit

MEASURES = (
    Column("revenue", _("Revenue"), "money"), Column("cost", _("Cost of goods"), "money"),
    Column("margin", _("Gross profit"), "money"), Column("percent", _("Gross margin"), "percent"),
)  # fmt: skip
EARNED = ("revenue", "cost", "margin")
DIMENSIONS = ("month", "customer", "item", "person")


def table(by: str, first: int, last: int, *, party: int = ALL, item: int = ALL) -> Table:
    """Margins between two months (202601), both included, by month, customer or item; of one customer or item."""
    if by == "person":
        return persons(first, last)
    return {"month": _by_month, "customer": _by_customer, "item": _by_item}[by](first, last, party, item)


def persons(first: int, last: int) -> Table:
    """What people posted."""
    rows = Person.select(Person.user, Person.kind, fn.SUM(Person.documents), fn.SUM(Person.amount))
    rows = rows.where(Person.month.between(first, last)).group_by(Person.user, Person.kind)
    sums: dict[str, dict[str, tuple[int, int]]] = {}
    for user, kind, documents, amount in rows.tuples():
        sums.setdefault(user, {})[kind] = (int(documents), int(amount))
    lines = [
        Line((user, *kinds.get("order", (0, 0)), *kinds.get("invoice", (0, 0)))) for user, kinds in sorted(sums.items())
    ]
    columns = (
        Column("user", _("Person")), Column("orders", _("Orders"), "whole"), Column("ordered", _("Ordered"), "money"),
        Column("invoices", _("Invoices"), "whole"), Column("invoiced", _("Invoiced"), "money"),
    )  # fmt: skip
    return Table("margin-person", _("What people posted"), columns, lines, ("ordered", "invoiced"))


def months(first: int, last: int) -> list[int]:
    """Every month between two, both included."""
    numbers = range(first // 100 * 12 + first % 100 - 1, last // 100 * 12 + last % 100)
    return [number // 12 * 100 + number % 12 + 1 for number in numbers]


def _by_month(first: int, last: int, party: int, item: int) -> Table:
    where = Margin.month.between(first, last) & (Margin.party == party) & (Margin.item == item)
    found = {row.month: (row.revenue, row.cost) for row in store.rows(Margin.select().where(where))}
    lines = [
        Line(
            (month, *_measures(*found.get(month, (0, 0)))),
            ("reports.margin", {"by": "customer", "first": month, "last": month}),
        )
        for month in months(first, last)
    ]
    return Table("margin-month", _("By month"), (Column("month", _("Month"), "month"), *MEASURES), lines, EARNED)


def _by_customer(first: int, last: int, party: int, item: int) -> Table:
    """Of an item where one is given."""
    query = Margin.select(Margin.party, fn.SUM(Margin.revenue), fn.SUM(Margin.cost)).group_by(Margin.party)
    where = Margin.month.between(first, last) & (Margin.item == item) & (Margin.party != ALL)
    rows = sorted(query.where(where).tuples(), key=lambda row: (row[2] - row[1], row[0]))
    names = dict(Party.select(Party.id, Party.name).where(Party.id << [row[0] for row in rows]).tuples())
    lines = [
        Line((names.get(key, ""), *_measures(int(revenue), int(cost))),
             ("reports.margin", {"by": "item", "party": key, "first": first, "last": last}))
        for key, revenue, cost in rows
    ]  # fmt: skip
    return Table("margin-customer", _("By customer"), (Column("customer", _("Customer")), *MEASURES), lines, EARNED)


def _by_item(first: int, last: int, party: int, item: int) -> Table:
    """Of a customer where one is given."""
    query = Margin.select(Margin.item, fn.SUM(Margin.quantity), fn.SUM(Margin.revenue), fn.SUM(Margin.cost))
    where = Margin.month.between(first, last) & (Margin.party == party) & (Margin.item != ALL)
    rows = sorted(query.where(where).group_by(Margin.item).tuples(), key=lambda row: (row[3] - row[2], row[0]))
    names = _items([row[0] for row in rows])
    columns = (
        Column("item", _("Item")),
        Column("name", _("Name")),
        Column("quantity", _("Quantity"), "quantity"),
        *MEASURES,
    )
    return Table("margin-item", _("By item"), columns, list(_item_lines(rows, names, (party, first, last))), EARNED)


def _item_lines(
    rows: Sequence[tuple[int, int, int, int]], names: dict[int, tuple[str, str, int]], asked: tuple[int, int, int]
) -> Iterator[Line]:
    for key, quantity, revenue, cost in rows:
        code, name, scale = names.get(key, ("", "", 0))
        counted = None if key == NONE else (int(quantity), scale)
        query = {"by": "month", "party": asked[0], "item": key, "first": asked[1], "last": asked[2]}
        yield Line((code, name, counted, *_measures(int(revenue), int(cost))), ("reports.margin", query))


def _items(keys: Sequence[int]) -> dict[int, tuple[str, str, int]]:
    rows = Item.select(Item.id, Item.code, Item.name, Unit.scale).join(Unit).where(Item.id << list(keys))
    return {key: (code, name, scale) for key, code, name, scale in rows.tuples()}


def _measures(revenue: int, cost: int) -> tuple[int, int, int, int | None]:
    """With the margin in hundredths of a percent of the revenue; none where there is no revenue."""
    margin = revenue - cost
    return revenue, cost, margin, half_up(margin * 10_000, revenue) if revenue else None
