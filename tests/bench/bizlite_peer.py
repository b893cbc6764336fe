"""The same 100 orders to invoices by bizlite and by Tryton on SQLite: time, processor and memory (PSS), in one run.

Each order has five lines and goes the whole way: draft, confirmed, delivered, invoiced, each step a transaction through
the program's own API, in a process that does nothing else. Tryton (``PACKAGES``, from PyPI) has a venv of its own under
``build/``, made when it is not there. Both must have invoiced the same. What differs is to Tryton's advantage: it
enters no cost of what is sold (``account_stock_continental`` is not in), logs no changes, and writes with
``synchronous=NORMAL``, we with ``FULL``. ``python -m tests.bench.bizlite_peer [--orders N] [--home DIRECTORY]``.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from bizlite.core import registry
from bizlite.core.session import Session
from bizlite.finance import parties
from bizlite.finance.models import Invoice
from bizlite.sales import deliveries, invoices, lines, orders
from bizlite.stock import items, transfers
from tests.bench.bizlite_pages import pss_mb
from tests.bench.figure import Figure

ROOT = Path(__file__).parents[2]
PEER = Path(__file__).parent / "peers" / "tryton.py"
VENV = ROOT / "build" / "tryton"
PACKAGES = (
    "trytond==8.2.1", "trytond_account==8.2.1", "trytond_account_invoice==8.2.0",
    "trytond_account_invoice_stock==8.2.0", "trytond_sale==8.2.0", "trytond_stock==8.2.1", "proteus==8.2.0",
)  # fmt: skip
ITEMS, LINES, YUAN = 20, 5, 1_000_000  # as in peers/tryton.py
SESSION = Session(user="bench", rights=frozenset({"*"}))


def order(party: int, goods: list[int], number: int) -> None:
    """One order, from the draft to the posted invoice."""
    today = datetime.date.today()
    wanted = [
        lines.Wanted(item=goods[(number + n) % ITEMS], quantity=n + 1, price=(10 + number % 7) * YUAN, rate=1300)
        for n in range(LINES)
    ]
    row = orders.draft(SESSION, party, today, wanted, is_gross=False)
    orders.confirm(SESSION, row.id)
    deliveries.post(SESSION, row.id, today)
    invoices.post(SESSION, row.id, today)


def ours(home: str, count: int) -> dict[str, Any]:
    """A company with goods in stock and a customer, then the orders."""
    registry.open_company(f"sqlite://{home}/company.db")
    goods = [items.add_item(SESSION, f"I{n}", f"item {n}").id for n in range(ITEMS)]
    store, supplier = items.place("MAIN"), items.place("SUPPLIER")
    stock = [transfers.Line(item=g, quantity=count * 100, source=supplier, target=store, value=500_00) for g in goods]
    transfers.post(SESSION, "receipt", datetime.date.today(), stock)
    party = parties.add(SESSION, "C", "customer", is_customer=True).id
    order(party, goods, count)  # what is loaded once
    start, cpu = time.monotonic(), time.process_time()
    for number in range(count):
        order(party, goods, number)
    return {
        "s": time.monotonic() - start,
        "cpu_s": time.process_time() - cpu,
        "pss_mb": pss_mb(os.getpid()),
        "invoices": [str(Decimal(row.net + row.tax) / 100) for row in Invoice.select()],
    }


def tryton(home: str, count: int) -> dict[str, Any]:
    """The same by Tryton, in two processes: what made the company is not in the memory that is measured."""
    config = Path(home) / "trytond.conf"
    config.write_text(f"[database]\nuri = sqlite://\npath = {home}\n")
    (Path(home) / "peer.sqlite").touch()
    (Path(home) / "password").write_text("bench")
    env = {**os.environ, "TRYTOND_CONFIG": str(config), "TRYTONPASSFILE": f"{home}/password"}
    admin = [VENV / "bin" / "trytond-admin", "-d", "peer", "--all", "--email", "bench@example.org"]
    subprocess.run(admin, check=True, env=env)
    python = [VENV / "bin" / "python", "-OO", PEER]
    subprocess.run([*python, "setup", "peer", str(count)], check=True, env=env)
    return dict(json.loads(subprocess.check_output([*python, "run", "peer", str(count)], env=env)))


def install() -> None:
    """Tryton in its own venv."""
    done = VENV / "installed"
    if not done.exists() or done.read_text() != repr(PACKAGES):
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
        subprocess.run([VENV / "bin" / "pip", "install", "-q", *PACKAGES], check=True)
        done.write_text(repr(PACKAGES))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--orders", type=int, default=100)
    parser.add_argument("--home", default=None, help="a directory on the disk that is meant")
    parser.add_argument("--ours", metavar="DIRECTORY", help="as the child that is measured")
    asked = parser.parse_args()
    if asked.ours:
        print(json.dumps(ours(asked.ours, asked.orders)))
        return
    install()
    with tempfile.TemporaryDirectory(dir=asked.home) as home:
        command = [sys.executable, "-OO", "-m", "tests.bench.bizlite_peer", "--ours", home]
        we = json.loads(subprocess.check_output([*command, "--orders", str(asked.orders)]))
        they = tryton(home, asked.orders)
    if sorted(map(Decimal, we["invoices"])) != sorted(map(Decimal, they["invoices"])):
        raise RuntimeError(f"the invoices differ: {we['invoices']} {they['invoices']}")
    cpu = {"cpu_s": round(we["cpu_s"], 2), "peer_cpu_s": round(they["cpu_s"], 2)}
    for what, unit, more in (("s", "s for the orders to invoices", cpu), ("pss_mb", "MB PSS after them", None)):
        mine, other = we[what], they[what]
        rounds = asked.orders
        Figure("bizlite beside Tryton", mine, other, unit, 1, mine <= other, True, rounds, digits=2, more=more).tell()


if __name__ == "__main__":
    main()
