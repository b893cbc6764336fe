"""What a posting costs with ten times the history, and a trial balance at 500,000 lines, on SQLite on a disk.

The history is written by the product's own tables and triggers, without its rules: 20 lines a delivery as measured.
``python -m tests.bench.bizlite_ledger [--lines N] [--rounds N] [--home DIRECTORY]``.
"""

from __future__ import annotations

import argparse
import datetime
import random
import statistics
import tempfile
import time
from collections.abc import Iterator

from bizlite.core import registry, store
from bizlite.core.database import database, write
from bizlite.core.session import Session
from bizlite.finance import reports
from bizlite.finance.models import Entry, Line
from bizlite.stock import items, transfers
from bizlite.stock.models import Cost, Move, Transfer
from tests.bench.figure import Figure

SESSION = Session(user="bench", rights=frozenset({"*"}))
FIRST, LAST = datetime.date(2021, 1, 1), datetime.date(2026, 6, 30)
TODAY = LAST + datetime.timedelta(days=1)
ITEMS = 200
PAPER = 20  # lines of a paper
POSTING_S, RATIO, BALANCE_S = 0.050, 1.2, 0.300


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
