"""Lines in the virtual site with the real product: how exactly connections are split, and how soon a dead line is left.

Split: 4,000 connections over two to seven lines of several weights; the figure is the largest difference between a
line's share and its weight's. Failover: an active line whose provider goes silent and a backup, probes every 200 ms;
from the cut until a new connection gets through, and until a download that only listens has ended.
``python -m tests.bench.lines [--rounds N]``.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections import Counter
from typing import Any

from firmware.client import Client
from tests.bench.figure import Figure
from tests.lab import netns
from tests.lab.site import Site

CONNECTIONS = 4_000
WEIGHTS = (1, 3, 2, 5, 1, 4, 7)
FAST = {"interval_ms": 200, "fall": 3, "rise": 2}
SPLIT_GOAL, FAILOVER_GOAL_S, HANG_GOAL_S = 0.01, 1.0, 2.0
# One process: a curl each would take minutes. Every connection is answered, so that conntrack keeps it.
CONNECT = """
import socket, sys
address, count = socket.getaddrinfo("internet.test", 80, socket.AF_INET)[0][4], int(sys.argv[1])
for _ in range(count):
    with socket.create_connection(address, timeout=5) as end:
        end.sendall(b"GET / HTTP/1.0\\r\\nConnection: close\\r\\n\\r\\n")
        end.recv(64)
"""
TRY = """
import socket, sys, time
address = socket.getaddrinfo("internet.test", 80, socket.AF_INET)[0][4]
print("ready", flush=True)
sys.stdin.readline()
while True:
    try:
        socket.create_connection(address, timeout=0.1).close()
        print(time.clock_gettime(time.CLOCK_MONOTONIC), flush=True)
        break
    except OSError:
        pass
"""


def change(client: Client, **wans: dict[str, Any]) -> None:
    for name, settings in wans.items():
        for key, value in settings.items():
            client.call("config.set", path=f"wans.{name}.{key}", value=value)
    client.call("config.commit", message="bench")


def wait_up(client: Client, names: list[str]) -> None:
    def are_up() -> bool:
        up = {line["name"] for line in client.call("lines") if line["up"]}
        return set(names) <= up

    netns.wait_until(are_up, f"{names} work", 30)


def split(site: Site, client: Client, count: int) -> float:
    """The largest difference between a line's share of the connections and its weight's share."""
    names = [line.name for line in site.lines]
    used = names[:count]
    change(client, **{name: {"enabled": name in used, "weight": WEIGHTS[n]} for n, name in enumerate(names)})
    wait_up(client, used)
    site.run("router", ["conntrack", "-F"])
    site.run("sales1", [sys.executable, "-c", CONNECT, str(CONNECTIONS)], timeout_s=300)
    listed = site.run("router", ["conntrack", "-L", "-p", "tcp", "--dport", "80", "-o", "id"]).stdout
    marks = (word for row in listed.splitlines() for word in row.split() if word.startswith("mark="))
    numbers = Counter(int(mark.removeprefix("mark=")) >> 12 & 15 for mark in marks)
    whole = sum(numbers.values())
    return max(
        abs(numbers[n] / whole - WEIGHTS[n - 1] / sum(WEIGHTS[:count])) for n in range(1, count + 1)
    )  # fmt: skip


def failover_s(site: Site, client: Client) -> float:
    line, backup = site.lines[0], site.lines[1].name
    wait_up(client, [line.name, backup])
    argv = netns.inside(site.prefix + "sales1", [sys.executable, "-c", TRY])
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as trier:
        assert trier.stdin is not None
        assert trier.stdout is not None
        trier.stdout.readline()
        site.cut(line, silently=True)
        cut_s = time.clock_gettime(time.CLOCK_MONOTONIC)
        trier.stdin.write("go\n")
        trier.stdin.flush()
        through_s = float(trier.stdout.readline())
    site.mend(line)
    wait_up(client, [line.name])
    return through_s - cut_s


def hang_s(site: Site, client: Client) -> float:
    """From the line's death until a download that only listens ends."""
    line = site.lines[0]
    wait_up(client, [line.name])
    choice = ["nft", "list", "chain", "inet", "rs", "line_choice"]
    netns.wait_until(lambda: "ct mark set 0x00001000" in site.run("router", choice).stdout, "the line is used")
    target = site.directory / "listened"
    target.unlink(missing_ok=True)
    player = site.popen("sales1", ["curl", "-4", "-sS", "-o", str(target), "http://internet.test/stream"])
    netns.wait_until(lambda: target.exists() and target.stat().st_size > 0, "the stream flows")
    site.cut(line, silently=True)
    cut_s = time.monotonic()
    player.communicate(timeout=60)
    spent_s = time.monotonic() - cut_s
    site.mend(line)
    wait_up(client, [line.name])
    return spent_s


def main() -> None:
    """One line for each number of lines, and one for the failover."""
    parser = argparse.ArgumentParser(prog="tests.bench.lines")
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with Site(name="bench", wans=7, hosts=1) as site, Client(site.product.run / "rsd.sock") as client:
        change(client, **{line.name: {"health": FAST} for line in site.lines})
        for count in range(2, 8):
            worst = split(site, client, count)
            Figure(f"lines.split.{count}", worst, None, "share", SPLIT_GOAL, worst <= SPLIT_GOAL, is_less=True).tell()
        one, two, *others = (line.name for line in site.lines)
        change(client, **{one: {}, two: {"role": "backup"}}, **{name: {"enabled": False} for name in others})
        for name, measure, goal_s in (("failover", failover_s, FAILOVER_GOAL_S), ("listener_cut", hang_s, HANG_GOAL_S)):
            spent = [measure(site, client) for _ in range(rounds)]
            middle = statistics.median(spent)
            more = {"most": round(max(spent), 3)}
            Figure(
                f"lines.{name}", middle, None, "s", goal_s, middle <= goal_s, is_less=True, rounds=rounds, digits=3,
                more=more,
            ).tell()  # fmt: skip


if __name__ == "__main__":
    main()
