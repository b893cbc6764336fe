"""The tables of sums and the triggers that keep them, frozen by release."""

from __future__ import annotations

import peewee

from bizlite.core import schema
from bizlite.core.database import is_sqlite
from bizlite.core.migrations import Migration

TABLES = (
    "CREATE TABLE reports_margin (month BIGINT NOT NULL, party_id BIGINT NOT NULL, item_id BIGINT NOT NULL, quantity"
    " BIGINT NOT NULL, revenue BIGINT NOT NULL, cost BIGINT NOT NULL, PRIMARY KEY (month, party_id, item_id))",
    "CREATE INDEX reports_margin_party ON reports_margin (party_id, month)",
    "CREATE INDEX reports_margin_item ON reports_margin (item_id, month)",
    "CREATE TABLE reports_person (month BIGINT NOT NULL, user_name TEXT NOT NULL, kind TEXT NOT NULL, documents BIGINT"
    " NOT NULL, amount BIGINT NOT NULL, PRIMARY KEY (month, user_name, kind))",
)
SQLITE_MONTH = "CAST(strftime('%Y%m', {date}) AS INTEGER)"
POSTGRESQL_MONTH = "CAST(to_char({date}, 'YYYYMM') AS BIGINT)"
# A fact counts four times: for its customer and item, for either of them, and for all (-1).
GROUPS = (
    "(SELECT 0 AS by_party, 0 AS by_item UNION ALL SELECT 0, 1 UNION ALL SELECT 1, 0 UNION ALL SELECT 1, 1) g"
    " WHERE 1 = 1"
)
MARGIN = (
    "INSERT INTO reports_margin (month, party_id, item_id, quantity, revenue, cost)"
    " SELECT month, CASE WHEN by_party = 1 THEN party ELSE -1 END, CASE WHEN by_item = 1 THEN item ELSE -1 END,"
    " SUM(quantity), SUM(revenue), SUM(cost) FROM ({facts}) f CROSS JOIN "
    + GROUPS
    + " GROUP BY month, CASE WHEN by_party = 1 THEN party ELSE -1 END, CASE WHEN by_item = 1 THEN item ELSE -1 END"
    " ON CONFLICT (month, party_id, item_id) DO UPDATE SET quantity = reports_margin.quantity + excluded.quantity,"
    " revenue = reports_margin.revenue + excluded.revenue, cost = reports_margin.cost + excluded.cost;"
)
INVOICED = (
    "SELECT {month} AS month, d.party_id AS party, CASE WHEN l.aux LIKE 'item:%' THEN CAST(substr(l.aux, 6) AS BIGINT)"
    " ELSE 0 END AS item, 0 AS quantity, CASE WHEN d.kind = 'sale' THEN l.net ELSE -l.net END AS revenue, 0 AS cost"
    " FROM finance_invoice_line l JOIN finance_invoice d ON d.id = l.invoice_id"
    " JOIN finance_account a ON a.code = l.account AND a.kind = 'income'"
    " WHERE d.kind IN ('sale', 'sale_credit')"
)
# Goods that customers have: what went to them less what came back, at what they cost as it is known now.
# The customer is that of the delivery or the return that moved them.
PARTY = "COALESCE(sd.party_id, sr.party_id, 0)"
JOINS = (
    "LEFT JOIN sales_delivery sd ON t.source_kind = 'sales_delivery' AND sd.id = t.source_id"
    " LEFT JOIN sales_return sr ON t.source_kind = 'sales_return' AND sr.id = t.source_id"
)
COST = (
    "SELECT {month} AS month, {party} AS party, m.item_id AS item,"
    " {sign} * CASE WHEN m.direction = 'out' THEN m.quantity ELSE -m.quantity END AS quantity, 0 AS revenue,"
    " -({sign} * {change}) AS cost FROM stock_move m JOIN stock_transfer t ON t.id = m.transfer_id"
    " JOIN stock_location p ON p.id = CASE WHEN m.direction = 'out' THEN m.target_id ELSE m.source_id END"
    " {joins} WHERE p.kind = 'customer' AND m.direction <> 'within' AND m.account LIKE '54%'"
)
PERSON = (
    "INSERT INTO reports_person (month, user_name, kind, documents, amount) SELECT {month}, d.posted_by, '{kind}',"
    " COUNT(*), SUM({amount}) FROM {table} d WHERE {where} GROUP BY {month}, d.posted_by"
    " ON CONFLICT (month, user_name, kind) DO UPDATE SET documents = reports_person.documents + excluded.documents,"
    " amount = reports_person.amount + excluded.amount;"
)
NET = "CASE WHEN d.kind = 'sale' THEN d.net ELSE -d.net END"


def _reports_1(database: peewee.Database) -> None:
    schema.run(database, *TABLES)
    month = SQLITE_MONTH if is_sqlite(database) else POSTGRESQL_MONTH
    of_document = month.format(date="d.date")
    becomes = "NEW.posted AND NOT OLD.posted"
    is_sale = "NEW.kind IN ('sale', 'sale_credit')"
    facts = INVOICED.format(month=of_document)
    kept = {"month": of_document, "kind": "invoice", "amount": NET, "table": "finance_invoice"}
    schema.after(
        database, "reports_invoiced", "finance_invoice", "UPDATE", f"{becomes} AND {is_sale}",
        MARGIN.format(facts=f"{facts} AND d.id = NEW.id") + " " + PERSON.format(where="d.id = NEW.id", **kept),
    )  # fmt: skip
    ordered = {"month": of_document, "kind": "order", "amount": "d.net", "table": "sales_order"}
    schema.after(
        database, "reports_ordered", "sales_order", "UPDATE", becomes, PERSON.format(where="d.id = NEW.id", **ordered)
    )
    for event, row, sign in (("INSERT", "NEW", 1), ("DELETE", "OLD", -1)):
        words = {"month": month.format(date=f"{row}.date"), "change": f"{row}.value_change", "sign": sign}
        cost = COST.format(party=PARTY, joins=JOINS, **words) + f" AND m.id = {row}.move_id"
        name = f"reports_cost_{event.lower()}"
        schema.after(database, name, "stock_cost", event, "1 = 1", MARGIN.format(facts=cost))
    words = {"month": month.format(date="m.date"), "change": "c.value_change", "sign": 1}
    costs = COST.format(party=PARTY, joins=f"JOIN stock_cost c ON c.move_id = m.id {JOINS}", **words)
    posted = "d.posted AND d.kind IN ('sale', 'sale_credit')"
    for statement in (
        MARGIN.format(facts=f"{facts} AND d.posted UNION ALL {costs}"), PERSON.format(where=posted, **kept),
        PERSON.format(where="d.posted", **ordered),
    ):  # fmt: skip
        schema.run(database, statement.rstrip(";"))


MIGRATIONS: tuple[Migration, ...] = (_reports_1,)
