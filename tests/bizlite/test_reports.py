"""The reports: figures against sums over all lines, spreadsheets that outside programs read, charts."""

from __future__ import annotations

import datetime
import io
import zipfile
from collections import Counter
from xml.etree import ElementTree

import pytest
from hypothesis import given

from bizlite.core import registry, spreadsheet, store, tables
from bizlite.core.database import write
from bizlite.core.session import Session
from bizlite.finance import forecast, invoices, parties
from bizlite.finance.models import Invoice, InvoiceLine
from bizlite.reports import margins, overview
from bizlite.reports.models import ALL, Margin, Person
from bizlite.sales import deliveries, orders
from bizlite.sales import invoices as bills
from bizlite.sales.lines import Wanted
from bizlite.stock import items, planning, transfers
from bizlite.stock.models import Cost, Location, Move
from bizlite.web import charts
from tests.bizlite import selling
from tests.bizlite.conftest import Fresh, leave
from tests.bizlite.test_invariants import LOGS, TRIED
from tests.bizlite.world import Operation, World, clock

DAY = datetime.date(2026, 3, 10)
OWNER = Session(user="owner", rights=frozenset({"*"}), now=clock)


def all_lines() -> dict[tuple[int, int], list[int]]:
    """Quantity, revenue and cost by month and item over every line and every move."""
    sums: dict[tuple[int, int], list[int]] = {}

    def add(date: datetime.date, item: int, *values: int) -> None:
        found = sums.setdefault((date.year * 100 + date.month, item), [0, 0, 0])
        found[:] = [a + b for a, b in zip(found, values, strict=True)]

    for line in InvoiceLine.select(InvoiceLine, Invoice).join(Invoice):
        if line.invoice.kind.startswith("sale") and line.account_id in ("5001", "5051"):
            sign = 1 if line.invoice.kind == "sale" else -1
            item = int(line.aux.removeprefix("item:") or 0)
            add(line.invoice.date, item, 0, sign * line.net, 0)
    kinds = dict(Location.select(Location.id, Location.kind).tuples())
    costs = {row.move: row.change for row in Cost.select()}
    for move in Move.select():
        if "customer" in (kinds[move.source_id], kinds[move.target_id]) and move.account.startswith("54"):
            sign = 1 if kinds[move.target_id] == "customer" else -1
            add(move.date, move.item_id, sign * move.quantity, 0, -costs[move.id])
    return sums


def kept() -> dict[tuple[int, int], list[int]]:
    """The same from the sums of all customers."""
    rows = Margin.select().where((Margin.party == ALL) & (Margin.item != ALL))
    return {(row.month, row.item): [row.quantity, row.revenue, row.cost] for row in rows}


@TRIED
@given(log=LOGS)
def test_kept_sums_are_those_of_all_lines(sqlite: Fresh, log: list[Operation]) -> None:
    registry.open_company(sqlite())
    world = World()
    for operation in log:
        world.apply(operation)
    check_sums()
    leave()


def check_sums() -> None:
    found = all_lines()
    assert kept() == found
    for rows, key in (
        (Margin.select().where((Margin.party != ALL) & (Margin.item != ALL)), lambda r: (r.month, r.item)),
        (Margin.select().where((Margin.party == ALL) & (Margin.item == ALL)), lambda r: r.month),
        (Margin.select().where((Margin.party != ALL) & (Margin.item == ALL)), lambda r: r.month),
    ):
        sums: dict[object, Counter[str]] = {}
        for row in rows:
            sums.setdefault(key(row), Counter()).update(
                {"quantity": row.quantity, "revenue": row.revenue, "cost": row.cost}
            )
        wanted: dict[object, Counter[str]] = {}
        for (month, item), (quantity, revenue, cost) in found.items():
            place = (month, item) if isinstance(next(iter(sums)), tuple) else month
            wanted.setdefault(place, Counter()).update({"quantity": quantity, "revenue": revenue, "cost": cost})
        assert sums == wanted
    posted: Counter[tuple[int, str]] = Counter()
    for row in Invoice.select().where(Invoice.kind << ("sale", "sale_credit")):
        sign = 1 if row.kind == "sale" else -1
        posted[row.date.year * 100 + row.date.month, row.posted_by] += sign * row.net
    people = Person.select().where(Person.kind == "invoice")
    assert {(row.month, row.user): row.amount for row in people} == dict(posted)


def test_sums_on_both_databases_also_after_a_back_dated_receipt(company: None) -> None:
    customer = parties.add(OWNER, "C", "customer", is_customer=True)
    item = items.add_item(OWNER, "I", "item", unit="kg")
    receive(item.id, 10, 1000, DAY)
    transfers.post(OWNER, "d", DAY, [transfers.Line(item=item.id, quantity=4, source=1, target=3)])
    line = invoices.Item(text="x", quantity=4, price=3_000_000, scale=0, rate=0, aux=f"item:{item.id}")
    sold = invoices.post(OWNER, "sale", customer.id, DAY, [line])
    assert margins.table("item", 202603, 202603).lines[0].values == ("I", "item", (4, 3), 1200, 400, 800, 6667)
    receive(item.id, 10, 3000, DAY - datetime.timedelta(days=20))  # makes what was issued dearer
    assert margins.table("item", 202603, 202603).lines[0].values == ("I", "item", (4, 3), 1200, 800, 400, 3333)
    invoices.credit(OWNER, sold.id, DAY)
    assert margins.table("month", 202602, 202603).lines[1].values == (202603, 0, 800, -800, None)
    assert margins.table("person", 202603, 202603).lines[0].values == ("owner", 0, 0, 2, 0)
    check_sums()


def receive(item: int, quantity: int, value: int, date: datetime.date) -> None:
    transfers.post(OWNER, "r", date, [transfers.Line(item=item, quantity=quantity, source=2, target=1, value=value)])


def test_the_page_says_what_is_short_owed_and_due(company: None) -> None:
    party = parties.add(OWNER, "P", "both", is_customer=True, is_supplier=True, payment_days=0)
    line = invoices.Item(text="x", quantity=1, price=100_000_000, rate=0)
    invoices.post(OWNER, "sale", party.id, DAY, [line])
    invoices.post(OWNER, "purchase", party.id, DAY, [invoices.Item(text="x", quantity=1, price=7_000_000, rate=0,
                                                                   account="5602")])  # fmt: skip
    item = items.add_item(OWNER, "I", "item")
    receive(item.id, 3, 5, DAY)
    with write():
        planning.plan(OWNER, "x", 1, [planning.Planned(line=1, item=item.id, date=DAY, quantity=-5)])
    planning.set_reorder(OWNER, item.id, 2, 10, lead_days=60)
    forecast.add_recurring(OWNER, "rent", "out", 5000, DAY)
    found = overview.make(DAY + datetime.timedelta(days=40))
    named = {table.name: [line.values for line in table.lines] for found_ in found.answers.values() for table in found_}
    assert named["shortages"] == [("I", "item", DAY, (2, 0))]
    assert named["to-order"] == [("I", "item", DAY, (12, 0))]
    assert named["ageing-receivable"] == [("both", 10000, 0, 0, 10000, 0, 0)]
    assert named["ageing-payable"] == [("both", 700, 0, 0, 700, 0, 0)]
    assert named["obligations"] == [(datetime.date(2026, 5, 10), "rent", 5000)]
    assert len(found.earned.lines) == 12
    assert found.earned.total("revenue") == 10000
    assert overview.find("shortages", DAY) is not None
    for name in reversed(registry.NAMES[registry.NAMES.index("stock") :]):
        registry.switch(OWNER, name, False)
    assert overview.find("shortages", DAY) is None


def test_the_forecast_knows_what_went_out_and_is_on_no_invoice(sqlite: Fresh) -> None:
    def expected() -> int:
        found = overview.cash_forecast(selling.day(2)).flows
        return sum(flow.amount for flow in found if flow.kind != "tax")

    with selling.opened(sqlite()) as shop:
        selling.receive(shop.bolt, 10, selling.day(1))
        order = selling.ordered(shop, (shop.bolt, 10))
        assert expected() == 10_000
        pick = deliveries.Pick(line=selling.line_of(order).id, quantity=4)
        deliveries.post(OWNER, order.id, selling.day(2), [pick])
        assert expected() == 10_000
        bills.post(OWNER, order.id, selling.day(2))
        assert expected() == 10_000


def test_a_page_reads_the_first_rows_and_knows_the_rest(company: None) -> None:
    item = items.add_item(OWNER, "I", "item")
    receive(item.id, 30, 5, DAY)
    for number in range(3):
        party = parties.add(OWNER, f"P{number}", f"party {number}", is_customer=True, payment_days=0)
        invoices.post(
            OWNER, "sale", party.id, DAY, [invoices.Item(text="x", quantity=1, price=10**8 * (number + 1), rate=0)]
        )
        wanted = [Wanted(item=item.id, quantity=number + 1, price=0)] * 2
        orders.confirm(OWNER, orders.draft(OWNER, party.id, DAY, wanted).id)
    late = max(DAY, OWNER.today()) + datetime.timedelta(days=40)
    found, every = (
        {table.name: table for answers in overview.make(late, most).answers.values() for table in answers}
        for most in (2, None)
    )
    for name, count in (("ageing-receivable", 3), ("late-orders", 6)):
        assert (len(found[name].lines), found[name].count, every[name].count) == (2, count, count)
        assert list(found[name].lines) == list(every[name].lines)[:2]
        assert len(every[name].lines) == count
    aged = [named["ageing-receivable"] for named in (found, every)]
    assert [table.total("total") for table in aged] == [60_000, 60_000]
    assert sum(aged[0].total(name) for name in aged[0].totals[1:]) == 60_000


def test_rows_read_by_their_own_statement_are_those_of_peewee(company: None) -> None:
    party = parties.add(OWNER, "P", "x", is_customer=True)
    row = invoices.post(OWNER, "sale", party.id, DAY, [invoices.Item(text="x", quantity=1, price=10**6, rate=0)])
    (same,) = store.rows(Invoice.select().where(Invoice.id == row.id))
    expected = Invoice.get_by_id(row.id).__data__
    assert (expected["date"], expected["posted"]) == (DAY, True)
    assert store.get(Invoice, row.id).__data__ == store.among(Invoice, "number", [row.number])[0].__data__ == expected
    assert same.__data__ == expected
    assert not same.dirty_fields
    columns = Invoice.select(Invoice.date, Invoice.number)
    assert list(store.tuples(columns)) == list(columns.tuples()) == [(DAY, row.number)]


# --- spreadsheets
NASTY = ["=1+1", "＝1+1", "+1", "-1", "@SUM(A1)", "\t=1", "中文 & <b>", "plain", "a\x00b"]


def test_no_text_is_a_formula_in_csv_and_numbers_stay_numbers() -> None:
    table = tables.Table(
        "t", "T", (tables.Column("a", "A"), tables.Column("b", "B", "money"), tables.Column("c", "C", "quantity")),
        [tables.Line((text, -150, (-1250, 3))) for text in NASTY],
    )  # fmt: skip
    text = "".join(spreadsheet.as_csv(tables.cells(table, lambda label: "=A" if label == "A" else label)))
    assert text.splitlines()[:2] == ["'=A,B,C", "'=1+1,-1.50,-1.250"]
    assert all(not line.startswith(spreadsheet.FORMULA) for line in text.splitlines())


def test_xlsx_is_what_a_reader_of_the_standard_reads() -> None:
    rows = [["=head", "n"], *([text, -150] for text in NASTY)]
    file = io.BytesIO()
    spreadsheet.xlsx(file, "a/b:*", rows)
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        parts = {name: ElementTree.fromstring(archive.read(name)) for name in archive.namelist()}
    main = {"m": spreadsheet.MAIN}
    sheet = parts["xl/worksheets/sheet1.xml"]
    assert not sheet.findall(".//m:f", main)
    read = [["".join(cell.itertext()) for cell in row.findall("m:c", main)] for row in sheet.findall(".//m:row", main)]
    assert read[1:] == [[text.replace("\x00", ""), "-150"] for text in NASTY]
    styles = parts["xl/styles.xml"].findall("m:cellXfs/m:xf", main)
    texts = [cell for cell in sheet.iter(f"{{{spreadsheet.MAIN}}}c") if cell.get("t") == "inlineStr"]
    assert all(styles[int(cell.get("s", 0))].get("quotePrefix") == "1" for cell in texts)
    again = io.BytesIO()
    spreadsheet.xlsx(again, "a/b:*", rows)
    assert again.getvalue() == file.getvalue()


# --- charts
def test_bars_lead_somewhere_and_hold_no_script() -> None:
    found = [charts.Bar("2026-01", "5.00", 500, "/x?a=1&b=2"), charts.Bar("<script>", "-2.00", -200)]
    root = ElementTree.fromstring(str(charts.bars('a "title"', found)))
    assert [link.get("href") for link in root.iter("a")] == ["/x?a=1&b=2"]
    heights = [float(rect.get("height", 0)) for rect in root.iter("rect")]
    assert heights[0] == pytest.approx(2.5 * heights[1], abs=0.2)
    assert root[0].get("aria-label") == 'a "title"'
    ElementTree.fromstring(str(charts.bars("nothing", [charts.Bar("x", "0", 0)])))


def test_months_between_two() -> None:
    assert margins.months(202511, 202602) == [202511, 202512, 202601, 202602]
    assert overview.months_before(202602, 12) == 202502
