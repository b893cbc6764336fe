"""First-pass yield of inspections: how many pieces of the samples were good when they were looked at first."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from peewee import fn

from bizlite.quality.models import Inspection


@dataclass(frozen=True, slots=True)
class Yield:
    """Pieces looked at and how many of them were good the first time; ``month`` is 202611."""

    month: int
    item: int
    operation: str
    seen: int
    good: int

    @property
    def basis_points(self) -> int:
        """The yield, 10,000 is all; rounded down, so that only all is all."""
        return self.good * 10_000 // self.seen


def first_pass(first: datetime.date, last: datetime.date) -> list[Yield]:
    """By month, item and operation, in a span of days; goods that passed by concession were not good."""
    where = Inspection.posted & Inspection.is_first & Inspection.date.between(first, last)
    month = (Inspection.date.year * 100 + Inspection.date.month).alias("month")
    query = Inspection.select(
        month, Inspection.item, Inspection.operation, fn.SUM(Inspection.sample), fn.SUM(Inspection.defective)
    ).where(where)  # fmt: skip
    grouped = query.group_by(month, Inspection.item, Inspection.operation)
    rows = sorted(grouped.tuples())
    return [Yield(int(m), item, operation, int(seen), int(seen - bad)) for m, item, operation, seen, bad in rows]
