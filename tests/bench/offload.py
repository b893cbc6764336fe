"""Offload on the full kernel: what the router forwards per CPU second with its flowtable, against itself without.

In the virtual machine (emulated: only the ratio means something), sender, receiver and the whole product included: bulk
TCP, and datagrams of 200 bytes, where a packet's way counts most. ``python -m tests.bench.offload [--rounds N]``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.bench.figure import Figure

SECONDS = 5
KINDS = {"bulk": ("-t", str(SECONDS)), "datagrams": ("-u", "-b", "0", "-l", "200", "-t", str(SECONDS))}
GOAL = 1.0


def busy_s() -> float:
    """CPU seconds of the whole machine since it started."""
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    return (sum(map(int, words)) - int(words[3]) - int(words[4])) / 100


def inside(rounds: int) -> None:
    """In the guest: bytes per CPU second by kind, without and with offload."""
    from tests.kernel.engine_box import SERVER, Box, config
    from tests.lab import netns

    found: dict[str, dict[str, list[float]]] = {kind: {"off": [], "on": []} for kind in KINDS}
    with Box("offl") as box:
        box.start()
        box.commit(config())
        for number in range(rounds):
            for state in ("off", "on") if number % 2 else ("on", "off"):
                box.call("config.set", path="wans.line1.offload", value=state == "on")
                box.call("config.commit", message=f"{number} {state}")
                for kind, options in KINDS.items():
                    serve = netns.inside(box.server, ["iperf3", "-s", "-1", "--forceflush"])
                    play = netns.inside(box.client, ["iperf3", "-c", SERVER, "-J", "-R", *options])
                    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server:
                        while "listening" not in server.stdout.readline():  # type: ignore[union-attr]
                            pass
                        before = busy_s()
                        done = subprocess.run(play, capture_output=True, text=True, check=True)
                        spent = busy_s() - before
                    end = json.loads(done.stdout)["end"]
                    received = end.get("sum_received") or end["sum"]
                    found[kind][state].append(received["bytes"] * (1 - received.get("lost_percent", 0) / 100) / spent)
                    time.sleep(0.5)
    print("FOUND", json.dumps(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        inside(arguments.rounds)
        return
    from tests.vm import machine

    argv = [sys.executable, "-m", "tests.bench.offload", "--inside", "--rounds", str(arguments.rounds)]
    done = machine.run(argv, timeout_s=900)
    lines = [line for line in done.output.splitlines() if line.startswith("FOUND ")]
    if done.status or not lines:
        raise SystemExit(done.output)
    found: dict[str, Any] = json.loads(lines[0].removeprefix("FOUND "))
    for kind, rates in found.items():
        ours, peer = statistics.median(rates["on"]), statistics.median(rates["off"])
        met = ours / peer >= GOAL
        Figure(
            f"offload.{kind}", ours / 1e6, peer / 1e6, "MB per CPU second", GOAL, met, rounds=arguments.rounds
        ).tell()


if __name__ == "__main__":
    main()
