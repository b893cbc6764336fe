"""What a delivery of 20 lines of an order costs with a firm's history behind it, and with a tenth of it, on SQLite.

Beside it a trial balance.
``python -m tests.bench.bizlite_delivery [--home DIRECTORY] [--keep DIRECTORY] [--rounds N]``.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Iterator

from bizlite.core import registry
from bizlite.core.database import database
from bizlite.finance import reports
from bizlite.finance.models import Line
from bizlite.sales import deliveries, lines, orders
from bizlite.stock.models import Move
from tests.bench.bizlite_history import CUSTOMERS, ITEMS, PAPER, SESSION, TODAY, add_arguments, filled
from tests.bench.bizlite_ledger import BALANCE_S, POSTING_S, RATIO, p95
from tests.bench.figure import Figure

WARM = 3  # deliveries for what is loaded and cached once


def confirmed(rounds: int) -> Iterator[int]:
    """Orders of 20 lines, ready to be delivered."""
    chance = random.Random(1)
    for _ in range(rounds):
        wanted = [
            lines.Wanted(item=item, quantity=chance.randrange(1, 4), price=10_000_000, rate=1300)
            for item in chance.sample(range(1, ITEMS + 1), PAPER)
        ]
        order = orders.draft(SESSION, chance.randrange(1, CUSTOMERS + 1), TODAY, wanted)
        orders.confirm(SESSION, order.id)
        yield order.id


def deliver_s(rounds: int) -> tuple[list[float], float]:
    """Seconds of deliveries of whole orders, one after another, and of the processor for each of them."""
    times, busy = [], []
    for order in confirmed(WARM + rounds):
        start, begin = time.monotonic(), time.process_time()
        deliveries.post(SESSION, order, TODAY)
        times.append(time.monotonic() - start)
        busy.append(time.process_time() - begin)
    return times[WARM:], statistics.mean(busy[WARM:])


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
    add_arguments(parser)
    parser.add_argument("--rounds", type=int, default=60)
    asked = parser.parse_args()
    found = []
    for percent in (10, 100):
        with filled(asked, percent) as url:
            registry.open_company(url)
            found.append(deliver_s(asked.rounds))
            balance, count, moves = balance_s(), Line.select().count(), Move.select().count()
            database.close()
    (small, small_cpu), (large, large_cpu) = found
    more = {
        "lines": count, "moves": moves, "median": round(statistics.median(large), 4),
        "first_median": round(statistics.median(small), 4), "cpu_a_delivery": round(large_cpu, 4),
        "first_cpu": round(small_cpu, 4),
    }  # fmt: skip
    for name, value, goal in (
        ("s delivery of 20 lines of an order, p95", p95(large), POSTING_S),
        ("cost of a delivery at 10x the history", p95(large) / p95(small), RATIO),
        ("s trial balance", balance, BALANCE_S),
    ):  # fmt: skip
        Figure("bizlite", value, None, name, goal, value <= goal, True, asked.rounds, more=more).tell()


if __name__ == "__main__":
    main()
