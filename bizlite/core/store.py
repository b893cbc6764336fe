"""The one way to write rows: gives the row its number, checks the version of a draft, and writes the audit log.

Rows that are written once and hang on a document (ledger lines, stock moves) are their own log: ``append`` inserts them
without a line in the audit, whose record of the document says who and when.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from peewee import ModelSelect

from bizlite.core import exact
from bizlite.core.database import DateField, Record, database, depth
from bizlite.core.errors import Missing, Problem, Stale
from bizlite.core.models import Audit, Document, Row
from bizlite.core.session import Session

R = TypeVar("R", bound=Record)
CHUNK = 500  # rows an INSERT: SQLite takes 32,766 values


def next_id(model: type[Row]) -> int:
    """The next row number. One writer, hence no sequence, hence the same numbers on both databases."""
    ((last,),) = ask(f'SELECT MAX(id) FROM "{model._meta.table_name}"')
    return int(last or 0) + 1


def facts(row: Record) -> dict[str, Any]:
    """A row as plain values, by column."""
    return {name: row.__data__.get(name) for name in row._meta.sorted_field_names}


def get(model: type[R], key: object, field: str = "id") -> R:
    """The row of a primary key. :raise Missing: when there is none."""
    main: Any = model._meta.primary_key
    row = None
    is_row = not isinstance(key, int) or abs(key) <= exact.LARGEST  # a larger one is none, and no database takes it
    if key is not None and not isinstance(key, bool) and is_row:
        row = next(iter(read(model, f'"{main.column_name}" = ?', main.db_value(key))), None)
    if row is None:
        problem = Problem(field=field, message="does not exist", remedy="Choose one that exists.", value=str(key))
        raise Missing(problem)
    return row


def rows(query: ModelSelect) -> list[Any]:
    """The rows of a query for the whole columns of one table; peewee takes several times as long to make them."""
    return _made(query.model, database.execute(query))


def read(model: type[R], rest: str, *values: object) -> list[R]:
    """Rows of a table by what stands behind WHERE in SQL, ``?`` for the values: for what is asked again and again,
    since peewee takes longer to write a statement than SQLite to answer it."""
    names = ", ".join(f'"{field.column_name}"' for field in model._meta.sorted_fields)
    return _made(model, ask(f'SELECT {names} FROM "{model._meta.table_name}" WHERE {rest}', *values))


def ask(sql: str, *values: object) -> Iterable[tuple[Any, ...]]:
    """The rows of a statement in SQL, ``?`` for the values, as the database gives them: SQLite has days as texts."""
    return database.execute_sql(sql.replace("?", database.param), values)  # type: ignore[no-any-return]


def tuples(query: ModelSelect) -> Iterator[tuple[Any, ...]]:
    """The rows of a query for columns, which peewee gives at a third of the pace where there are thousands."""
    dates = [(n, column.adapt) for n, column in enumerate(query.selected_columns) if isinstance(column, DateField)]
    for row in database.execute(query):
        values = list(row)
        for n, day in dates:
            values[n] = day(values[n])
        yield tuple(values)


def among(model: type[R], name: str, keys: Iterable[object]) -> list[R]:
    """Rows whose column is one of the keys."""
    wanted = list(keys)
    places = ", ".join("?" * len(wanted))
    return read(model, f'"{model._meta.fields[name].column_name}" IN ({places})', *wanted) if wanted else []


def _made(model: type[R], lines: Iterable[tuple[Any, ...]]) -> list[R]:
    fields = model._meta.sorted_fields
    names = [field.name for field in fields]
    odd = [(field.name, field.python_value) for field in fields if field.field_type in ("DATE", "BOOL")]  # in SQLite
    found = []
    for columns in lines:
        row = model(__no_default__=True)
        row.__data__ = data = dict(zip(names, columns, strict=True))
        for name, value in odd:
            data[name] = value(data[name])
        row._dirty.clear()
        found.append(row)
    return found


def stands(row: Any) -> bool:
    """Whether a document neither takes another one back nor was itself taken back by a storno."""
    return row.reverses_id is None and not read(type(row), "reverses_id = ?", row.id)


def insert(session: Session, row: R) -> R:
    """Inserts a new row."""
    _within_write()
    if isinstance(row, Row) and row.id is None:
        row.id = next_id(type(row))
    _insert(type(row), [row.__data__])
    row._dirty.clear()
    _log(session, row, "insert", {}, facts(row))
    return row


def change(session: Session, row: R, *, version: int | None = None, **values: Any) -> R:
    """Updates the named columns. A draft needs the version that the user saw. :raise Stale: when it moved on."""
    _within_write()
    before = get(type(row), row.id) if isinstance(row, Row) else type(row).get(row._pk_expr())
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
        _insert(model, values[start : start + CHUNK])
    return [row.get("id", 0) for row in values]


def _insert(model: type[Record], rows: Sequence[Mapping[str, Any]]) -> None:
    """One INSERT; the rows have the same columns. Peewee builds its SQL value by value, which takes several times as
    long as the database does."""
    meta = model._meta
    known = meta.get_default_dict()
    fields = [meta.combined[name] for name in {**known, **rows[0]}]
    names = ", ".join(f'"{field.column_name}"' for field in fields)
    places = ", ".join([database.param] * len(fields))
    values = [field.db_value(row[field.name] if field.name in row else known[field.name])
              for row in rows for field in fields]  # fmt: skip
    places = ", ".join([f"({places})"] * len(rows))
    database.execute_sql(f'INSERT INTO "{meta.table_name}" ({names}) VALUES {places}', values)


def _log(session: Session, row: Record, action: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    line = {
        "id": next_id(Audit), "at_ms": session.now_ms(), "user": session.user, "table": row._meta.table_name,
        "row": key_of(row), "action": action, "before": _json(_shown(row, before)), "after": _json(_shown(row, after)),
    }  # fmt: skip
    _insert(Audit, [line])


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
