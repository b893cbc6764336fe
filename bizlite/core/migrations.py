"""Numbered migrations, run at start: each once, in order, module by module; a failure leaves the version before it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import peewee

from bizlite.core import schema
from bizlite.core.database import write

Migration = Callable[[peewee.Database], None]

# The core's own tables, as they were in the first release; later ones are added behind, never changed.
CORE = (
    "CREATE TABLE core_counter (kind TEXT NOT NULL, year BIGINT NOT NULL, last BIGINT NOT NULL CHECK (last > 0),"
    " PRIMARY KEY (kind, year))",
    "CREATE TABLE core_audit (id {id} PRIMARY KEY, at_ms BIGINT NOT NULL, user_name TEXT NOT NULL, table_name TEXT NOT"
    " NULL, row_key TEXT NOT NULL, action TEXT NOT NULL CHECK (action IN ('insert', 'change', 'delete')),"
    " before_json TEXT NOT NULL, after_json TEXT NOT NULL)",
    "CREATE INDEX core_audit_row ON core_audit (table_name, row_key)",
    "CREATE TABLE core_key (idempotency_key TEXT PRIMARY KEY, user_name TEXT NOT NULL, command TEXT NOT"
    " NULL, digest TEXT"
    " NOT NULL, table_name TEXT NOT NULL, row_key TEXT NOT NULL, at_ms BIGINT NOT NULL)",
    "CREATE TABLE core_attachment (id {id} PRIMARY KEY, kind TEXT NOT NULL, document_id BIGINT NOT NULL, name TEXT NOT"
    " NULL, media_type TEXT NOT NULL, size_bytes BIGINT NOT NULL CHECK (size_bytes > 0), sha256 TEXT NOT"
    " NULL, user_name"
    " TEXT NOT NULL, at_ms BIGINT NOT NULL)",
    "CREATE INDEX core_attachment_document ON core_attachment (kind, document_id)",
    "CREATE TABLE core_custom_field (id {id} PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, label TEXT NOT NULL,"
    " value_type TEXT NOT NULL CHECK (value_type IN ('text', 'number', 'date', 'choice', 'yesno')),"
    " choices TEXT NOT NULL,"
    " is_required BOOLEAN NOT NULL, position BIGINT NOT NULL, UNIQUE (kind, name))",
    "CREATE TABLE core_grant (id {id} PRIMARY KEY, holder TEXT NOT NULL, permission TEXT NOT NULL,"
    " UNIQUE (holder, permission))",
    "CREATE TABLE core_holder (id {id} PRIMARY KEY, user_name TEXT NOT NULL, holder TEXT NOT NULL,"
    " UNIQUE (user_name, holder))",
    "CREATE TABLE core_switch (module TEXT PRIMARY KEY, is_on BOOLEAN NOT NULL)",
    "CREATE TABLE core_setting (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
)


def _core_1(database: peewee.Database) -> None:
    schema.run(database, *CORE)
    schema.freeze(database, "core_audit")
    schema.freeze(database, "core_key")


CORE_MIGRATIONS: tuple[Migration, ...] = (_core_1,)


def applied(database: peewee.Database) -> dict[str, int]:
    """The version of each module."""
    rows = database.execute_sql("SELECT module, MAX(number) FROM core_migration GROUP BY module ORDER BY module")
    return dict(rows.fetchall())


def migrate(database: peewee.Database, modules: Sequence[tuple[str, Sequence[Migration]]]) -> None:
    """Brings the modules up to date. :raise RuntimeError: when the database is newer than this program."""
    with write():
        schema.run(
            database,
            "CREATE TABLE IF NOT EXISTS core_migration (module TEXT NOT NULL, number BIGINT NOT NULL, at_ms BIGINT NOT"
            " NULL, PRIMARY KEY (module, number))",
        )
        versions = applied(database)
        for module, steps in modules:
            version = versions.get(module, 0)
            if version > len(steps):
                raise RuntimeError(f"{module}: the data is of version {version}, this program knows {len(steps)}")
            for number, step in enumerate(steps[version:], version + 1):
                step(database)
                mark = "?" if isinstance(database, peewee.SqliteDatabase) else "%s"
                database.execute_sql(
                    f"INSERT INTO core_migration VALUES ({mark}, {mark}, {mark})",
                    (module, number, int(time.time() * 1000)),
                )
