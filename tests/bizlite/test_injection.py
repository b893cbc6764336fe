"""Script and formulas in every text that somebody can give: no page of any module shows them as more than a text, no
file holds a formula. A company lives first, so that every page has something to show; then its texts are made nasty.
"""

from __future__ import annotations

import csv
import io
import json
import random
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit
from xml.etree import ElementTree

import peewee
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import NotFound
from werkzeug.routing import RequestRedirect

from bizlite.core import attachments, company, custom, spreadsheet
from bizlite.core.database import Record, database, write
from bizlite.finance import bank, ledger
from bizlite.production import boms, cards, causes, centres, routings
from bizlite.production import orders as work
from bizlite.purchasing import lines as buying
from bizlite.purchasing import orders as purchases
from bizlite.purchasing import requests
from bizlite.sales import contacts, opportunities, orders, prices, quotations
from bizlite.sales.lines import Wanted
from bizlite.stock import counting
from bizlite.web.app import create_app
from bizlite.web.resource import every
from tests.bizlite.conftest import leave
from tests.bizlite.shop import FIRST
from tests.bizlite.web_site import OWNER, asker, identify
from tests.bizlite.world import World

NASTY = "=1\"'><xss onxss=1>&lt;xss>"
# Columns that people fill with what they like; of these tables the column is a name that the program knows.
FREE = {
    "address", "bank_number", "barcode", "cause", "closed_by", "code", "counterparty", "created_by", "credit_reason",
    "email", "label", "lost_reason", "name", "name_en", "name_zh", "phone", "posted_by", "reason", "responsible",
    "revision", "role", "tax_number", "text", "their_number", "title", "user",
}  # fmt: skip
KNOWN = {
    "code": {"finance_account", "stock_unit", "stock_location", "production_operation"},
    "name": {"core_setting", "core_custom_field"}, "user": {"core_key", "core_holder", "production_worker"},
}  # fmt: skip
PAGES = 2  # pages looked at of one kind
NUMBER = re.compile(r"-?[\d,]+(\.\d+)?( ?%)?")


@pytest.fixture
def app(sqlite: Callable[[], str], tmp_path: Path) -> Iterator[Flask]:
    yield create_app(sqlite(), identify, folder=tmp_path)
    leave()


def lived(folder: Path) -> None:
    """Something of everything, and every free text nasty."""
    world = World()
    custom.define(OWNER, "SO", "colour", "colour", "text")
    contacts.add(OWNER, world.customer.id, "x", role="x", phone="1", email="x@example.org", address="x")
    group = contacts.add_group(OWNER, "G", "x").id
    prices.add(OWNER, world.spots[0][0], FIRST, 1, group=group)
    opportunities.add(OWNER, world.customer.id, FIRST, "x", text="x")
    centres.set_day(OWNER, FIRST, "x")
    causes.add(OWNER, "why")  # as the world reports it
    counting.post(
        OWNER, FIRST, [counting.Counted(item=world.spots[0][0], location=world.stores[0], quantity=5, value=5)]
    )
    bank.import_list(OWNER, "1002", f"date,amount\n{FIRST},1\n")
    chance, missing = random.Random(6), [resource.model for resource in every().values()]
    while missing:
        world.apply((chance.randrange(999), *(chance.randrange(200) for _ in range(3))))
        missing = [model for model in missing if not model.select().exists()]
    day, item, party = FIRST, world.spots[0][0], world.customer.id
    ledger.draft(OWNER, day, [ledger.Leg(account="5602", debit=1)])
    boms.draft(OWNER, world.shop.products[0], "B", 1, [boms.Component(item=item, quantity=1)], date=day)
    routings.draft(
        OWNER, world.shop.products[0], "B", [routings.Step(code="x", name="x", centre=1, run_ms=1)], date=day
    )
    work.draft(OWNER, world.shop.products[0], 1, day, date=day)
    quotations.draft(OWNER, party, day, day, [Wanted(item=item, quantity=1, price=1)])
    orders.draft(OWNER, party, day, [Wanted(item=item, quantity=1, price=1)])
    requests.draft(OWNER, day, [requests.Need(item=item, quantity=1, needed=day)])
    purchases.draft(OWNER, world.supplier.id, day, [buying.Wanted(item=item, quantity=1, price=1)])
    attachments.attach(OWNER, folder / "attachments", "SO", 1, "x.txt", "text/plain", b"x")
    company.change(OWNER, name=NASTY, address=NASTY, phone=NASTY, tax_number=NASTY, bank=NASTY)
    database.execute_sql("PRAGMA ignore_check_constraints = ON")
    with write():
        for (name,) in database.execute_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute_sql(f"DROP TRIGGER {name}")
        for model in models(Record):
            spoil(model)


def models(above: type[peewee.Model]) -> Iterator[type[peewee.Model]]:
    for model in above.__subclasses__():
        yield from models(model)
        if model.table_exists():
            yield model


def spoil(model: type[peewee.Model]) -> None:
    table = model._meta.table_name
    for entry in model._meta.sorted_fields:
        column = f'"{entry.column_name}"'
        if entry.name in FREE and isinstance(entry, peewee.CharField | peewee.TextField):
            if table not in KNOWN.get(entry.name, ()):
                database.execute_sql(f"UPDATE {table} SET {column} = ? || rowid WHERE {column} IS NOT NULL", (NASTY,))
        elif entry.name in ("before", "after", "custom"):
            known = json.dumps({"text": NASTY, "colour": NASTY})
            database.execute_sql(f"UPDATE {table} SET {column} = ? WHERE {column} <> ''", (known,))


class Page(HTMLParser):
    """Where a page leads to, and whether something of ours became more than a text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.wrong: list[object] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        is_data = tag == "script" and (values.get("src") or values.get("type") == "application/json")
        if (tag in ("xss", "script") and not is_data) or any(name.startswith("on") for name in values):
            self.wrong.append((tag, attrs, self.getpos()))
        if tag == "a":
            self.links.append(values.get("href") or "")


def is_plain(cell: str) -> bool:
    return not cell.startswith(spreadsheet.FORMULA) or NUMBER.fullmatch(cell) is not None


def sheets(address: str, answer: object) -> Iterator[list[list[str]]]:
    """The tables of a file: a CSV, an XLSX, an archive of them."""
    kind, data = answer.mimetype, answer.data  # type: ignore[attr-defined]
    if kind == "text/csv":
        yield list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
        return
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if kind != "application/zip":
            sheet = ElementTree.fromstring(archive.read("xl/worksheets/sheet1.xml"))
            assert not list(sheet.iter(f"{{{spreadsheet.MAIN}}}f")), address
            return
        for name in archive.namelist():
            if name.endswith(".csv"):
                yield list(csv.reader(io.StringIO(archive.read(name).decode("utf-8-sig"), newline="")))


def starts(app: Flask) -> Iterator[str]:
    yield from ("/business/", "/business/file/1", "/business/quality/inspect/1/production_card/1/0")
    card = f"/business/production/scan/{cards.token(1)}"
    yield from ("/business/reports/table/ageing-receivable", card, f"{card}/file/1")
    for place in ("order/1", "work/1", "table/ageing-receivable"):
        yield f"/api/biz/v1/reports/figures/{place}"
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and not rule.arguments and rule.rule.startswith(("/business", "/api/biz")):
            yield rule.rule
    for resource in every().values():
        for address in (
            f"/business/{resource.module}/{resource.noun}",
            f"/api/biz/v1/{resource.module}/{resource.noun}",
        ):
            rows = resource.model.select().order_by(resource.key.desc()).limit(2)
            yield from (f"{address}/{row._pk}" for row in rows)
            yield from (address, f"{address}?q=%3D1%22'%3E%3Cxss+onxss%3D1%3E", f"{address}?%3Cxss%3E=%3Cxss%3E")


def walk(client: FlaskClient, app: Flask) -> tuple[set[str], int]:
    """Every page that a link leads to, some of each kind; which kinds there were, and how many cells were nasty."""
    kinds, waiting, known, nasty = Counter[object](), list(starts(app)), set[str](), 0
    routes = app.url_map.bind("localhost")
    while waiting:
        address = waiting.pop(0).partition("#")[0]
        place = urlsplit(address)
        if not place.path.startswith(("/business", "/api/biz")):  # the router's own pages
            continue
        try:
            endpoint, _ = routes.match(place.path, method="GET")
        except (NotFound, RequestRedirect):  # no page of ours, or a page that REST does not have
            continue
        asked = parse_qs(place.query).items()
        kind = (endpoint, *((name, texts[0] if name in ("by", "format", "table") else "") for name, texts in asked))
        if address in known or kinds[kind] >= PAGES or endpoint == "static" or place.path == "/business/backup":
            continue
        known.add(address)
        kinds[kind] += 1
        with client.get(address) as answer:
            assert answer.status_code < 500, address
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            if answer.mimetype == "text/html":
                page = Page(answer.text)
                assert not page.wrong, address
                waiting += [urljoin(address, link) for link in page.links if link]
                waiting.append(place.path.replace("/business/", "/api/biz/v1/", 1))
            elif answer.mimetype == "application/json":
                json.loads(answer.data)
            elif "attachment" in answer.headers.get("Content-Disposition", "") and "octet" not in answer.mimetype:
                for sheet in sheets(address, answer):
                    wrong = [cell for row in sheet for cell in row if not is_plain(cell)]
                    assert not wrong, (address, wrong[:3])
                    nasty += sum(cell.startswith("'=1") for row in sheet for cell in row)
    return {kind[0] for kind in kinds}, nasty


def test_no_text_becomes_script_or_formula_on_any_page_or_file(app: Flask, tmp_path: Path) -> None:
    lived(tmp_path)
    seen, nasty = walk(asker(app), app)
    assert nasty > 100
    pages = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())} - {"static"}
    left = sorted(pages - seen)
    assert left == [], " ".join(left)
