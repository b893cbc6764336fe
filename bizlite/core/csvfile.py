"""CSV that people bring: from a spreadsheet, a bank, another program. A bad row is named by its number."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from bizlite.core.errors import Problem, Refused, refuse, refuse_all
from bizlite.core.spreadsheet import FORMULA

MOST_BYTES = 5 * 2**20
MOST_ROWS = 20_000
Columns = Mapping[str, Sequence[str]]  # our name of a column -> what it may be called in the file


def decode(content: bytes) -> str:
    """The text of a file: UTF-8, or what Chinese banks and Excel write. :raise Refused: when it is neither."""
    if len(content) > MOST_BYTES:
        raise refuse("file", "is too large", "Give at most %(most)s bytes.", len(content), most=MOST_BYTES)
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise refuse("file", "is not a text", "Save it as CSV in UTF-8.")


def read(text: str, columns: Columns, required: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """Rows by our names of their columns, each with its number in the file; empty rows are left out.

    :raise Refused: when it is no table, a required column is missing, there is no row, or there are too many.
    """
    lines = _lines(text)
    heads = [name.strip().lower() for name in lines[0]] if lines else []
    places = {
        name: heads.index(alias.lower())
        for name, aliases in columns.items()
        for alias in reversed((name, *aliases))  # the first one counts where several are there
        if alias.lower() in heads
    }
    refuse_all(
        [
            Problem(
                field="rows.1",
                message="the column %(name)s is missing",
                remedy="Name it %(aliases)s in the first row.",
                params={"name": name, "aliases": " / ".join((name, *columns[name]))},
            )
            for name in required
            if name not in places
        ]
    )
    if len(lines) - 1 > MOST_ROWS:
        raise refuse("file", "has too many rows", "Give at most %(most)s.", len(lines) - 1, most=MOST_ROWS)
    rows = []
    for number, line in enumerate(lines[1:], 2):
        if any(value.strip() for value in line):
            rows.append((number, {n: _plain(line[at]) if at < len(line) else "" for n, at in places.items()}))
    if not rows:
        raise refuse("file", "has no rows", "Give at least one row below the heading.")
    return rows


def at_row(number: int, problems: Sequence[Problem]) -> list[Problem]:
    """The same problems, named by the row of the file."""
    return [
        Problem(field=f"rows.{number}.{p.field}", message=p.message, remedy=p.remedy, value=p.value, params=p.params)
        for p in problems
    ]


def at_rows(refused: Refused, numbers: Sequence[int]) -> Refused:
    """What was refused at ``lines.N`` named by the rows of the file that the lines came from; the caller raises it."""
    for problem in refused.problems:
        head, _, rest = problem.field.removeprefix("lines.").partition(".")
        if rest and head.isdecimal():
            object.__setattr__(problem, "field", f"rows.{numbers[int(head)]}.{rest}")
    return refused


def _lines(text: str) -> list[list[str]]:
    if "\x00" in text:
        raise refuse("file", "is not a text", "Save it as CSV in UTF-8.")
    lines: list[list[str]] = []
    try:
        for line in csv.reader(io.StringIO(text.replace("\r\n", "\n").replace("\r", "\n")), strict=True):
            lines.append(line)
    except csv.Error:  # a quotation mark that nothing closes would take the rows behind it into one cell
        field = f"rows.{len(lines) + 1}"
        raise refuse(field, "has a quotation mark too many or too few", "Save it as CSV in UTF-8.") from None
    return lines


def _plain(value: str) -> str:
    """Without the apostrophe that our own files have in front of what looks like a formula."""
    value = value.strip()
    return value[1:] if value.startswith("'") and value[1:].startswith(FORMULA) else value
