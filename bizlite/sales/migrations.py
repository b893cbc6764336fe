"""The tables of sales and the triggers that hold them, frozen by release."""

from __future__ import annotations

import peewee

from bizlite.core import schema
from bizlite.core.migrations import Migration
from bizlite.core.schema import DOCUMENT

PARTY = "party_id BIGINT NOT NULL REFERENCES finance_party (id)"
CONTACT = "contact_id BIGINT REFERENCES sales_contact (id)"
SUMS = "net BIGINT NOT NULL CHECK (net >= 0), tax BIGINT NOT NULL CHECK (tax >= 0)"
LINE = (
    "position BIGINT NOT NULL, item_id BIGINT NOT NULL REFERENCES stock_item (id), text TEXT NOT NULL, quantity BIGINT"
    " NOT NULL CHECK (quantity > 0), price BIGINT NOT NULL CHECK (price >= 0), discount BIGINT NOT NULL CHECK (discount"
    f" BETWEEN 0 AND 10000), rate BIGINT NOT NULL CHECK (rate >= 0), {SUMS}"
)
TABLES = (
    "CREATE TABLE sales_group (id {id} PRIMARY KEY, code TEXT NOT NULL UNIQUE, name TEXT NOT NULL, discount BIGINT NOT"
    " NULL CHECK (discount BETWEEN 0 AND 10000))",
    "CREATE TABLE sales_customer (party_id {id} PRIMARY KEY REFERENCES finance_party (id), group_id BIGINT NOT"
    " NULL REFERENCES sales_group (id))",
    "CREATE INDEX sales_customer_group ON sales_customer (group_id)",
    f"CREATE TABLE sales_contact (id {{id}} PRIMARY KEY, {PARTY}, name TEXT NOT NULL, role TEXT NOT NULL, phone TEXT"
    " NOT NULL, email TEXT NOT NULL, address TEXT NOT NULL, is_active BOOLEAN NOT NULL)",
    "CREATE INDEX sales_contact_party ON sales_contact (party_id)",
    "CREATE TABLE sales_price (id {id} PRIMARY KEY, item_id BIGINT NOT NULL REFERENCES stock_item (id), group_id BIGINT"
    " REFERENCES sales_group (id), least BIGINT NOT NULL CHECK (least > 0), first_day DATE NOT NULL, last_day DATE,"
    " price BIGINT NOT NULL CHECK (price >= 0), rate BIGINT NOT NULL CHECK (rate >= 0), CHECK (last_day >= first_day),"
    " UNIQUE (item_id, group_id, least, first_day))",
    f"CREATE TABLE sales_opportunity ({DOCUMENT} {PARTY}, {CONTACT}, title TEXT NOT NULL, stage TEXT NOT NULL CHECK"
    " (stage IN ('new', 'qualified', 'offered', 'negotiating', 'won', 'lost')), amount BIGINT NOT NULL CHECK (amount >="
    " 0), closes DATE, lost_reason TEXT NOT NULL, CHECK ((stage = 'lost') = (lost_reason <> '')), CHECK (posted ="
    " (stage IN ('won', 'lost'))))",
    "CREATE INDEX sales_opportunity_party ON sales_opportunity (party_id)",
    f"CREATE TABLE sales_quotation ({DOCUMENT} {PARTY}, {CONTACT}, opportunity_id BIGINT REFERENCES sales_opportunity"
    " (id), first_id BIGINT REFERENCES sales_quotation (id), revision BIGINT NOT NULL CHECK (revision > 0),"
    f" valid_until DATE NOT NULL, is_gross BOOLEAN NOT NULL, {SUMS}, CHECK ((revision = 1) = (first_id IS NULL)),"
    " UNIQUE (first_id, revision))",
    "CREATE INDEX sales_quotation_party ON sales_quotation (party_id, date)",
    "CREATE INDEX sales_quotation_date ON sales_quotation (date, id)",
    "CREATE TABLE sales_quotation_line (id {id} PRIMARY KEY, quotation_id BIGINT NOT NULL REFERENCES sales_quotation"
    f" (id), {LINE}, UNIQUE (quotation_id, position))",
    f"CREATE TABLE sales_order ({DOCUMENT} {PARTY}, {CONTACT}, quotation_id BIGINT UNIQUE REFERENCES sales_quotation"
    f" (id), wanted DATE, their_number TEXT NOT NULL, seller TEXT NOT NULL CHECK (seller <> ''), is_gross BOOLEAN NOT"
    f" NULL, {SUMS}, credit_reason TEXT NOT NULL)",
    "CREATE INDEX sales_order_party ON sales_order (party_id, date)",
    "CREATE INDEX sales_order_date ON sales_order (date, id)",
    "CREATE TABLE sales_order_line (id {id} PRIMARY KEY, order_id BIGINT NOT NULL REFERENCES sales_order (id),"
    f" {LINE}, UNIQUE (order_id, position))",
    "CREATE INDEX sales_order_line_item ON sales_order_line (item_id)",
    # CHECKs of what is kept by triggers: a delivery, a return or an invoice too many fails here.
    "CREATE TABLE sales_progress (line_id {id} PRIMARY KEY REFERENCES sales_order_line (id), ordered BIGINT NOT NULL,"
    " delivered BIGINT NOT NULL CHECK (delivered >= 0), cancelled BIGINT NOT NULL CHECK (cancelled >= 0), promised"
    " DATE, CHECK (delivered + cancelled <= ordered))",
    "CREATE INDEX sales_progress_open ON sales_progress (promised) WHERE ordered > delivered + cancelled",
    "CREATE TABLE sales_cancellation (id {id} PRIMARY KEY, line_id BIGINT NOT NULL REFERENCES sales_order_line (id),"
    " quantity BIGINT NOT NULL CHECK (quantity > 0), reason TEXT NOT NULL, user_name TEXT NOT NULL, at_ms BIGINT NOT"
    " NULL)",
    f"CREATE TABLE sales_delivery ({DOCUMENT} order_id BIGINT NOT NULL REFERENCES sales_order (id), {PARTY},"
    " reverses_id BIGINT UNIQUE REFERENCES sales_delivery (id))",
    "CREATE INDEX sales_delivery_order ON sales_delivery (order_id)",
    "CREATE INDEX sales_delivery_party ON sales_delivery (party_id, date)",
    "CREATE INDEX sales_delivery_date ON sales_delivery (date, id)",
    "CREATE TABLE sales_delivery_line (id {id} PRIMARY KEY, delivery_id BIGINT NOT NULL REFERENCES sales_delivery (id),"
    " order_line_id BIGINT NOT NULL REFERENCES sales_order_line (id), item_id BIGINT NOT NULL REFERENCES stock_item"
    " (id), lot_id BIGINT NOT NULL, location_id BIGINT NOT NULL REFERENCES stock_location (id), quantity BIGINT NOT"
    " NULL CHECK (quantity <> 0))",
    "CREATE INDEX sales_delivery_line_delivery ON sales_delivery_line (delivery_id)",
    "CREATE INDEX sales_delivery_line_order ON sales_delivery_line (order_line_id)",
    "CREATE TABLE sales_delivered (line_id {id} PRIMARY KEY REFERENCES sales_delivery_line (id), quantity BIGINT NOT"
    " NULL, returned BIGINT NOT NULL, invoiced BIGINT NOT NULL CHECK (invoiced >= 0), CHECK (returned >= 0), CHECK"
    " (invoiced + returned <= quantity))",
    "CREATE INDEX sales_delivered_open ON sales_delivered (line_id) WHERE quantity > invoiced + returned",
    f"CREATE TABLE sales_return ({DOCUMENT} delivery_id BIGINT NOT NULL REFERENCES sales_delivery (id), {PARTY},"
    " reverses_id BIGINT UNIQUE REFERENCES sales_return (id))",
    "CREATE INDEX sales_return_delivery ON sales_return (delivery_id)",
    "CREATE INDEX sales_return_date ON sales_return (date, id)",
    "CREATE TABLE sales_return_line (id {id} PRIMARY KEY, return_id BIGINT NOT NULL REFERENCES sales_return (id),"
    " delivery_line_id BIGINT NOT NULL REFERENCES sales_delivery_line (id), location_id BIGINT NOT NULL REFERENCES"
    " stock_location (id), quantity BIGINT NOT NULL CHECK (quantity <> 0), credited BIGINT NOT NULL)",
    "CREATE INDEX sales_return_line_return ON sales_return_line (return_id)",
    "CREATE TABLE sales_billing (id {id} PRIMARY KEY, invoice_id BIGINT NOT NULL REFERENCES finance_invoice (id),"
    " position BIGINT NOT NULL, delivery_line_id BIGINT NOT NULL REFERENCES sales_delivery_line (id), quantity BIGINT"
    " NOT NULL CHECK (quantity <> 0), note_id BIGINT REFERENCES finance_invoice (id))",
    "CREATE INDEX sales_billing_invoice ON sales_billing (invoice_id, position)",
    "CREATE INDEX sales_billing_line ON sales_billing (delivery_line_id)",
)
CONFIRMED = (
    "INSERT INTO sales_progress (line_id, ordered, delivered, cancelled)"
    " SELECT id, quantity, 0, 0 FROM sales_order_line WHERE order_id = NEW.id;"
)
# A delivery counts for the order, and begins its own account; a storno ends that, unless there is something on it.
DELIVERED = (
    "UPDATE sales_progress SET delivered = delivered + NEW.quantity WHERE line_id = NEW.order_line_id;"
    " INSERT INTO sales_delivered (line_id, quantity, returned, invoiced)"
    " SELECT NEW.id, NEW.quantity, 0, 0 WHERE NEW.quantity > 0;"
)
REVERSED = (
    "UPDATE sales_delivered SET quantity = 0 WHERE line_id IN"
    " (SELECT id FROM sales_delivery_line WHERE delivery_id = NEW.reverses_id);"
)
RETURNED = "UPDATE sales_delivered SET returned = returned + NEW.quantity WHERE line_id = NEW.delivery_line_id;"
INVOICED = "UPDATE sales_delivered SET invoiced = invoiced + NEW.quantity WHERE line_id = NEW.delivery_line_id;"
CANCELLED = "UPDATE sales_progress SET cancelled = cancelled + NEW.quantity WHERE line_id = NEW.line_id;"


def _sales_1(database: peewee.Database) -> None:
    schema.run(database, *TABLES)
    schema.immutable(database, "sales_opportunity")
    for table, lines, column in (
        ("sales_quotation", "sales_quotation_line", "quotation_id"),
        ("sales_order", "sales_order_line", "order_id"),
        ("sales_delivery", "sales_delivery_line", "delivery_id"),
        ("sales_return", "sales_return_line", "return_id"),
    ):
        schema.immutable(database, table, lines, column)
    becomes = "NEW.posted AND NOT OLD.posted"
    schema.after(database, "sales_order_confirmed", "sales_order", "UPDATE", becomes, CONFIRMED)
    reverses = f"{becomes} AND NEW.reverses_id IS NOT NULL"
    schema.after(database, "sales_delivery_reversed", "sales_delivery", "UPDATE", reverses, REVERSED)
    schema.freeze(database, "sales_billing")
    schema.freeze(database, "sales_cancellation")
    for name, table, statements in (
        ("sales_delivery_line_counted", "sales_delivery_line", DELIVERED),
        ("sales_return_line_counted", "sales_return_line", RETURNED),
        ("sales_billing_counted", "sales_billing", INVOICED),
        ("sales_cancellation_counted", "sales_cancellation", CANCELLED),
    ):
        schema.after(database, name, table, "INSERT", "1 = 1", statements)


MIGRATIONS: tuple[Migration, ...] = (_sales_1,)
