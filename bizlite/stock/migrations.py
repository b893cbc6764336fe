"""The stock's tables and the triggers that hold it, frozen by release."""

from __future__ import annotations

import peewee

from bizlite.core import schema
from bizlite.core.migrations import Migration

DOCUMENT = (
    "id {id} PRIMARY KEY, number TEXT UNIQUE, date DATE NOT NULL, posted BOOLEAN NOT NULL CHECK (posted"
    " = (number IS NOT"
    " NULL)), version BIGINT NOT NULL, text TEXT NOT NULL, custom TEXT NOT NULL, created_by TEXT NOT NULL, created_ms"
    " BIGINT NOT NULL, posted_by TEXT, posted_ms BIGINT,"
)
SOURCE = "source_kind TEXT NOT NULL, source_id BIGINT NOT NULL, source_line BIGINT NOT NULL"
TABLES = (
    "CREATE TABLE stock_unit (code TEXT PRIMARY KEY, name_zh TEXT NOT NULL, name_en TEXT NOT NULL, scale"
    " BIGINT NOT NULL"
    " CHECK (scale BETWEEN 0 AND 6))",
    "CREATE TABLE stock_item (id {id} PRIMARY KEY, code TEXT NOT NULL UNIQUE, name TEXT NOT NULL,"
    " barcode TEXT NOT NULL,"
    " unit TEXT NOT NULL REFERENCES stock_unit (code), account TEXT NOT NULL REFERENCES finance_account"
    " (code), has_lots"
    " BOOLEAN NOT NULL, may_be_negative BOOLEAN NOT NULL, is_active BOOLEAN NOT NULL)",
    "CREATE INDEX stock_item_barcode ON stock_item (barcode)",
    "CREATE TABLE stock_conversion (item_id BIGINT NOT NULL REFERENCES stock_item (id), unit TEXT NOT NULL REFERENCES"
    " stock_unit (code), numerator BIGINT NOT NULL CHECK (numerator > 0), denominator BIGINT NOT NULL"
    " CHECK (denominator >"
    " 0), PRIMARY KEY (item_id, unit))",
    "CREATE TABLE stock_lot (id {id} PRIMARY KEY CHECK (id > 0), item_id BIGINT NOT NULL REFERENCES"
    " stock_item (id), code"
    " TEXT NOT NULL, expires DATE, UNIQUE (item_id, code))",
    "CREATE TABLE stock_location (id {id} PRIMARY KEY, code TEXT NOT NULL UNIQUE, name_zh TEXT NOT NULL,"
    " name_en TEXT NOT"
    " NULL, kind TEXT NOT NULL CHECK (kind IN ('internal', 'supplier', 'customer', 'production', 'loss')), account TEXT"
    " NOT NULL, is_active BOOLEAN NOT NULL)",
    f"CREATE TABLE stock_transfer ({DOCUMENT} kind TEXT NOT NULL, source_kind TEXT NOT NULL, source_id BIGINT NOT NULL,"
    " reverses_id BIGINT UNIQUE REFERENCES stock_transfer (id))",
    "CREATE INDEX stock_transfer_date ON stock_transfer (date, id)",
    "CREATE INDEX stock_transfer_source ON stock_transfer (source_kind, source_id)",
    "CREATE TABLE stock_move (id {id} PRIMARY KEY, transfer_id BIGINT NOT NULL REFERENCES stock_transfer"
    " (id), date DATE"
    " NOT NULL, rank BIGINT NOT NULL CHECK (rank <= id), item_id BIGINT NOT NULL REFERENCES stock_item"
    " (id), lot_id BIGINT"
    " NOT NULL, source_id BIGINT NOT NULL REFERENCES stock_location (id), target_id BIGINT NOT NULL REFERENCES"
    " stock_location (id), quantity BIGINT NOT NULL CHECK (quantity >= 0), direction TEXT NOT NULL CHECK (direction IN"
    " ('in', 'out', 'within')), basis TEXT NOT NULL CHECK (basis IN ('given', 'average', 'origin', 'reverse')), value"
    " BIGINT NOT NULL, origin_id BIGINT REFERENCES stock_move (id), account TEXT NOT NULL, line BIGINT"
    " NOT NULL, reserved"
    " BIGINT NOT NULL, reserved_kind TEXT NOT NULL, reserved_id BIGINT NOT NULL, reserved_line BIGINT NOT NULL,"
    " CHECK (source_id <> target_id))",
    "CREATE INDEX stock_move_order ON stock_move (item_id, date, rank, id)",
    "CREATE INDEX stock_move_transfer ON stock_move (transfer_id)",
    "CREATE INDEX stock_move_origin ON stock_move (origin_id)",
    "CREATE TABLE stock_cost (move_id {id} PRIMARY KEY, item_id BIGINT NOT NULL, date DATE NOT NULL,"
    " rank BIGINT NOT NULL,"
    " value_change BIGINT NOT NULL, variance BIGINT NOT NULL, quantity BIGINT NOT NULL, value BIGINT NOT"
    " NULL, rate_value"
    " BIGINT NOT NULL, rate_quantity BIGINT NOT NULL, CHECK (quantity <> 0 OR value = 0))",
    "CREATE INDEX stock_cost_order ON stock_cost (item_id, date, rank, move_id)",
    "CREATE TABLE stock_on_hand (item_id BIGINT NOT NULL, lot_id BIGINT NOT NULL, location_id BIGINT NOT NULL, quantity"
    " BIGINT NOT NULL, reserved BIGINT NOT NULL CHECK (reserved >= 0), PRIMARY KEY (item_id, lot_id, location_id))",
    "CREATE TABLE stock_count_line (id {id} PRIMARY KEY, transfer_id BIGINT NOT NULL REFERENCES stock_transfer (id),"
    " item_id BIGINT NOT NULL REFERENCES stock_item (id), lot_id BIGINT NOT NULL, location_id BIGINT NOT NULL"
    " REFERENCES stock_location (id), expected BIGINT NOT NULL, counted BIGINT NOT NULL CHECK (counted >= 0),"
    " UNIQUE (transfer_id, item_id, lot_id, location_id))",
    f"CREATE TABLE stock_reservation (id {{id}} PRIMARY KEY, {SOURCE}, item_id BIGINT NOT NULL REFERENCES"
    f" stock_item (id),"
    " lot_id BIGINT NOT NULL, location_id BIGINT NOT NULL REFERENCES stock_location (id), quantity"
    " BIGINT NOT NULL CHECK"
    " (quantity > 0), UNIQUE (source_kind, source_id, source_line, item_id, lot_id, location_id))",
    "CREATE INDEX stock_reservation_item ON stock_reservation (item_id)",
    f"CREATE TABLE stock_plan (id {{id}} PRIMARY KEY, {SOURCE}, item_id BIGINT NOT NULL REFERENCES"
    f" stock_item (id), date"
    " DATE NOT NULL, quantity BIGINT NOT NULL)",
    "CREATE INDEX stock_plan_item ON stock_plan (item_id, date)",
    "CREATE INDEX stock_plan_source ON stock_plan (source_kind, source_id)",
    "CREATE TABLE stock_reorder (item_id BIGINT PRIMARY KEY REFERENCES stock_item (id), least BIGINT NOT"
    " NULL CHECK (least"
    " >= 0), most BIGINT NOT NULL, multiple BIGINT NOT NULL CHECK (multiple > 0), lead_days BIGINT NOT NULL CHECK"
    " (lead_days >= 0), CHECK (most >= least))",
    "INSERT INTO stock_unit VALUES ('pcs', '个', 'piece', 0), ('set', '套', 'set', 0), ('box', '箱', 'box', 0),"
    " ('kg', '千克', 'kilogram', 3), ('t', '吨', 'tonne', 6), ('m', '米', 'metre', 3),"
    " ('m2', '平方米', 'square metre', 4),"
    " ('l', '升', 'litre', 3), ('h', '小时', 'hour', 2)",
    "INSERT INTO stock_location VALUES (1, 'MAIN', '主仓库', 'Main store', 'internal', '', TRUE),"
    " (2, 'SUPPLIER', '供应商', 'Suppliers', 'supplier', '220202', TRUE),"
    " (3, 'CUSTOMER', '客户', 'Customers', 'customer', '5401', TRUE),"
    " (4, 'PRODUCTION', '生产', 'Production', 'production', '4001', TRUE),"
    " (5, 'LOSS', '盘盈盘亏', 'Count differences', 'loss', '1901', TRUE)",
)
POSTED = "EXISTS (SELECT 1 FROM stock_transfer WHERE id = NEW.transfer_id AND posted)"
# First the rows, empty, then the quantities: a trigger before INSERT would see what an upsert only adds.
MOVED = (
    "INSERT INTO stock_on_hand (item_id, lot_id, location_id, quantity, reserved)"
    " SELECT NEW.item_id, NEW.lot_id, id, 0, 0 FROM stock_location WHERE id IN (NEW.source_id, NEW.target_id)"
    " ON CONFLICT (item_id, lot_id, location_id) DO NOTHING;"
    " UPDATE stock_on_hand SET quantity = quantity - NEW.quantity WHERE item_id = NEW.item_id AND lot_id"
    " = NEW.lot_id AND"
    " location_id = NEW.source_id;"
    " UPDATE stock_on_hand SET quantity = quantity + NEW.quantity WHERE item_id = NEW.item_id AND lot_id"
    " = NEW.lot_id AND"
    " location_id = NEW.target_id;"
)
SPOT = "item_id = {row}.item_id AND lot_id = {row}.lot_id AND location_id = {row}.location_id"
NEGATIVE = (
    "NEW.quantity < NEW.reserved AND EXISTS (SELECT 1 FROM stock_location WHERE id = NEW.location_id AND kind ="
    " 'internal') AND NOT EXISTS (SELECT 1 FROM stock_item WHERE id = NEW.item_id AND may_be_negative)"
)


def _stock_1(database: peewee.Database) -> None:
    schema.run(database, *TABLES)
    for event in ("UPDATE", "DELETE"):
        name = f"stock_transfer_posted_{event.lower()}"
        schema.refuse(database, name, "stock_transfer", event, "OLD.posted", "posted documents are never edited")
    schema.freeze(database, "stock_move")
    schema.freeze(database, "stock_count_line")
    schema.refuse(database, "stock_move_insert", "stock_move", "INSERT", POSTED, "posted documents are never edited")
    schema.after(database, "stock_move_on_hand", "stock_move", "INSERT", "1 = 1", MOVED)
    message = "the stock would be negative or less than reserved"
    schema.refuse(database, "stock_on_hand_free", "stock_on_hand", "UPDATE", NEGATIVE, message)
    schema.refuse(
        database, "stock_on_hand_empty", "stock_on_hand", "INSERT", "NEW.quantity <> 0 OR NEW.reserved <> 0", message
    )
    add = (
        "INSERT INTO stock_on_hand (item_id, lot_id, location_id, quantity, reserved) SELECT NEW.item_id, NEW.lot_id,"
        " NEW.location_id, 0, 0 WHERE 1 = 1 ON CONFLICT (item_id, lot_id, location_id) DO NOTHING;"
        f" UPDATE stock_on_hand SET reserved = reserved + NEW.quantity WHERE {SPOT.format(row='NEW')};"
    )
    take = f"UPDATE stock_on_hand SET reserved = reserved - OLD.quantity WHERE {SPOT.format(row='OLD')};"
    schema.after(database, "stock_reservation_insert", "stock_reservation", "INSERT", "1 = 1", add)
    schema.after(database, "stock_reservation_delete", "stock_reservation", "DELETE", "1 = 1", take)
    schema.after(database, "stock_reservation_update", "stock_reservation", "UPDATE", "1 = 1", f"{take} {add}")


MIGRATIONS: tuple[Migration, ...] = (_stock_1,)
