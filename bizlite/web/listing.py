"""The rows of a list: search, filters, order and place, all of them in the address; a page costs the same anywhere."""

from __future__ import annotations

import base64
import binascii
import datetime
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Any

from markupsafe import Markup
from peewee import SQL, fn

from bizlite.core import store
from bizlite.core.errors import refuse
from bizlite.core.spreadsheet import cell, number
from bizlite.core.spreadsheet import line as csv_line
from bizlite.web import tables
from bizlite.web.addresses import address
from bizlite.web.fields import Date, Field, Reference, YesNo
from bizlite.web.resource import Column, Resource, raw, values_of
from bizlite.web.texts import gettext

ROWS = 50
MOST_ROWS = 200
CSV_ROWS = 500  # read at a time
LONGEST_SEARCH = 100
# Names in the address that are no filters; the looks leave the rows as they are.
LOOKS = frozenset({"lang", "theme", "print"})
WORDS = frozenset({"q", "sort", "after", "limit"}) | LOOKS


@dataclass(frozen=True)
class Page:
    """A part of a list; ``after`` is the address of the next part, empty at the end.

    There are totals of what was filtered or stands here whole: nobody asks for the sum of ten years of invoices, which
    would cost more than all else of the page.
    """

    rows: list[Any]
    after: str
    sort: str
    totals: dict[str, int]


def page(resource: Resource, asked: Mapping[str, str], *, rows: int = ROWS, with_totals: bool = True) -> Page:
    """The rows that the address asks for. :raise Refused: when it cannot be understood."""
    conditions = _conditions(resource, asked)
    sort = _sort(resource, asked.get("sort", ""))
    column, is_down = getattr(resource.model, sort.lstrip("-")), sort.startswith("-")
    query = resource.model.select()
    for condition in conditions:
        query = query.where(condition)
    if asked.get("after"):
        query = query.where(_behind(resource, column, is_down, asked["after"]))
    order = [column, resource.key] if column is not resource.key else [column]
    found = store.rows(query.order_by(*[c.desc() if is_down else c.asc() for c in order]).limit(rows + 1))
    shown = found[:rows]
    after = _mark(shown[-1], sort.lstrip("-")) if len(found) > rows else ""
    is_chosen = bool(conditions) or not (after or asked.get("after"))
    return Page(shown, after, sort, _totals(resource, conditions) if with_totals and shown and is_chosen else {})


def searched(text: str) -> str:
    """What is searched for; control characters, of which a scanner may send some, are not."""
    return "".join(c for c in text[:LONGEST_SEARCH] if c >= " " and not "\ud800" <= c <= "\udfff").strip()


def cells(resource: Resource, rows: list[Any]) -> Iterator[tuple[Any, list[str]]]:
    """Each row with its cells as one reads them, by column; rows that are referred to are read once for all."""
    columns = resource.all_columns()
    names = {
        column.name: _words(column.kind, {column.of(row) for row in rows})
        for column in columns
        if isinstance(column.kind, Reference)
    }
    for row, values in zip(rows, values_of(columns, rows), strict=True):
        texts = []
        for column, value in zip(columns, values, strict=True):
            known = names.get(column.name)
            texts.append(known.get(value, "") if known is not None else column.kind.shown(value, row.__data__))
        yield row, texts


def heads(columns: list[Column]) -> list[tuple[str, str]]:
    """Label and class of each column of a list."""
    return [
        (gettext(column.label),
         "num" if column.kind.is_number else "whole" if not n or column.kind.widget == "date" else "")
        for n, column in enumerate(columns)
    ]  # fmt: skip


def drawn(resource: Resource, heads: list[tuple[str, str]], rows: Iterable[tuple[Any, list[str]]]) -> Iterator[Markup]:
    """The cells of each row of a list; a draft has no number yet."""
    begins, draft = tables.begins_of(heads), gettext("draft")
    for row, texts in rows:
        yield tables.cells(begins, texts, address(resource, "show", key=row._pk), f"{draft} #{row._pk}")


def as_csv(resource: Resource, asked: Mapping[str, str]) -> Iterator[str]:
    """The whole list as CSV, as one reads it; a text that a spreadsheet would take for a formula gets an apostrophe."""
    columns = resource.all_columns()
    yield "\ufeff" + csv_line([gettext(column.label) for column in columns])
    place = dict(asked)
    while True:
        part = page(resource, place, rows=CSV_ROWS, with_totals=False)
        for _, texts in cells(resource, part.rows):
            pairs = zip(columns, texts, strict=True)
            yield csv_line([number(text) if column.kind.is_number else cell(text) for column, text in pairs])
        if not part.after:
            return
        place["after"] = part.after


def limits(resource: Resource, asked: Mapping[str, str]) -> Any:
    """The condition of what is asked of a list. :raise Refused: when it cannot be understood."""
    return reduce(and_, _conditions(resource, asked), SQL("1 = 1"))


def filter_fields(resource: Resource) -> list[Field]:
    """The filters of a list, as fields."""
    return [resource.field(name) for name in resource.filters]


def _words(kind: Reference, keys: set[Any]) -> dict[Any, str]:
    target = kind.target
    rows = store.among(target.model, target.key.name, keys - {None})
    return {row._pk: target.words(row) for row in rows}


def _conditions(resource: Resource, asked: Mapping[str, str]) -> list[Any]:
    conditions = []
    text = searched(asked.get("q", ""))
    holds = resource.holding(text) if text else None
    if holds is not None:
        conditions.append(holds)
    known = set(WORDS)
    for entry in filter_fields(resource):
        column = getattr(resource.model, entry.name)
        if isinstance(entry, Date):
            known |= {f"{entry.name}_from", f"{entry.name}_to"}
            for end, compare in (("from", column.__ge__), ("to", column.__le__)):
                name = f"{entry.name}_{end}"
                if asked.get(name):
                    conditions.append(compare(entry.read(asked[name], name, {})))
            continue
        known.add(entry.name)
        if asked.get(entry.name):
            conditions.append(column == _wanted(entry, asked[entry.name]))
    for name in asked:
        if name not in known:
            raise refuse(name, "is not a filter of this list", "Leave it out.", asked[name][:100])
    return conditions


def _wanted(entry: Field, text: str) -> Any:
    if isinstance(entry, YesNo):
        if text not in ("yes", "no"):
            raise refuse(entry.name, "is not yes or no", "Give yes or no.", text[:100])
        return text == "yes"
    return entry.read(text, entry.name, {})


def _sort(resource: Resource, sort: str) -> str:
    names = {name.lstrip("-") for name in resource.sorts}
    if sort and sort.removeprefix("-") not in names:
        raise refuse("sort", "is not an order of this list", "Choose one of %(sorts)s.", sort[:100],
                     sorts=", ".join(sorted(names)))  # fmt: skip
    return sort or resource.sorts[0]


def _mark(row: Any, name: str) -> str:
    value = raw(row, name)
    plain = value.isoformat() if isinstance(value, datetime.date) else value
    return base64.urlsafe_b64encode(json.dumps([plain, row._pk]).encode()).decode().rstrip("=")


def _behind(resource: Resource, column: Any, is_down: bool, after: str) -> Any:
    """Rows behind the mark. The first part of the condition lets the index find the place."""
    try:
        value, key = json.loads(base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)))
        value = column.python_value(value)
        key = resource.key.python_value(key)
        if type(value).__name__ == "str" and column.field_type == "DATE":
            value = datetime.date.fromisoformat(value)
    except (ValueError, TypeError, binascii.Error):
        raise refuse("after", "is not a place in this list", "Begin at the first page.", after[:100])
    if is_down:
        return (column <= value) & ((column < value) | (resource.key < key))
    return (column >= value) & ((column > value) | (resource.key > key))


def _totals(resource: Resource, conditions: list[Any]) -> dict[str, int]:
    names = [column.name for column in resource.all_columns() if column.total]
    if not names:
        return {}
    query = resource.model.select(*[fn.COALESCE(fn.SUM(getattr(resource.model, name)), 0) for name in names])
    for condition in conditions:
        query = query.where(condition)
    return dict(zip(names, map(int, query.tuples().get()), strict=True))
