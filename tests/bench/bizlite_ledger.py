"""What a posting costs with ten times the history, and a trial balance at 500,000 lines, on SQLite on a disk.

The history is written by the product's own tables and triggers, without its rules: 20 lines a delivery as measured.
``python -m tests.bench.bizlite_ledger [--lines N] [--rounds N] [--home DIRECTORY]``.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time

from bizlite.core import registry
from bizlite.core.database import database
from bizlite.finance import reports
from bizlite.finance.models import Line
from bizlite.stock import items, transfers
from tests.bench.bizlite_history import ITEMS, PAPER, SESSION, TODAY, history
from tests.bench.figure import Figure

POSTING_S, RATIO, BALANCE_S = 0.050, 1.2, 0.300


def posting_s(rounds: int) -> list[float]:
    """Deliveries of 20 lines, one after another."""
    chance = random.Random(1)
    times = []
    for _ in range(rounds):
        lines = [
            transfers.Line(item=item, quantity=chance.randrange(1, 4), source=1, target=3)
            for item in chance.sample(range(1, ITEMS + 1), PAPER)
        ]
        start = time.monotonic()
        transfers.post(SESSION, "delivery", TODAY, lines)
        times.append(time.monotonic() - start)
    return times


def p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--home", default=None, help="a directory on the disk that is meant")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.home) as home:
        registry.open_company(f"sqlite://{home}/company.db")
        for n in range(ITEMS):
            items.add_item(SESSION, f"I{n}", f"item {n}")
        history(asked.lines // 10)
        small = p95(posting_s(asked.rounds))
        history(asked.lines - asked.lines // 10)
        large = p95(posting_s(asked.rounds))
        times = []
        for _ in range(20):
            start = time.monotonic()
            sum_ = sum(total.balance for total in reports.trial_balance(TODAY))
            times.append(time.monotonic() - start)
            assert sum_ == 0
        count = Line.select().count()
        database.close()
    more = {"lines": count}
    Figure(
        "bizlite", small, None, "s posting 20 lines, p95, 1x", POSTING_S, small <= POSTING_S, True, asked.rounds
    ).tell()
    Figure(
        "bizlite",
        large,
        None,
        "s posting 20 lines, p95, 10x",
        POSTING_S,
        large <= POSTING_S,
        True,
        asked.rounds,
        more=more,
    ).tell()
    ratio = large / small
    Figure(
        "bizlite", ratio, None, "cost of posting at 10x the history", RATIO, ratio <= RATIO, True, asked.rounds
    ).tell()
    worst = max(times)
    Figure("bizlite", worst, None, "s trial balance", BALANCE_S, worst <= BALANCE_S, True, len(times), more=more).tell()


if __name__ == "__main__":
    main()
