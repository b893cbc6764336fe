"""What was scrapped, by cause: in all, or by item, work centre and worker."""

from __future__ import annotations

import datetime
from typing import Any

from peewee import fn

from bizlite.core import exact
from bizlite.core.errors import marked as _
from bizlite.core.tables import Column, Line, Table
from bizlite.production.models import Card, Centre, Count, Operation, Order, Report, Worker
from bizlite.stock.models import Item, Unit

WHOSE: dict[str, tuple[Column, Any]] = {
    "item": (Column("item", _("Item")), Item), "centre": (Column("centre", _("Work centre")), Centre),
    "worker": (Column("worker", _("Worker")), Worker),
}  # fmt: skip


def table(by: str, first: datetime.date, last: datetime.date, language: str) -> Table:
    """The pieces that were counted as scrap from one day to another, both included, the most first; ``by`` is cause, or
    one of ``WHOSE`` and cause.

    What was taken back counts against the day on which that was done. The share is of all scrap in the same unit.
    """
    column, model = WHOSE.get(by, (None, None))
    whose = () if model is None else (model.code, model.name)
    taken_back = Report.alias()
    cause, unit = fn.COALESCE(taken_back.cause, Report.cause), getattr(Unit, f"name_{language}")
    columns = (*whose, cause, unit, Unit.scale)
    query = (
        Count.select(*columns, fn.SUM(Count.scrap))
        .join(Report).join(taken_back, "LEFT JOIN", on=(Report.reverses == taken_back.id)).switch(Report).join(Worker)
        .switch(Count).join(Card).join(Operation).join(Centre).switch(Card).join(Order).join(Item).join(Unit)
        .where((Count.scrap != 0) & Count.date.between(first, last)).group_by(*columns)
    )  # fmt: skip
    rows = [(" ".join(who), why, unit, scale, int(sum_)) for *who, why, unit, scale, sum_ in query.tuples() if sum_]
    whole: dict[str, int] = {}
    for _who, _why, unit, _scale, quantity in rows:
        whole[unit] = whole.get(unit, 0) + quantity
    rows.sort(key=lambda row: (row[0], -row[4], row[1]))
    lines = [
        Line((
            *([who] if column else []), why, (quantity, scale), unit,
            exact.half_up(quantity * exact.BASIS_POINTS, whole[unit]) if whole[unit] else None,
        ))
        for who, why, unit, scale, quantity in rows
    ]  # fmt: skip
    shown = (
        *([column] if column else []), Column("cause", _("Cause")), Column("scrap", _("Scrap"), "quantity"),
        Column("unit", _("Unit")), Column("share", _("Share of all scrap"), "percent"),
    )  # fmt: skip
    return Table("scrap", _("Scrap by cause"), shown, lines)
