"""A firm's history for the benchmarks of bizlite: written by the product's own tables and triggers, without its rules.

``filled`` gives a company with so many percent of it: 200,000 stock moves, 50,000 orders, as many invoices with their
payments, and 500,000 ledger lines. Filling takes a minute, so it can be kept for the next round (``--keep DIRECTORY``).
"""

from __future__ import annotations

import argparse
import datetime
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bizlite.core import registry, store
from bizlite.core.database import database, write
from bizlite.core.session import Session
from bizlite.finance import parties
from bizlite.finance.models import Allocation, Entry, Invoice, InvoiceLine, Line, Open, Payment
from bizlite.sales.models import Order, OrderLine
from bizlite.stock import items
from bizlite.stock.models import Cost, Move, Transfer

SESSION = Session(user="bench", rights=frozenset({"*"}))
FIRST, LAST = datetime.date(2021, 1, 1), datetime.date(2026, 6, 30)
TODAY = LAST + datetime.timedelta(days=1)
ITEMS, CUSTOMERS = 200, 300
PAPER = 20  # lines of a paper
MOVES, INVOICES, LINES = 200_000, 50_000, 500_000
STAMP = {"posted": False, "created_by": "bench", "created_ms": 0, "version": 1, "text": "", "custom": "{}"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the database lies."""
    parser.add_argument("--home", default=None, help="a directory on the disk that is meant")
    parser.add_argument("--keep", type=Path, default=None, help="a directory for filled databases, to use them again")


@contextmanager
def filled(asked: argparse.Namespace, percent: int) -> Iterator[str]:
    """The URL of a company with so much of the history, for the caller to use up."""
    with tempfile.TemporaryDirectory(dir=asked.home) as home:
        place = Path(home) / "company.db"
        kept = asked.keep and asked.keep / f"history-{percent}.db"
        if kept and kept.exists():
            shutil.copyfile(kept, place)
        else:
            _fill(place, percent)
        if kept and not kept.exists():
            asked.keep.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(place, kept.with_suffix(".new"))
            kept.with_suffix(".new").replace(kept)
        yield f"sqlite://{place}"


def _fill(place: Path, percent: int) -> None:
    registry.open_company(f"sqlite://{place}")
    database.execute_sql("PRAGMA synchronous = off")  # nothing is lost here that could not be filled again
    database.execute_sql("PRAGMA cache_size = -200000")
    for n in range(ITEMS):
        items.add_item(SESSION, f"I{n}", f"item {n}")
    for n in range(CUSTOMERS):
        parties.add(SESSION, f"C{n:04}", f"customer {n}", is_customer=True)
    history(MOVES * 21 // 20 * percent // 100)
    sales(INVOICES * percent // 100, LINES * percent // 100)
    database.close()
    with sqlite3.connect(place) as file:  # the one file is all of it
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def chunks(count: int, size: int) -> Iterator[range]:
    return (range(start, min(start + size, count)) for start in range(0, count, size))


def history(lines: int) -> None:
    """Receipts of 20 lines with their entries of 21, evenly over the years: so many ledger lines more."""
    stamp = {"posted": False, "created_by": "bench", "created_ms": 0, "version": 1, "text": "", "custom": "{}"}
    papers = lines // (PAPER + 1)
    done = Transfer.select().count()
    start = LAST if done else FIRST
    days = (LAST - FIRST).days
    chance = random.Random(lines)
    levels = {item: [0, 0] for item in range(1, ITEMS + 1)}
    if done:  # what is added lies behind what is there, as life has it
        for item, level in levels.items():
            row = Cost.select().where(Cost.item == item).order_by(Cost.move.desc()).first()
            level[:] = [row.quantity, row.value]
    for part in chunks(papers, 500):
        with write():
            first, entry = store.next_id(Transfer), store.next_id(Entry)
            dates = [start if done else FIRST + datetime.timedelta(days=n * days // papers) for n in part]
            more = {"kind": "receipt", "source_kind": "", "source_id": 0, **stamp}
            store.append(Transfer, [{"date": date, **more} for date in dates])
            more = {"journal": "stock", "source_kind": "stock_transfer", **stamp}
            store.append(
                Entry,
                [
                    {"date": d, "period": d.year * 100 + d.month, "source_id": first + n, **more}
                    for n, d in enumerate(dates)
                ],
            )
            moves, costs, legs = [], [], []
            number = store.next_id(Move)
            for n, date in enumerate(dates):
                total = 0
                for item in chance.sample(range(1, ITEMS + 1), PAPER):
                    quantity, value = chance.randrange(1, 50), chance.randrange(100, 5000)
                    levels[item][0] += quantity
                    levels[item][1] += value
                    total += value
                    moves.append(
                        {
                            "id": number, "transfer": first + n, "date": date, "rank": number, "item": item,
                            "source": 2, "target": 1, "quantity": quantity, "direction": "in", "basis": "given",
                            "value": value, "account": "220202",
                        }
                    )  # fmt: skip
                    costs.append(
                        {
                            "move": number, "item": item, "date": date, "rank": number, "change": value, "variance": 0,
                            "quantity": levels[item][0], "value": levels[item][1], "rate_value": levels[item][1],
                            "rate_quantity": levels[item][0],
                        }
                    )  # fmt: skip
                    legs.append(
                        {"entry": entry + n, "account": "1405", "aux": f"item:{item}", "debit": value, "credit": 0}
                    )
                    number += 1
                legs.append({"entry": entry + n, "account": "220202", "aux": "", "debit": 0, "credit": total})
            for model, rows in ((Move, moves), (Cost, costs), (Line, legs)):
                store.append(model, rows)
            for table, kind in (("stock_transfer", "HT"), ("finance_entry", "HJ")):
                database.execute_sql(f"UPDATE {table} SET number = '{kind}-' || id, posted = TRUE WHERE NOT posted")


def sales(count: int, lines: int) -> None:
    """Invoices of two lines, all but the last months' paid; the rest of the ledger's lines are vouchers of cash."""
    chance = random.Random(count)
    days = (LAST - FIRST).days
    for part in chunks(count, 500):
        with write():
            dates = [FIRST + datetime.timedelta(days=n * days // count) for n in part]
            _orders(dates, chance)
            _invoices(dates, chance)
    for part in chunks(max(0, lines - Line.select().count()) // 2, 2000):
        with write():
            dates = [FIRST + datetime.timedelta(days=n * days // lines) for n in part]
            _entries(dates, "general", 0, [[("5602", "", 100, 0), ("1001", "", 0, 100)] for _ in dates])


def _orders(dates: list[datetime.date], chance: random.Random) -> None:
    """Orders of two lines, delivered but for the last month's."""
    first, line = store.next_id(Order), store.next_id(OrderLine)
    more = {
        "wanted": None,
        "their_number": "",
        "is_gross": False,
        "credit_reason": "",
        "seller": "bench",
        "net": 2000,
        "tax": 260,
        **STAMP,
    }
    store.append(Order, [{**more, "date": date, "party": chance.randrange(1, CUSTOMERS + 1)} for date in dates])
    store.append(OrderLine, [
        {"order": first + n, "position": position, "item": chance.randrange(1, ITEMS + 1), "text": "goods",
         "quantity": 10, "price": 1_000_000, "discount": 0, "rate": 1300, "net": 1000, "tax": 130}
        for n in range(len(dates)) for position in range(2)
    ])  # fmt: skip
    database.execute_sql(
        f"UPDATE sales_order SET number = 'HO-' || id, posted = TRUE, posted_by = 'bench' WHERE id >= {first}"
    )
    done = sum((LAST - date).days > 30 for date in dates)
    database.execute_sql(f"UPDATE sales_progress SET promised = '{LAST}' WHERE line_id >= {line}")
    database.execute_sql(
        f"UPDATE sales_progress SET delivered = ordered WHERE line_id BETWEEN {line} AND {line + 2 * done - 1}"
    )


def _invoices(dates: list[datetime.date], chance: random.Random) -> None:
    first, buyers = store.next_id(Invoice), [chance.randrange(1, CUSTOMERS + 1) for _ in dates]
    nets = [(chance.randrange(1000, 50_000), chance.randrange(1000, 50_000)) for _ in dates]
    grosses = [(a + b) * 113 // 100 for a, b in nets]
    rest = {"due": LAST, "is_gross": False, "tax_kind": "general", "rounding": "line-half-up",
            "their_number": "", "source_kind": "", "source_id": 0, **STAMP}  # fmt: skip
    store.append(Invoice, [
        {**rest, "kind": "sale", "party": buyer, "date": date, "due": date + datetime.timedelta(days=30),
         "net": sum(net), "tax": gross - sum(net)}
        for date, buyer, net, gross in zip(dates, buyers, nets, grosses, strict=True)
    ])  # fmt: skip
    store.append(InvoiceLine, [
        {"invoice": first + n, "position": position, "account": "5001", "aux": f"item:{chance.randrange(1, ITEMS + 1)}",
         "text": "goods", "quantity": 1, "scale": 0, "price": net * 10_000, "rate": 1300, "net": net, "tax": 0}
        for n, pair in enumerate(nets) for position, net in enumerate(pair)
    ])  # fmt: skip
    _entries(dates, "invoice", first, [
        [("1122", f"party:{buyer}", gross, 0), ("5001", "", 0, sum(net)), ("22210106", "", 0, gross - sum(net))]
        for buyer, net, gross in zip(buyers, nets, grosses, strict=True)
    ])  # fmt: skip
    _open("finance_invoice", first, dates, buyers, grosses)
    paid = [n for n, date in enumerate(dates) if (LAST - date).days > 75]
    if paid:
        _payments([dates[n] for n in paid], [buyers[n] for n in paid], [grosses[n] for n in paid],
                  [first + n for n in paid])  # fmt: skip
    for table, kind in (("finance_invoice", "HI"), ("finance_payment", "HP")):
        database.execute_sql(
            f"UPDATE {table} SET number = '{kind}-' || id, posted = TRUE, posted_by = 'bench' WHERE NOT posted"
        )


def _payments(dates: list[datetime.date], buyers: list[int], amounts: list[int], invoices: list[int]) -> None:
    first = store.next_id(Payment)
    days = [min(LAST, date + datetime.timedelta(days=40)) for date in dates]
    rows = zip(days, buyers, amounts, strict=True)
    store.append(
        Payment, [{**STAMP, "kind": "in", "party": b, "date": d, "account": "1002", "amount": a} for d, b, a in rows]
    )
    _entries(days, "payment", first, [
        [("1002", "", amount, 0), ("1122", f"party:{buyer}", 0, amount)]
        for buyer, amount in zip(buyers, amounts, strict=True)
    ])  # fmt: skip
    covers = _open("finance_payment", first, days, buyers, amounts)
    claims = dict(Open.select(Open.document_id, Open.id).where(
        (Open.document_kind == "finance_invoice") & (Open.document_id << invoices)).tuples())  # fmt: skip
    store.append(Allocation, [
        {"claim": claims[invoice], "cover": cover, "amount": amount, "date": day, "user": "bench", "at_ms": 0}
        for invoice, cover, amount, day in zip(invoices, covers, amounts, days, strict=True)
    ])  # fmt: skip


def _open(kind: str, first: int, dates: list[datetime.date], buyers: list[int], amounts: list[int]) -> list[int]:
    side = "claim" if kind == "finance_invoice" else "cover"
    return store.append(Open, [
        {"side": side, "ledger": "receivable", "document_kind": kind, "document_id": first + n, "party": buyer,
         "date": date, "due": date + datetime.timedelta(days=30), "total": amount, "rest": amount}
        for n, (date, buyer, amount) in enumerate(zip(dates, buyers, amounts, strict=True))
    ])  # fmt: skip


def _entries(dates: list[datetime.date], journal: str, first: int, legs: list[list[tuple[str, str, int, int]]]) -> None:
    number = store.next_id(Entry)
    kind = {"invoice": "finance_invoice", "payment": "finance_payment"}.get(journal, "")
    store.append(Entry, [
        {**STAMP, "date": date, "period": date.year * 100 + date.month, "journal": journal, "source_kind": kind,
         "source_id": first + n if kind else 0}
        for n, date in enumerate(dates)
    ])  # fmt: skip
    store.append(Line, [
        {"entry": number + n, "account": account, "aux": aux, "debit": debit, "credit": credit}
        for n, found in enumerate(legs) for account, aux, debit, credit in found
    ])  # fmt: skip
    database.execute_sql(f"UPDATE finance_entry SET number = 'HE-' || id, posted = TRUE WHERE id >= {number}")
