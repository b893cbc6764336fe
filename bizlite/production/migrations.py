"""The tables of production and the triggers that hold them, frozen by release."""

from __future__ import annotations

import peewee

from bizlite.core import schema
from bizlite.core.migrations import Migration

DOCUMENT = (
    "id {id} PRIMARY KEY, number TEXT UNIQUE, date DATE NOT NULL, posted BOOLEAN NOT NULL CHECK (posted"
    " = (number IS NOT NULL)), version BIGINT NOT NULL, text TEXT NOT NULL, custom TEXT NOT NULL, created_by TEXT NOT"
    " NULL, created_ms BIGINT NOT NULL, posted_by TEXT, posted_ms BIGINT,"
)
PLANNING = (
    "CREATE TABLE production_centre (id {id} PRIMARY KEY, code TEXT NOT NULL UNIQUE, name TEXT NOT NULL, machines"
    " BIGINT NOT NULL CHECK (machines > 0), is_active BOOLEAN NOT NULL)",
    "CREATE TABLE production_shift (id {id} PRIMARY KEY, centre_id BIGINT NOT NULL REFERENCES production_centre (id),"
    " weekday BIGINT NOT NULL CHECK (weekday BETWEEN 0 AND 6), start_minute BIGINT NOT NULL CHECK (start_minute >= 0),"
    " end_minute BIGINT NOT NULL CHECK (end_minute <= 1440), CHECK (start_minute < end_minute))",
    "CREATE INDEX production_shift_centre ON production_shift (centre_id)",
    "CREATE TABLE production_day (id {id} PRIMARY KEY, centre_id BIGINT NOT NULL, date DATE NOT NULL, name TEXT NOT"
    " NULL, works_as BIGINT CHECK (works_as BETWEEN 0 AND 6), UNIQUE (centre_id, date))",
    "CREATE TABLE production_worker (id {id} PRIMARY KEY, code TEXT NOT NULL UNIQUE, name TEXT NOT NULL, user_name TEXT"
    " NOT NULL, pin_hash TEXT NOT NULL, failures BIGINT NOT NULL, failed_ms BIGINT NOT NULL, is_active BOOLEAN NOT"
    " NULL)",
    "CREATE UNIQUE INDEX production_worker_user ON production_worker (user_name) WHERE user_name <> ''",
    "CREATE TABLE production_cause (id {id} PRIMARY KEY, name TEXT NOT NULL UNIQUE, is_active BOOLEAN NOT NULL)",
    f"CREATE TABLE production_bom ({DOCUMENT} item_id BIGINT NOT NULL REFERENCES stock_item (id), revision TEXT NOT"
    " NULL, quantity BIGINT NOT NULL CHECK (quantity > 0), UNIQUE (item_id, revision))",
    "CREATE INDEX production_bom_valid ON production_bom (item_id, posted, date)",
    "CREATE TABLE production_bom_line (id {id} PRIMARY KEY, bom_id BIGINT NOT NULL REFERENCES production_bom (id),"
    " position BIGINT NOT NULL, item_id BIGINT NOT NULL REFERENCES stock_item (id), quantity BIGINT NOT NULL CHECK"
    " (quantity > 0), scrap BIGINT NOT NULL CHECK (scrap BETWEEN 0 AND 10000), operation BIGINT NOT NULL CHECK"
    " (operation > 0), is_backflushed BOOLEAN NOT NULL, is_phantom BOOLEAN NOT NULL, UNIQUE (bom_id, position))",
    "CREATE INDEX production_bom_line_item ON production_bom_line (item_id)",
    f"CREATE TABLE production_routing ({DOCUMENT} item_id BIGINT NOT NULL REFERENCES stock_item (id), revision TEXT NOT"
    " NULL, UNIQUE (item_id, revision))",
    "CREATE INDEX production_routing_valid ON production_routing (item_id, posted, date)",
    "CREATE TABLE production_operation (id {id} PRIMARY KEY, routing_id BIGINT NOT NULL REFERENCES production_routing"
    " (id), position BIGINT NOT NULL CHECK (position > 0), code TEXT NOT NULL CHECK (code <> ''), name TEXT NOT NULL,"
    " centre_id BIGINT NOT NULL REFERENCES production_centre (id), setup_s BIGINT NOT NULL CHECK (setup_s >= 0), run_ms"
    " BIGINT NOT NULL CHECK (run_ms >= 0), rate BIGINT NOT NULL CHECK (rate >= 0), UNIQUE (routing_id, position))",
)
ORDERS = (
    f"CREATE TABLE production_order ({DOCUMENT} item_id BIGINT NOT NULL REFERENCES stock_item (id), lot_id BIGINT NOT"
    " NULL, lot_code TEXT NOT NULL, quantity BIGINT NOT NULL CHECK (quantity > 0), batch_size BIGINT NOT NULL CHECK"
    " (batch_size > 0), bom_id BIGINT NOT NULL REFERENCES production_bom (id), routing_id BIGINT NOT NULL REFERENCES"
    " production_routing (id), location_id BIGINT NOT NULL REFERENCES stock_location (id), due DATE NOT NULL, priority"
    " BIGINT NOT NULL CHECK (priority BETWEEN 1 AND 9), source_kind TEXT NOT NULL, source_id BIGINT NOT NULL,"
    " source_line BIGINT NOT NULL)",
    "CREATE INDEX production_order_due ON production_order (due, id)",
    "CREATE INDEX production_order_source ON production_order (source_kind, source_id)",
    "CREATE TABLE production_material (id {id} PRIMARY KEY, order_id BIGINT NOT NULL REFERENCES production_order (id),"
    " position BIGINT NOT NULL CHECK (position > 0), item_id BIGINT NOT NULL REFERENCES stock_item (id), net BIGINT NOT"
    " NULL CHECK (net > 0), quantity BIGINT NOT NULL, operation BIGINT NOT NULL, is_backflushed BOOLEAN NOT NULL,"
    " UNIQUE (order_id, position), CHECK (quantity >= net))",
    "CREATE TABLE production_output (id {id} PRIMARY KEY, order_id BIGINT NOT NULL REFERENCES production_order (id),"
    " transfer_id BIGINT NOT NULL UNIQUE REFERENCES stock_transfer (id), number TEXT NOT NULL UNIQUE,"
    " quantity BIGINT NOT NULL CHECK (quantity <> 0))",
    "CREATE INDEX production_output_order ON production_output (order_id)",
    "CREATE TABLE production_closing (order_id BIGINT PRIMARY KEY REFERENCES production_order (id), kind TEXT NOT NULL"
    " CHECK (kind IN ('closed', 'cancelled')), date DATE NOT NULL, user_name TEXT NOT NULL, at_ms BIGINT NOT NULL)",
    "CREATE TABLE production_card (id {id} PRIMARY KEY, order_id BIGINT NOT NULL REFERENCES production_order (id),"
    " batch BIGINT NOT NULL CHECK (batch > 0), position BIGINT NOT NULL CHECK (position > 0), operation_id BIGINT NOT"
    " NULL REFERENCES production_operation (id), quantity BIGINT NOT NULL CHECK (quantity >= 0), parent_id BIGINT"
    " UNIQUE REFERENCES production_card (id), code TEXT NOT NULL UNIQUE)",
    "CREATE UNIQUE INDEX production_card_main ON production_card (order_id, batch, position) WHERE parent_id IS NULL",
    "CREATE INDEX production_card_order ON production_card (order_id, batch, position)",
    "CREATE TABLE production_report (id {id} PRIMARY KEY, card_id BIGINT NOT NULL REFERENCES production_card (id), kind"
    " TEXT NOT NULL CHECK (kind IN ('start', 'good', 'scrap', 'rework', 'finish', 'cut', 'storno')), quantity BIGINT"
    " NOT NULL CHECK (quantity >= 0), cause TEXT NOT NULL, worker_id BIGINT NOT NULL REFERENCES production_worker (id),"
    " reported_ms BIGINT NOT NULL, at_ms BIGINT NOT NULL, user_name TEXT NOT NULL, reverses_id BIGINT UNIQUE REFERENCES"
    " production_report (id), CHECK ((quantity > 0) = (kind IN ('good', 'scrap', 'rework', 'cut'))),"
    " CHECK ((kind = 'storno') = (reverses_id IS NOT NULL)))",
    "CREATE INDEX production_report_card ON production_report (card_id, id)",
    "CREATE INDEX production_report_worker ON production_report (worker_id, reported_ms)",
    "CREATE TABLE production_count (id {id} PRIMARY KEY, report_id BIGINT NOT NULL UNIQUE REFERENCES production_report"
    " (id), card_id BIGINT NOT NULL REFERENCES production_card (id), date DATE NOT NULL, received BIGINT NOT NULL, good"
    " BIGINT NOT NULL, scrap BIGINT NOT NULL, rework BIGINT NOT NULL, finished BIGINT NOT NULL)",
    "CREATE INDEX production_count_card ON production_count (card_id)",
    "CREATE INDEX production_count_date ON production_count (date)",
    # Good, scrap and rework are never more than came to the card, and exactly that once it is finished.
    "CREATE TABLE production_tally (card_id BIGINT PRIMARY KEY REFERENCES production_card (id), received BIGINT NOT"
    " NULL, good BIGINT NOT NULL CHECK (good >= 0), scrap BIGINT NOT NULL CHECK (scrap >= 0), rework BIGINT NOT NULL"
    " CHECK (rework >= 0), finished BIGINT NOT NULL CHECK (finished IN (0, 1)), CHECK (good + scrap + rework <="
    " received), CHECK (finished = 0 OR good + scrap + rework = received))",
)
# What a card receives: a batch at its first operation, then what the one before made good; what its parent set aside.
STARTED = (
    "INSERT INTO production_tally (card_id, received, good, scrap, rework, finished) VALUES (NEW.id, CASE WHEN"
    " NEW.position = 1 AND NEW.parent_id IS NULL THEN NEW.quantity ELSE 0 END, 0, 0, 0, 0);"
)
COUNTED = (
    "UPDATE production_tally SET received = received + NEW.received, good = good + NEW.good, scrap = scrap + NEW.scrap,"
    " rework = rework + NEW.rework, finished = finished + NEW.finished WHERE card_id = NEW.card_id;"
    " UPDATE production_tally SET received = received + NEW.good WHERE card_id = (SELECT following.id FROM"
    " production_card AS following JOIN production_card AS own ON following.order_id = own.order_id AND following.batch"
    " = own.batch AND following.position = own.position + 1 WHERE own.id = NEW.card_id AND following.parent_id IS"
    " NULL);"
    " UPDATE production_tally SET received = received + NEW.rework WHERE card_id = (SELECT id FROM production_card"
    " WHERE parent_id = NEW.card_id);"
)
LAST_GOOD = (
    "(SELECT COALESCE(SUM(tally.good), 0) FROM production_tally AS tally JOIN production_card AS card ON card.id ="
    " tally.card_id WHERE card.order_id = {order} AND card.position = (SELECT MAX(position) FROM production_card WHERE"
    " order_id = {order}))"
)
OUTPUT = "(SELECT COALESCE(SUM(quantity), 0) FROM production_output WHERE order_id = {order})"
OWN_ORDER = "(SELECT order_id FROM production_card WHERE id = NEW.card_id)"
ENDED = f"EXISTS (SELECT 1 FROM production_closing WHERE order_id = {OWN_ORDER})"
RECEIVED_OFF = (
    "NEW.good < 0 AND (SELECT position FROM production_card WHERE id = NEW.card_id) = (SELECT MAX(position) FROM"
    f" production_card WHERE order_id = {OWN_ORDER}) AND {LAST_GOOD.format(order=OWN_ORDER)} + NEW.good <"
    f" {OUTPUT.format(order=OWN_ORDER)}"
)
NEVER = "posted documents are never edited"


def _released(database: peewee.Database, table: str, lines: str = "", column: str = "") -> None:
    """A released document and its lines stay as they are."""
    for event in ("UPDATE", "DELETE"):
        schema.refuse(database, f"{table}_posted_{event.lower()}", table, event, "OLD.posted", NEVER)
    for event, row in (("INSERT", "NEW"), ("UPDATE", "OLD"), ("DELETE", "OLD")) if lines else ():
        condition = f"EXISTS (SELECT 1 FROM {table} WHERE id = {row}.{column} AND posted)"
        schema.refuse(database, f"{lines}_{event.lower()}", lines, event, condition, NEVER)


def _production_1(database: peewee.Database) -> None:
    schema.run(database, *PLANNING, *ORDERS)
    _released(database, "production_bom", "production_bom_line", "bom_id")
    _released(database, "production_routing", "production_operation", "routing_id")
    _released(database, "production_order")
    for table in ("material", "output", "closing", "card", "report", "count"):
        schema.freeze(database, f"production_{table}")
    schema.after(database, "production_card_tally", "production_card", "INSERT", "1 = 1", STARTED)
    schema.after(database, "production_count_tally", "production_count", "INSERT", "1 = 1", COUNTED)
    schema.refuse(database, "production_count_ended", "production_count", "INSERT", ENDED, "the order has ended")
    message = "more was received of the order than was good"
    schema.refuse(database, "production_count_output", "production_count", "INSERT", RECEIVED_OFF, message)
    more = f"{OUTPUT.format(order='NEW.order_id')} + NEW.quantity > {LAST_GOOD.format(order='NEW.order_id')}"
    schema.refuse(database, "production_output_good", "production_output", "INSERT", more, message)


MIGRATIONS: tuple[Migration, ...] = (_production_1,)
