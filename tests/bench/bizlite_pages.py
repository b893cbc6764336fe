"""What the pages of bizlite take with a firm's history behind them: 8 users at a time through waitress, on one core.

200,000 stock moves, 50,000 orders, as many invoices with their payments, and 500,000 ledger lines in SQLite on a
disk, written by the product's own tables and triggers.
``python -m tests.bench.bizlite_pages [--home DIRECTORY] [--scale PERCENT]``.
"""

from __future__ import annotations

import argparse
import datetime
import http.client
import logging
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from bizlite.core import registry, store
from bizlite.core.database import database, write
from bizlite.finance import parties
from bizlite.finance.models import Allocation, Entry, Invoice, InvoiceLine, Line, Open, Payment
from bizlite.sales.models import Order, OrderLine
from bizlite.stock import items
from tests.bench.bizlite_ledger import FIRST, ITEMS, LAST, SESSION, chunks, history
from tests.bench.figure import Figure

MOVES, INVOICES, LINES = 200_000, 50_000, 500_000
CUSTOMERS, USERS, ROUNDS, GOAL_S = 300, 8, 40, 0.150
THREADS = 4  # of the server, as rsweb has them
STAMP = {"posted": False, "created_by": "bench", "created_ms": 0, "version": 1, "text": "", "custom": "{}"}
LISTS = (
    "sales/order",
    "finance/invoice",
    "finance/entry",
    "finance/payment",
    "finance/party",
    "stock/transfer",
    "stock/item",
)
DOCUMENTS = {
    "sales/order": INVOICES,
    "finance/invoice": INVOICES,
    "finance/entry": INVOICES,
    "stock/transfer": MOVES // 20,
}
REPORTS = ("reports/",)
OTHERS = ("reports/margin?by=customer", "reports/forecast", "finance/ageing", "finance/statements?period=202606",
          "finance/trial", "stock/there")  # fmt: skip


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
        "seller": "bench",
        "is_gross": False,
        "credit_reason": "",
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
    rest = {"due": LAST, "is_gross": False, "rounding": "line-half-up", "their_number": "", "source_kind": "",
            "source_id": 0, **STAMP}  # fmt: skip
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


def serve(url: str, port: int) -> None:
    """The pages as rsweb has them: Flask in waitress, on one core."""
    from waitress import serve as run

    from bizlite.web.app import create_app
    from bizlite.web.guard import Who

    logging.getLogger("waitress").setLevel(logging.ERROR)  # as rsweb: more requests than threads is no news
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    app = create_app(url, lambda environ: Who(name="admin", roles=frozenset({"admin"}), language="zh"))
    run(app, host="127.0.0.1", port=port, threads=THREADS, _quiet=True)


def measure(port: int, addresses: list[str], rounds: int) -> list[float]:
    """Seconds of requests that ``USERS`` people make at a time, each on one connection."""
    times: list[float] = []

    def user(number: int) -> None:
        chance = random.Random(number)
        line = http.client.HTTPConnection("127.0.0.1", port)
        for _ in range(rounds):
            address = chance.choice(addresses)
            start = time.monotonic()
            line.request("GET", f"/business/{address}")
            answer = line.getresponse()
            body = answer.read()
            times.append(time.monotonic() - start)
            if answer.status != 200:
                raise RuntimeError(f"{address}: {answer.status} {body[:200]!r}")
        line.close()

    threads = [threading.Thread(target=user, args=(number,)) for number in range(USERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(times) < USERS * rounds:
        raise RuntimeError("a page failed")
    return times


def cpu_s(pid: int) -> float:
    """Seconds that a process has had of the processor: what a page costs also while others are at work here."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pss_mb(pid: int) -> float:
    """Proportional memory of a process."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def kinds(scale: int) -> Iterator[tuple[str, list[str]]]:
    """What is asked for together: lists (their first pages and ones far behind), documents, the report page, others."""
    yield "list pages", [*LISTS, *(f"{name}?sort=-id" for name in LISTS if name != "finance/party")]
    chance = random.Random(7)
    yield (
        "document pages",
        [f"{name}/{chance.randrange(1, count * scale // 100)}" for name, count in DOCUMENTS.items() for _ in range(50)],
    )
    yield "report page", [*REPORTS]
    yield "other reports", [*OTHERS]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", default=None, help="a directory on the disk that is meant")
    parser.add_argument("--scale", type=int, default=100, help="percent of the history")
    parser.add_argument("--serve", nargs=2, metavar=("URL", "PORT"))
    asked = parser.parse_args()
    if asked.serve:
        serve(asked.serve[0], int(asked.serve[1]))
        return
    with tempfile.TemporaryDirectory(dir=asked.home) as home:
        url = f"sqlite://{home}/company.db"
        registry.open_company(url)
        for n in range(ITEMS):
            items.add_item(SESSION, f"I{n}", f"item {n}")
        for n in range(CUSTOMERS):
            parties.add(SESSION, f"C{n:04}", f"customer {n}", is_customer=True)
        history(MOVES * 21 // 20 * asked.scale // 100)
        sales(INVOICES * asked.scale // 100, LINES * asked.scale // 100)
        count = Line.select().count()
        database.close()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-OO", "-m", "tests.bench.bizlite_pages", "--serve", url, str(port)]
        server = subprocess.Popen(command)
        try:
            _wait(port)
            for name, addresses in kinds(asked.scale):
                measure(port, addresses, 2)
                busy = cpu_s(server.pid)
                times = measure(port, addresses, ROUNDS)
                busy = cpu_s(server.pid) - busy
                p95 = statistics.quantiles(times, n=20)[-1]
                more = {"median": round(statistics.median(times), 4), "cpu_a_page": round(busy / len(times), 4),
                        "lines": count, "users": USERS}  # fmt: skip
                Figure(
                    "bizlite", p95, None, f"s {name}, p95", GOAL_S, p95 <= GOAL_S, True, len(times), more=more
                ).tell()
            size = pss_mb(server.pid)
            Figure("bizlite", size, None, "MB PSS of the pages alone", 68, size <= 68, True, digits=1).tell()
        finally:
            server.terminate()
            server.wait()


def _wait(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the server did not start")


if __name__ == "__main__":
    main()
