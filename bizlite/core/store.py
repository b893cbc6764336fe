"""The one way to write rows: gives the row its number, checks the version of a draft, and writes the audit log.

Rows that are written once and hang on a document (ledger lines, stock moves) are their own log: ``append`` inserts them
without a line in the audit, whose record of the document says who and when.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable
from typing import Any, TypeVar

from peewee import ForeignKeyField, fn

from bizlite.core.database import Record, depth
from bizlite.core.errors import Missing, Problem, Stale
from bizlite.core.models import Audit, Document, Row
from bizlite.core.session import Session

R = TypeVar("R", bound=Record)
CHUNK = 500  # rows an INSERT: SQLite takes 32,766 values


def next_id(model: type[Row]) -> int:
    """The next row number. One writer, hence no sequence, hence the same numbers on both databases."""
    return int(model.select(fn.COALESCE(fn.MAX(model.id), 0)).scalar()) + 1


def facts(row: Record) -> dict[str, Any]:
    """A row as plain values, by column."""
    return {name: row.__data__.get(name) for name in row._meta.sorted_field_names}


def get(model: type[R], key: object, field: str = "id") -> R:
    """The row of a primary key. :raise Missing: when there is none."""
    row = None if key is None or isinstance(key, bool) else model.get_or_none(model._meta.primary_key == key)
    if row is None:
        problem = Problem(field=field, message="does not exist", remedy="Choose one that exists.", value=str(key))
        raise Missing(problem)
    return row


def stands(row: Any) -> bool:
    """Whether a document neither takes another one back nor was itself taken back by a storno."""
    model = type(row)
    return row.reverses_id is None and not model.select().where(model.reverses == row).exists()


def insert(session: Session, row: R) -> R:
    """Inserts a new row."""
    _within_write()
    if isinstance(row, Row) and row.id is None:
        row.id = next_id(type(row))
    row.save(force_insert=True)
    _log(session, row, "insert", {}, facts(row))
    return row


def change(session: Session, row: R, *, version: int | None = None, **values: Any) -> R:
    """Updates the named columns. A draft needs the version that the user saw. :raise Stale: when it moved on."""
    _within_write()
    before = type(row).get(row._pk_expr())
    if isinstance(before, Document):
        if version is not None and before.version != version:
            raise Stale(
                Problem(
                    field="version",
                    message="somebody else changed this meanwhile",
                    remedy="Load it again and repeat your change.",
                    value=str(version),
                )
            )
        values["version"] = before.version + 1
    for name, value in values.items():
        setattr(row, name, value)
    if values:
        row.save(only=[type(row)._meta.fields[name] for name in values])
    old = facts(before)
    new = facts(row)
    differing = [name for name in values if old[name] != new[name]]
    if differing:
        _log(session, row, "change", {n: old[n] for n in differing}, {n: new[n] for n in differing})
    return row


def delete(session: Session, row: Record) -> None:
    """Deletes a row that is not a document: those are cancelled, so that their number stays theirs."""
    _within_write()
    _log(session, row, "delete", facts(row), {})
    type(row).delete().where(row._pk_expr()).execute()


def append(model: type[Record], rows: Iterable[dict[str, Any]]) -> list[int]:
    """Inserts rows that are written once, or are derived, and gives their numbers."""
    _within_write()
    values = list(rows)
    if values and issubclass(model, Row) and "id" not in values[0]:
        first = next_id(model)
        values = [{"id": first + n, **row} for n, row in enumerate(values)]
    for start in range(0, len(values), CHUNK):
        model.insert_many(values[start : start + CHUNK]).execute()
    return [row.get("id", 0) for row in values]


def _log(session: Session, row: Record, action: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    Audit.insert(
        id=next_id(Audit),
        at_ms=session.now_ms(),
        user=session.user,
        table=row._meta.table_name,
        row=key_of(row),
        action=action,
        before=_json(_shown(row, before)),
        after=_json(_shown(row, after)),
    ).execute()


def _shown(row: Record, values: dict[str, Any]) -> dict[str, Any]:
    """The log says that a secret changed, not what it is."""
    return {name: "…" if name in row.SECRET and value else value for name, value in values.items()}


def key_of(row: Record) -> str:
    """The primary key as text."""
    key = row._pk
    return "/".join(map(str, key)) if isinstance(key, tuple) else str(key)


def _json(values: dict[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False, sort_keys=True, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, Record):
        return value._pk
    raise TypeError(type(value))


def _within_write() -> None:
    if not depth():
        raise RuntimeError("rows are written within core.database.write()")


def is_reference(model: type[Record], name: str) -> bool:
    """Whether a column refers to another table."""
    return isinstance(model._meta.fields[name], ForeignKeyField)
