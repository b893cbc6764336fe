"""The tables of purchasing and the triggers that hold them, frozen by release."""

from __future__ import annotations

import peewee

from bizlite.core import schema
from bizlite.core.migrations import Migration
from bizlite.core.schema import DOCUMENT

PARTY = "party_id BIGINT NOT NULL REFERENCES finance_party (id)"
ITEM = "item_id BIGINT NOT NULL REFERENCES stock_item (id)"
SUMS = "net BIGINT NOT NULL CHECK (net >= 0), tax BIGINT NOT NULL CHECK (tax >= 0)"
PRICE = "price BIGINT NOT NULL CHECK (price >= 0), rate BIGINT NOT NULL CHECK (rate >= 0)"
TABLES = (
    f"CREATE TABLE purchasing_supplier_item (id {{id}} PRIMARY KEY, {PARTY}, {ITEM}, their_number TEXT NOT NULL,"
    f" {PRICE}, least BIGINT NOT NULL CHECK (least > 0), multiple BIGINT NOT NULL CHECK (multiple > 0), lead_days"
    " BIGINT NOT NULL CHECK (lead_days >= 0), tolerance BIGINT NOT NULL CHECK (tolerance BETWEEN 0 AND 10000),"
    " is_preferred BOOLEAN NOT NULL, UNIQUE (party_id, item_id))",
    "CREATE INDEX purchasing_supplier_item_item ON purchasing_supplier_item (item_id)",
    f"CREATE TABLE purchasing_request ({DOCUMENT} CHECK (id > 0))",
    "CREATE INDEX purchasing_request_date ON purchasing_request (date, id)",
    "CREATE TABLE purchasing_request_line (id {id} PRIMARY KEY, request_id BIGINT NOT NULL REFERENCES"
    f" purchasing_request (id), position BIGINT NOT NULL, {ITEM}, quantity BIGINT NOT NULL CHECK (quantity > 0), needed"
    " DATE NOT NULL, text TEXT NOT NULL, UNIQUE (request_id, position))",
    "CREATE TABLE purchasing_refusal (id {id} PRIMARY KEY, request_line_id BIGINT NOT NULL UNIQUE REFERENCES"
    " purchasing_request_line (id), reason TEXT NOT NULL, user_name TEXT NOT NULL, at_ms BIGINT NOT NULL)",
    f"CREATE TABLE purchasing_order ({DOCUMENT} {PARTY}, expected DATE NOT NULL, their_number TEXT NOT NULL, is_gross"
    f" BOOLEAN NOT NULL, {SUMS})",
    "CREATE INDEX purchasing_order_party ON purchasing_order (party_id, date)",
    "CREATE INDEX purchasing_order_date ON purchasing_order (date, id)",
    "CREATE INDEX purchasing_order_draft ON purchasing_order (id) WHERE NOT posted",
    "CREATE TABLE purchasing_order_line (id {id} PRIMARY KEY, order_id BIGINT NOT NULL REFERENCES purchasing_order"
    f" (id), position BIGINT NOT NULL, {ITEM}, text TEXT NOT NULL, quantity BIGINT NOT NULL CHECK (quantity > 0),"
    f" {PRICE}, tolerance BIGINT NOT NULL CHECK (tolerance BETWEEN 0 AND 10000), {SUMS}, request_line_id BIGINT UNIQUE"
    " REFERENCES purchasing_request_line (id), UNIQUE (order_id, position))",
    "CREATE INDEX purchasing_order_line_item ON purchasing_order_line (item_id)",
    # CHECKs of what is kept by triggers: a receipt, a return or an invoice too many fails here.
    "CREATE TABLE purchasing_progress (line_id {id} PRIMARY KEY REFERENCES purchasing_order_line (id), ordered BIGINT"
    " NOT NULL, most BIGINT NOT NULL, received BIGINT NOT NULL CHECK (received >= 0), cancelled BIGINT NOT NULL CHECK"
    " (cancelled >= 0), CHECK (received + cancelled <= most))",
    "CREATE INDEX purchasing_progress_open ON purchasing_progress (line_id) WHERE ordered > received + cancelled",
    "CREATE TABLE purchasing_cancellation (id {id} PRIMARY KEY, line_id BIGINT NOT NULL REFERENCES"
    " purchasing_order_line (id), quantity BIGINT NOT NULL CHECK (quantity > 0), reason TEXT NOT NULL, user_name TEXT"
    " NOT NULL, at_ms BIGINT NOT NULL)",
    f"CREATE TABLE purchasing_receipt ({DOCUMENT} order_id BIGINT NOT NULL REFERENCES purchasing_order (id), {PARTY},"
    " their_number TEXT NOT NULL, reverses_id BIGINT UNIQUE REFERENCES purchasing_receipt (id))",
    "CREATE INDEX purchasing_receipt_order ON purchasing_receipt (order_id)",
    "CREATE INDEX purchasing_receipt_party ON purchasing_receipt (party_id, date)",
    "CREATE INDEX purchasing_receipt_date ON purchasing_receipt (date, id)",
    "CREATE TABLE purchasing_receipt_line (id {id} PRIMARY KEY, receipt_id BIGINT NOT NULL REFERENCES"
    " purchasing_receipt (id), order_line_id BIGINT NOT NULL REFERENCES purchasing_order_line (id),"
    f" {ITEM}, lot_id BIGINT NOT NULL, location_id BIGINT NOT NULL REFERENCES stock_location (id), quantity BIGINT NOT"
    " NULL CHECK (quantity <> 0), value BIGINT NOT NULL)",
    "CREATE INDEX purchasing_receipt_line_receipt ON purchasing_receipt_line (receipt_id)",
    "CREATE INDEX purchasing_receipt_line_order ON purchasing_receipt_line (order_line_id)",
    "CREATE TABLE purchasing_received (line_id {id} PRIMARY KEY REFERENCES purchasing_receipt_line (id), quantity"
    " BIGINT NOT NULL, value BIGINT NOT NULL, returned BIGINT NOT NULL CHECK (returned >= 0), returned_value BIGINT NOT"
    " NULL, invoiced BIGINT NOT NULL CHECK (invoiced >= 0), invoiced_value BIGINT NOT NULL, CHECK (invoiced + returned"
    " <= quantity), CHECK (invoiced + returned < quantity OR invoiced_value + returned_value = value))",
    "CREATE INDEX purchasing_received_open ON purchasing_received (line_id) WHERE quantity > invoiced + returned",
    f"CREATE TABLE purchasing_return ({DOCUMENT} receipt_id BIGINT NOT NULL REFERENCES purchasing_receipt (id),"
    f" {PARTY}, reverses_id BIGINT UNIQUE REFERENCES purchasing_return (id))",
    "CREATE INDEX purchasing_return_receipt ON purchasing_return (receipt_id)",
    "CREATE INDEX purchasing_return_date ON purchasing_return (date, id)",
    "CREATE TABLE purchasing_return_line (id {id} PRIMARY KEY, return_id BIGINT NOT NULL REFERENCES purchasing_return"
    " (id), receipt_line_id BIGINT NOT NULL REFERENCES purchasing_receipt_line (id), location_id BIGINT NOT NULL"
    " REFERENCES stock_location (id), quantity BIGINT NOT NULL CHECK (quantity <> 0), value BIGINT NOT NULL, credited"
    " BIGINT NOT NULL)",
    "CREATE INDEX purchasing_return_line_return ON purchasing_return_line (return_id)",
    "CREATE TABLE purchasing_billing (id {id} PRIMARY KEY, invoice_id BIGINT NOT NULL REFERENCES finance_invoice (id),"
    " position BIGINT NOT NULL, receipt_line_id BIGINT NOT NULL REFERENCES purchasing_receipt_line (id), quantity"
    " BIGINT NOT NULL, value BIGINT NOT NULL, cost BIGINT NOT NULL, note_id BIGINT REFERENCES finance_invoice (id),"
    " CHECK (quantity <> 0 OR value = 0 AND cost < 0))",
    "CREATE INDEX purchasing_billing_invoice ON purchasing_billing (invoice_id, position)",
    "CREATE INDEX purchasing_billing_line ON purchasing_billing (receipt_line_id)",
)
SENT = (
    "INSERT INTO purchasing_progress (line_id, ordered, most, received, cancelled)"
    " SELECT id, quantity, quantity + quantity * tolerance / 10000, 0, 0 FROM purchasing_order_line"
    " WHERE order_id = NEW.id;"
)
# A receipt counts for the order, and begins its own account; a storno ends that, unless there is something on it.
RECEIVED = (
    "UPDATE purchasing_progress SET received = received + NEW.quantity WHERE line_id = NEW.order_line_id;"
    " INSERT INTO purchasing_received (line_id, quantity, value, returned, returned_value, invoiced, invoiced_value)"
    " SELECT NEW.id, NEW.quantity, NEW.value, 0, 0, 0, 0 WHERE NEW.quantity > 0;"
)
REVERSED = (
    "UPDATE purchasing_received SET quantity = 0, value = 0 WHERE line_id IN"
    " (SELECT id FROM purchasing_receipt_line WHERE receipt_id = NEW.reverses_id);"
)
RETURNED = (
    "UPDATE purchasing_received SET returned = returned + NEW.quantity, returned_value = returned_value + NEW.value"
    " WHERE line_id = NEW.receipt_line_id;"
)
INVOICED = (
    "UPDATE purchasing_received SET invoiced = invoiced + NEW.quantity, invoiced_value = invoiced_value + NEW.value"
    " WHERE line_id = NEW.receipt_line_id;"
)
CANCELLED = "UPDATE purchasing_progress SET cancelled = cancelled + NEW.quantity WHERE line_id = NEW.line_id;"


def _purchasing_1(database: peewee.Database) -> None:
    schema.run(database, *TABLES)
    for table, lines, column in (
        ("purchasing_request", "purchasing_request_line", "request_id"),
        ("purchasing_order", "purchasing_order_line", "order_id"),
        ("purchasing_receipt", "purchasing_receipt_line", "receipt_id"),
        ("purchasing_return", "purchasing_return_line", "return_id"),
    ):
        schema.immutable(database, table, lines, column)
    becomes = "NEW.posted AND NOT OLD.posted"
    schema.after(database, "purchasing_order_sent", "purchasing_order", "UPDATE", becomes, SENT)
    reverses = f"{becomes} AND NEW.reverses_id IS NOT NULL"
    schema.after(database, "purchasing_receipt_reversed", "purchasing_receipt", "UPDATE", reverses, REVERSED)
    for table in ("purchasing_billing", "purchasing_cancellation", "purchasing_refusal"):
        schema.freeze(database, table)
    for name, table, statements in (
        ("purchasing_receipt_line_counted", "purchasing_receipt_line", RECEIVED),
        ("purchasing_return_line_counted", "purchasing_return_line", RETURNED),
        ("purchasing_billing_counted", "purchasing_billing", INVOICED),
        ("purchasing_cancellation_counted", "purchasing_cancellation", CANCELLED),
    ):
        schema.after(database, name, table, "INSERT", "1 = 1", statements)


MIGRATIONS: tuple[Migration, ...] = (_purchasing_1,)
