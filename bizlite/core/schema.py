"""Tables and triggers in the words that SQLite and PostgreSQL share.

A migration gives frozen SQL, never today's models: what it made last year must not change. Types are BIGINT, TEXT, DATE
and BOOLEAN; ``{id}`` is the type of a primary key that counts. WITHOUT ROWID at the end keeps rows in the order of
their key, which is how reports read sums; PostgreSQL has no such thing. Refusals of triggers arrive as IntegrityError
on both.
"""

from __future__ import annotations

import peewee

from bizlite.core.database import is_sqlite

CHECK_VIOLATION = "23514"
# The columns of a Document, as they were in the first release.
DOCUMENT = (
    "id {id} PRIMARY KEY, number TEXT UNIQUE, date DATE NOT NULL, posted BOOLEAN NOT NULL CHECK (posted = (number IS"
    " NOT NULL)), version BIGINT NOT NULL, text TEXT NOT NULL, custom TEXT NOT NULL, created_by TEXT NOT NULL,"
    " created_ms BIGINT NOT NULL, posted_by TEXT, posted_ms BIGINT,"
)
POSTED = "EXISTS (SELECT 1 FROM {table} WHERE id = {row}.{column} AND posted)"


def run(database: peewee.Database, *statements: str) -> None:
    """Executes the statements of a migration."""
    for statement in statements:
        if is_sqlite(database):  # INTEGER is what makes a primary key the row's own number
            database.execute_sql(statement.replace("{id}", "INTEGER"))
        else:  # the driver takes a single % for a place
            plain = statement.replace("{id}", "BIGINT").removesuffix(" WITHOUT ROWID")
            database.execute_sql(plain.replace("%", "%%"))


def refuse(database: peewee.Database, name: str, table: str, event: str, condition: str, message: str) -> None:
    """A trigger that refuses UPDATE, DELETE or INSERT of a row for which the condition (with OLD and NEW) holds."""
    if is_sqlite(database):
        body = f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
        run(database, f"CREATE TRIGGER {name} BEFORE {event} ON {table} WHEN {condition} {body}")
    else:
        body = f"IF {condition} THEN RAISE EXCEPTION '{message}' USING ERRCODE = '{CHECK_VIOLATION}'; END IF;"
        _function(database, name, table, f"BEFORE {event}", body, "OLD" if event == "DELETE" else "NEW")


def after(database: peewee.Database, name: str, table: str, event: str, condition: str, statements: str) -> None:
    """A trigger that runs the statements after a row for which the condition holds."""
    if is_sqlite(database):
        run(database, f"CREATE TRIGGER {name} AFTER {event} ON {table} WHEN {condition} BEGIN {statements} END")
    else:
        _function(database, name, table, f"AFTER {event}", f"IF {condition} THEN {statements} END IF;", "NULL")


def freeze(database: peewee.Database, table: str) -> None:
    """Rows of the table are written once."""
    for event in ("UPDATE", "DELETE"):
        refuse(database, f"{table}_no_{event.lower()}", table, event, "1 = 1", f"rows of {table} are never edited")


def immutable(database: peewee.Database, table: str, lines: str = "", column: str = "") -> None:
    """A posted document and its lines are never edited, and no line comes later."""
    for event in ("UPDATE", "DELETE"):
        name = f"{table}_posted_{event.lower()}"
        refuse(database, name, table, event, "OLD.posted", "posted documents are never edited")
    # Posting is a step of its own, so that what it checks and adds up is not gone round.
    refuse(database, f"{table}_draft_first", table, "INSERT", "NEW.posted", "a document is posted after its lines")
    if not lines:
        return
    for event, row in (("INSERT", "NEW"), ("UPDATE", "OLD"), ("DELETE", "OLD")):
        condition = POSTED.format(table=table, row=row, column=column)
        if event == "UPDATE":
            condition += " OR " + POSTED.format(table=table, row="NEW", column=column)
        refuse(database, f"{lines}_{event.lower()}", lines, event, condition, "posted documents are never edited")


def _function(database: peewee.Database, name: str, table: str, moment: str, body: str, result: str) -> None:
    run(
        database,
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN {result}; END $$",
        f"CREATE TRIGGER {name} {moment} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
    )
