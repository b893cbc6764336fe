"""Taking a company's data along: copy of the file while it runs, CSV of every table, the move to another database."""

from __future__ import annotations

import datetime
import hashlib
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import peewee

from bizlite.core.database import Record, is_sqlite, write
from bizlite.core.spreadsheet import cell, line

PAGES = 256  # copied at a time, so that a writer waits for milliseconds
BATCH = 500
PACKED = ".packed-books-"  # folders in which a backup is made
# The clock of the machine that ran the migration is no fact of the company.
SKIPPED = {"core_migration"}


@dataclass(frozen=True)
class Table:
    """A table as it is compared and moved."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    booleans: frozenset[str]


def tables() -> list[Table]:
    """Every table of the product; what is referred to stands before what refers to it."""
    models = peewee.sort_models([m for m in _models(Record) if not _is_abstract(m)])  # type: ignore[attr-defined]
    found = []
    for model in models:
        fields = model._meta.sorted_fields
        key = model._meta.primary_key
        names = key.field_names if isinstance(key, peewee.CompositeKey) else (key.name,)
        found.append(
            Table(
                name=model._meta.table_name,
                columns=tuple(field.column_name for field in fields),
                key=tuple(model._meta.fields[name].column_name for name in names),
                booleans=frozenset(f.column_name for f in fields if isinstance(f, peewee.BooleanField)),
            )
        )
    return found


def rows(database: peewee.Database, table: Table) -> Iterator[tuple[Any, ...]]:
    """The rows in the order of their key; values as both databases agree on them."""
    columns, key = ", ".join(table.columns), ", ".join(_by_bytes(database, name, table) for name in table.key)
    cursor = database.execute_sql(f"SELECT {columns} FROM {table.name} ORDER BY {key}")
    is_boolean = [name in table.booleans for name in table.columns]
    for row in cursor:
        yield tuple(
            bool(value)
            if flag and value is not None
            else value.isoformat()
            if isinstance(value, datetime.date)
            else value
            for value, flag in zip(row, is_boolean, strict=True)
        )


def as_csv(database: peewee.Database, table: Table) -> Iterator[str]:
    """CSV of a table, line by line. A text that a spreadsheet would take for a formula gets an apostrophe in front."""
    yield line(table.columns)
    for row in rows(database, table):
        yield line([cell(value) for value in row])


def digest(database: peewee.Database, table: Table) -> tuple[int, str]:
    """Rows and SHA-256 of a table's values, to compare two databases."""
    count, sum_ = 0, hashlib.sha256()
    for row in rows(database, table):
        count += 1
        sum_.update(repr(row).encode())
    return count, sum_.hexdigest()


def export(database: peewee.Database, directory: Path) -> list[Path]:
    """Writes one CSV file for each table, all of one moment."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    with write():
        for table in tables():
            path = directory / f"{table.name}.csv"
            with path.open("w", encoding="utf-8-sig", newline="") as file:
                file.writelines(as_csv(database, table))
            written.append(path)
    return written


def backup(path: Path, target: Path) -> None:
    """Copies the SQLite file while it is in use; the copy is whole and of one moment."""
    rest = target.with_suffix(".new")
    rest.unlink(missing_ok=True)
    source, copy = sqlite3.connect(path), sqlite3.connect(rest)
    try:
        source.backup(copy, pages=PAGES)
        if copy.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            raise RuntimeError(f"{path} is damaged")
    finally:
        copy.close()
        source.close()
    rest.replace(target)


def pack(out: BinaryIO, database: peewee.Database, folder: Path) -> None:
    """Everything as one ZIP file: the database (from PostgreSQL every table as CSV) and the files at documents.

    ``folder`` is where the attachments lie; what is made on the way lies there too, since memory is small.
    """
    with _packed(out, folder) as (archive, place):
        if is_sqlite(database):
            backup(Path(database.database), place / "company.db")
        else:
            export(database, place)
        _put(archive, place)
        for path in sorted((folder / "attachments").glob("*/*")):
            archive.write(path, f"attachments/{path.relative_to(folder / 'attachments')}")


def pack_tables(out: BinaryIO, database: peewee.Database, folder: Path) -> None:
    """Every table as CSV, as one ZIP file."""
    with _packed(out, folder) as (archive, place):
        export(database, place)
        _put(archive, place)


@contextmanager
def _packed(out: BinaryIO, folder: Path) -> Iterator[tuple[zipfile.ZipFile, Path]]:
    with (
        tempfile.TemporaryDirectory(prefix=PACKED, dir=folder) as place,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        yield archive, Path(place)


def sweep(folder: Path) -> None:
    """Removes what a backup left that was broken off: a copy of all of the books."""
    for left in folder.glob(f"{PACKED}*"):
        shutil.rmtree(left, ignore_errors=True)


def _put(archive: zipfile.ZipFile, place: Path) -> None:
    for path in sorted(place.iterdir()):
        archive.write(path, path.name)


@dataclass(frozen=True)
class Equality:
    """What the move says of one table."""

    table: str
    source: tuple[int, str]
    target: tuple[int, str]

    @property
    def is_equal(self) -> bool:
        return self.source == self.target


def move(source: peewee.Database, target: peewee.Database) -> list[Equality]:
    """Copies every row into a migrated and empty database, in one transaction, and compares both sides.

    The triggers that keep sums would count what is copied as well, so they rest meanwhile; the report shows that the
    copied sums are the same. :raise RuntimeError: when the target holds documents, or a table differs: nothing is kept.
    """
    every = tables()
    with target.atomic():
        filled = [table.name for table in every if next(rows(target, table), None) is not None]
        if filled and not all(_is_seed(name) for name in filled):
            raise RuntimeError(f"the target is not empty: {', '.join(filled)}")
        _rest_triggers(target, every)
        for table in reversed(every):
            target.execute_sql(f"DELETE FROM {table.name}")
        for table in every:
            _copy(source, target, table)
        _wake_triggers(target, every)
        report = [Equality(table.name, digest(source, table), digest(target, table)) for table in every]
        differing = [line.table for line in report if not line.is_equal]
        if differing:
            raise RuntimeError(f"these differ after the move: {', '.join(differing)}")
    return report


def _copy(source: peewee.Database, target: peewee.Database, table: Table) -> None:
    mark = "?" if is_sqlite(target) else "%s"
    places = f"({', '.join(mark for _ in table.columns)})"
    batch: list[tuple[Any, ...]] = []

    def put() -> None:
        if batch:
            values = ", ".join(places for _ in batch)
            columns = ", ".join(table.columns)
            sql = f"INSERT INTO {table.name} ({columns}) VALUES {values}"
            target.execute_sql(sql, [value for row in batch for value in row])
            batch.clear()

    size = max(1, BATCH // len(table.columns) * 10)
    for row in rows(source, table):
        batch.append(row)
        if len(batch) >= size:
            put()
    put()


def _rest_triggers(target: peewee.Database, every: list[Table]) -> None:
    if is_sqlite(target):
        raise RuntimeError("the move goes to PostgreSQL; from SQLite to SQLite copy the file")
    for table in every:
        target.execute_sql(f"ALTER TABLE {table.name} DISABLE TRIGGER USER")


def _wake_triggers(target: peewee.Database, every: list[Table]) -> None:
    # Foreign keys that were checked by their own (system) triggers stay pending until here.
    target.execute_sql("SET CONSTRAINTS ALL IMMEDIATE")
    for table in every:
        target.execute_sql(f"ALTER TABLE {table.name} ENABLE TRIGGER USER")


def _is_seed(name: str) -> bool:
    """Tables that migrations fill."""
    return name in ("finance_account", "stock_unit", "stock_location")


def _by_bytes(database: peewee.Database, name: str, table: Table) -> str:
    """Texts sort by their bytes, whatever the language of the server."""
    model = next(m for m in _models(Record) if not _is_abstract(m) and m._meta.table_name == table.name)
    field = next(f for f in model._meta.sorted_fields if f.column_name == name)
    while isinstance(field, peewee.ForeignKeyField):
        field = field.rel_field
    return f'{name} COLLATE "C"' if isinstance(field, peewee.TextField) and not is_sqlite(database) else name


def _is_abstract(model: type[Record]) -> bool:
    return model.__name__ in ("Row", "Document")


def _models(base: type[Record]) -> list[type[Record]]:
    return [model for child in base.__subclasses__() for model in (child, *_models(child))]
