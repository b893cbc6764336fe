"""What a delivery of 20 lines of an order costs with a firm's history behind it, and with a tenth of it, on SQLite.

The history is that of ``bizlite_pages``: 200,000 stock moves, 50,000 orders with their invoices and payments, 500,000
ledger lines. Beside it a trial balance. ``python -m tests.bench.bizlite_delivery [--home DIRECTORY] [--rounds N]``.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time

from bizlite.core import registry
from bizlite.core.database import database
from bizlite.finance import parties, reports
from bizlite.finance.models import Line
from bizlite.sales import deliveries, lines, orders
from bizlite.stock import items
from bizlite.stock.models import Move
from tests.bench.bizlite_ledger import BALANCE_S, ITEMS, PAPER, POSTING_S, RATIO, SESSION, TODAY, history, p95
from tests.bench.bizlite_pages import CUSTOMERS, INVOICES, LINES, MOVES, sales
from tests.bench.figure import Figure


def deliver_s(rounds: int) -> list[float]:
    """Deliveries of whole orders, one after another; making the orders does not count."""
    chance, times = random.Random(1), []
    for _ in range(rounds):
        wanted = [
            lines.Wanted(item=item, quantity=chance.randrange(1, 4), price=10_000_000, rate=1300)
            for item in chance.sample(range(1, ITEMS + 1), PAPER)
        ]
        order = orders.draft(SESSION, chance.randrange(1, CUSTOMERS + 1), TODAY, wanted)
        orders.confirm(SESSION, order.id)
        start = time.monotonic()
        deliveries.post(SESSION, order.id, TODAY)
        times.append(time.monotonic() - start)
    return times


def balance_s() -> float:
    """The slowest of some trial balances."""
    times = []
    for _ in range(20):
        start = time.monotonic()
        if sum(total.balance for total in reports.trial_balance(TODAY)):
            raise RuntimeError("the ledger does not balance")
        times.append(time.monotonic() - start)
    return max(times)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", default=None, help="a directory on the disk that is meant")
    parser.add_argument("--rounds", type=int, default=60)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.home) as home:
        registry.open_company(f"sqlite://{home}/company.db")
        for n in range(ITEMS):
            items.add_item(SESSION, f"I{n}", f"item {n}")
        for n in range(CUSTOMERS):
            parties.add(SESSION, f"C{n:04}", f"customer {n}", is_customer=True)
        found = []
        for tenths in (1, 9):
            history(MOVES * 21 // 20 * tenths // 10)
            sales(INVOICES * tenths // 10, LINES if tenths > 1 else LINES // 10)
            deliver_s(3)  # what is loaded and cached once
            found.append(deliver_s(asked.rounds))
        small, large = map(p95, found)
        balance = balance_s()
        more = {
            "lines": Line.select().count(), "moves": Move.select().count(),
            "median": round(statistics.median(found[1]), 4), "first_median": round(statistics.median(found[0]), 4),
        }  # fmt: skip
        database.close()
    for name, value, goal in (
        ("s delivery of 20 lines of an order, p95", large, POSTING_S),
        ("cost of a delivery at 10x the history", large / small, RATIO), ("s trial balance", balance, BALANCE_S),
    ):  # fmt: skip
        Figure("bizlite", value, None, name, goal, value <= goal, True, asked.rounds, more=more).tell()


if __name__ == "__main__":
    main()
