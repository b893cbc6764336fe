"""The tables of quality and the triggers that hold them, frozen by release."""

from __future__ import annotations

import peewee

from bizlite.core import schema
from bizlite.core.migrations import Migration

DOCUMENT = (
    "id {id} PRIMARY KEY, number TEXT UNIQUE, date DATE NOT NULL, posted BOOLEAN NOT NULL CHECK (posted"
    " = (number IS NOT NULL)), version BIGINT NOT NULL, text TEXT NOT NULL, custom TEXT NOT NULL, created_by TEXT NOT"
    " NULL, created_ms BIGINT NOT NULL, posted_by TEXT, posted_ms BIGINT,"
)
TABLES = (
    "CREATE TABLE quality_plan (id {id} PRIMARY KEY, code TEXT NOT NULL UNIQUE, name TEXT NOT NULL, moment TEXT NOT"
    " NULL CHECK (moment IN ('receipt', 'operation', 'delivery')), item_id BIGINT NOT NULL REFERENCES stock_item (id),"
    " operation TEXT NOT NULL, sample BIGINT NOT NULL CHECK (sample > 0), is_active BOOLEAN NOT NULL,"
    " CHECK ((moment = 'operation') = (operation <> '')))",
    # One plan decides at each moment: two could contradict each other.
    "CREATE UNIQUE INDEX quality_plan_active ON quality_plan (item_id, moment, operation) WHERE is_active",
    "CREATE TABLE quality_characteristic (id {id} PRIMARY KEY, plan_id BIGINT NOT NULL REFERENCES quality_plan (id),"
    " position BIGINT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('measure', 'yesno')), unit TEXT"
    " NOT NULL, scale BIGINT NOT NULL CHECK (scale BETWEEN 0 AND 6), low BIGINT, high BIGINT,"
    " UNIQUE (plan_id, position), CHECK (low IS NULL OR high IS NULL OR low <= high),"
    " CHECK ((kind = 'measure') = (low IS NOT NULL OR high IS NOT NULL)))",
    f"CREATE TABLE quality_inspection ({DOCUMENT} plan_id BIGINT NOT NULL REFERENCES quality_plan (id), item_id BIGINT"
    " NOT NULL REFERENCES stock_item (id), operation TEXT NOT NULL, source_kind TEXT NOT NULL, source_id BIGINT NOT"
    " NULL, source_line BIGINT NOT NULL, quantity BIGINT NOT NULL CHECK (quantity > 0), sample BIGINT NOT NULL"
    " CHECK (sample > 0), defective BIGINT NOT NULL CHECK (defective BETWEEN 0 AND sample), verdict TEXT NOT NULL"
    " CHECK (verdict IN ('pass', 'fail', 'concession')), reason TEXT NOT NULL, is_first BOOLEAN NOT NULL, reverses_id"
    " BIGINT UNIQUE REFERENCES quality_inspection (id), CHECK (verdict <> 'pass' OR defective = 0))",
    "CREATE INDEX quality_inspection_source ON quality_inspection (source_kind, source_id, source_line)",
    "CREATE INDEX quality_inspection_date ON quality_inspection (date, id)",
    "CREATE INDEX quality_inspection_item ON quality_inspection (item_id, date)",
    "CREATE TABLE quality_reading (id {id} PRIMARY KEY, inspection_id BIGINT NOT NULL REFERENCES quality_inspection"
    " (id), characteristic_id BIGINT NOT NULL REFERENCES quality_characteristic (id), piece BIGINT NOT NULL CHECK"
    " (piece > 0), value BIGINT NOT NULL, is_good BOOLEAN NOT NULL, UNIQUE (inspection_id, characteristic_id, piece))",
    f"CREATE TABLE quality_nonconformity ({DOCUMENT} item_id BIGINT NOT NULL REFERENCES stock_item (id), lot_id BIGINT"
    " NOT NULL, quantity BIGINT NOT NULL CHECK (quantity > 0), inspection_id BIGINT REFERENCES quality_inspection (id),"
    " source_kind TEXT NOT NULL, source_id BIGINT NOT NULL)",
    "CREATE INDEX quality_nonconformity_date ON quality_nonconformity (date, id)",
    "CREATE TABLE quality_step (id {id} PRIMARY KEY, nonconformity_id BIGINT NOT NULL REFERENCES quality_nonconformity"
    " (id), state TEXT NOT NULL CHECK (state IN ('open', 'acting', 'closed')), cause TEXT NOT NULL, action TEXT NOT"
    " NULL, responsible TEXT NOT NULL, due DATE, user_name TEXT NOT NULL, at_ms BIGINT NOT NULL,"
    " CHECK (state = 'open' OR (action <> '' AND responsible <> '' AND due IS NOT NULL)),"
    " CHECK (state <> 'closed' OR cause <> ''))",
    "CREATE INDEX quality_step_nonconformity ON quality_step (nonconformity_id, id)",
)
POSTED = "EXISTS (SELECT 1 FROM quality_inspection WHERE id = NEW.inspection_id AND posted)"
CLOSED = (
    "(SELECT state FROM quality_step WHERE nonconformity_id = NEW.nonconformity_id ORDER BY id DESC LIMIT 1) = 'closed'"
)
PLAN_CHANGED = (
    "OLD.code <> NEW.code OR OLD.moment <> NEW.moment OR OLD.item_id <> NEW.item_id OR OLD.operation <> NEW.operation"
    " OR OLD.sample <> NEW.sample"
)


def _quality_1(database: peewee.Database) -> None:
    schema.run(database, *TABLES)
    never = "posted documents are never edited"
    for table in ("quality_inspection", "quality_nonconformity"):
        for event in ("UPDATE", "DELETE"):
            schema.refuse(database, f"{table}_posted_{event.lower()}", table, event, "OLD.posted", never)
    schema.refuse(database, "quality_reading_insert", "quality_reading", "INSERT", POSTED, never)
    for table in ("quality_reading", "quality_characteristic", "quality_step"):
        schema.freeze(database, table)
    schema.refuse(database, "quality_plan_change", "quality_plan", "UPDATE", PLAN_CHANGED, "plans are written once")
    schema.refuse(database, "quality_step_closed", "quality_step", "INSERT", CLOSED, "the nonconformity is closed")


MIGRATIONS: tuple[Migration, ...] = (_quality_1,)
