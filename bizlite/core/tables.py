"""A table that is no list of documents: what a page shows, and what CSV and XLSX take along."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bizlite.core import exact

Target = tuple[str, dict[str, object]]  # the endpoint of a page, and the words of its address


@dataclass(frozen=True, slots=True)
class Column:
    """``label`` is a message identifier; ``kind`` is text, word (a message identifier), money, whole, quantity,
    percent, date or month.

    A quantity is a pair of its integer and the scale of its unit, a percentage an integer of hundredths of it.
    """

    name: str
    label: str
    kind: str = "text"


@dataclass(frozen=True, slots=True)
class Line:
    """The values of a row, by column, and where it leads to when it is clicked."""

    values: tuple[object, ...]
    target: Target | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """``name`` is that of the file; sums stand below the columns that ``totals`` names.

    ``rest`` is how many rows there are besides, where a page reads only the first ones; ``sums`` are then those of all.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    lines: Sequence[Line]
    totals: tuple[str, ...] = ()
    rest: int = 0
    sums: Mapping[str, int] | None = None

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.lines) + self.rest

    def total(self, name: str) -> int:
        """The sum of a column of money or whole numbers."""
        if self.sums is not None:
            return self.sums[name]
        place = next(n for n, column in enumerate(self.columns) if column.name == name)
        return sum(line.values[place] or 0 for line in self.lines)  # type: ignore[misc]  # they are integers


def part(query: Any, counted: Any, most: int | None) -> tuple[list[tuple[Any, ...]], int]:
    """The first rows of a query, all of them without ``most``, and how many there are besides: as many as ``counted``
    has, a query that may leave out what only has to be shown."""
    if most is None:
        return list(query.tuples()), 0
    rows = list(query.limit(most).tuples())
    return rows, counted.count() - most if len(rows) == most else 0


def cells(table: Table, say: Callable[[str], str]) -> Iterator[list[object]]:
    """Rows for a spreadsheet: the labels as ``say`` has them in the reader's language, then plain values."""
    yield [say(column.label) for column in table.columns]
    for line in table.lines:
        pairs = zip(table.columns, line.values, strict=True)
        yield [say(str(value)) if column.kind == "word" else plain(column.kind, value) for column, value in pairs]


def plain(kind: str, value: object) -> object:
    """A value as a number of whole units where it is one."""
    if value is None:
        return ""
    match kind, value:
        case "money", int():
            return Decimal(value).scaleb(-exact.MINOR)
        case "quantity", (int() as amount, int() as scale):
            return Decimal(amount).scaleb(-scale)
        case "percent", int():
            return Decimal(value).scaleb(-2)
        case "month", int():
            return f"{value // 100}-{value % 100:02}"
        case "date", datetime.date():
            return value.isoformat()
    return value
