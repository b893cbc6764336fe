"""What the pages of bizlite take with a firm's history behind them: 8 users at a time through waitress, on one core.

The users do not think between two pages, so that the server has always eight of them to answer. At last somebody
delivers orders of 20 lines by REST while they read, and without them.
``python -m tests.bench.bizlite_pages [--home DIRECTORY] [--keep DIRECTORY] [--scale PERCENT] [--only WORDS]``.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import logging
import os
import random
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bizlite.core import registry
from bizlite.core.database import database
from bizlite.finance.models import Line
from tests.bench.bizlite_delivery import WARM, confirmed
from tests.bench.bizlite_history import INVOICES, MOVES, PAPER, TODAY, add_arguments, filled
from tests.bench.bizlite_ledger import p95
from tests.bench.figure import Figure

USERS, ROUNDS, GOAL_S = 8, 40, 0.150
THREADS = 4  # of the server, as rsweb has them
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


def serve(url: str, port: int) -> None:
    """The pages as rsweb has them: Flask in waitress, on one core."""
    from waitress import serve as run

    from bizlite.web.app import create_app
    from bizlite.web.guard import Who

    logging.getLogger("waitress").setLevel(logging.ERROR)  # as rsweb: more requests than threads is no news
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    app = create_app(url, lambda environ: Who(name="admin", roles=frozenset({"admin"}), language="zh"))
    run(app, host="127.0.0.1", port=port, threads=THREADS, _quiet=True)


def measure(port: int, addresses: list[str], is_over: Callable[[int], bool]) -> list[float]:
    """Seconds of requests that ``USERS`` people make at a time, each on one connection, until so many are enough."""
    times: list[float] = []
    gone = []

    def user(number: int) -> None:
        chance, done = random.Random(number), 0
        line = http.client.HTTPConnection("127.0.0.1", port)
        while not is_over(done):
            address = chance.choice(addresses)
            start = time.monotonic()
            line.request("GET", f"/business/{address}")
            answer = line.getresponse()
            body = answer.read()
            times.append(time.monotonic() - start)
            if answer.status != 200:
                raise RuntimeError(f"{address}: {answer.status} {body[:200]!r}")
            done += 1
        line.close()
        gone.append(number)

    threads = [threading.Thread(target=user, args=(number,)) for number in range(USERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(gone) < USERS:
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
    chance = random.Random(7)
    papers = {name: count * scale // 100 for name, count in DOCUMENTS.items()}
    far = [f"{name}?after={mark(chance.randrange(1, count))}" for name, count in papers.items() for _ in range(2)]
    yield "list pages", [*LISTS, *far]
    yield (
        "document pages",
        [f"{name}/{chance.randrange(1, count)}" for name, count in papers.items() for _ in range(50)],
    )
    yield "report page", [*REPORTS]
    yield "other reports", [*OTHERS]


def mark(key: int) -> str:
    """A place in a list by number, as its address has it."""
    return base64.urlsafe_b64encode(json.dumps([key, key]).encode()).decode().rstrip("=")


def deliver(port: int, orders: list[int]) -> list[float]:
    """Seconds of deliveries by REST, one after another."""
    line, times = http.client.HTTPConnection("127.0.0.1", port), []
    words = {"Content-Type": "application/json", "Authorization": "Bearer bench"}
    for order in orders:
        start = time.monotonic()
        line.request("POST", f"/api/biz/v1/sales/order/{order}/deliver", json.dumps({"date": f"{TODAY}"}), words)
        answer = line.getresponse()
        body = answer.read()
        times.append(time.monotonic() - start)
        if answer.status != 200:
            raise RuntimeError(f"order {order}: {answer.status} {body[:200]!r}")
    line.close()
    return times


def tell_deliveries(port: int, orders: list[int], addresses: list[str]) -> None:
    """Measures deliveries without readers, and then while all users read lists and documents."""
    deliver(port, orders[:WARM])
    half = (len(orders) - WARM) // 2
    alone, with_readers = orders[WARM : WARM + half], orders[WARM + half :]
    quiet = p95(deliver(port, alone))
    is_over, read = threading.Event(), []
    readers = threading.Thread(target=lambda: read.extend(measure(port, addresses, lambda _: is_over.is_set())))
    readers.start()
    try:
        times = deliver(port, with_readers)
    finally:
        is_over.set()
        readers.join()
    more = {"median": round(statistics.median(times), 4), "without_readers": round(quiet, 4),
            "readers_p95": round(p95(read), 4), "pages": len(read), "users": USERS}  # fmt: skip
    worst = p95(times)
    what = f"s delivery of {PAPER} lines by REST while users read, p95"
    Figure("bizlite", worst, None, what, GOAL_S, worst <= GOAL_S, True, len(times), more=more).tell()


def main() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    parser.add_argument("--scale", type=int, default=100, help="percent of the history")
    parser.add_argument("--only", default="", help="the kind of page that is meant")
    parser.add_argument("--serve", nargs=2, metavar=("URL", "PORT"))
    asked = parser.parse_args()
    if asked.serve:
        serve(asked.serve[0], int(asked.serve[1]))
        return
    with filled(asked, asked.scale) as url:
        registry.open_company(url)
        count = Line.select().count()
        orders = list(confirmed(WARM + 2 * ROUNDS))
        database.close()
        with server(url) as (port, pid):
            found = dict(kinds(asked.scale))
            for name, addresses in found.items():
                if asked.only in name:
                    tell(name, port, pid, addresses, count)
            if asked.only in "deliveries":
                tell_deliveries(port, orders, found["list pages"] + found["document pages"])
            size = pss_mb(pid)
        Figure("bizlite", size, None, "MB PSS of the pages alone", 68, size <= 68, True, digits=1).tell()


@contextmanager
def server(url: str) -> Iterator[tuple[int, int]]:
    """The port and the process of the pages."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-OO", "-m", "tests.bench.bizlite_pages", "--serve", url, str(port)]
    process = subprocess.Popen(command)
    try:
        _wait(port)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def tell(name: str, port: int, pid: int, addresses: list[str], count: int) -> None:
    """Measures pages of one kind."""
    measure(port, addresses, lambda done: done >= 2)
    busy = cpu_s(pid)
    times = measure(port, addresses, lambda done: done >= ROUNDS)
    busy = cpu_s(pid) - busy
    worst = p95(times)
    more = {"median": round(statistics.median(times), 4), "cpu_a_page": round(busy / len(times), 4),
            "lines": count, "users": USERS}  # fmt: skip
    Figure("bizlite", worst, None, f"s {name}, p95", GOAL_S, worst <= GOAL_S, True, len(times), more=more).tell()


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
