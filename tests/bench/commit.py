"""How long a commit takes on the real daemon, from the request to its answer, while 1,000 packets a second pass.

The peer is what the least of tools would do: feed the whole ruleset to ``nft -f`` again, without services, accounting
and revisions.
``python -m tests.bench.commit [--rounds N]``.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from firmware.features import render
from firmware.kernel import nft
from firmware.model.config import Config, Group, Host, Policy, PortForward
from firmware.model.facts import Facts, PortFact
from tests.bench.figure import Figure
from tests.kernel.engine_box import CLIENT, PORTS, SERVER, Box, config, lost
from tests.lab import netns

SMALL_S, LARGE_S = 0.5, 1.0
MANY = 1000
PEER = "eng-bench-p"


def large() -> Config:
    """1,000 hosts by MAC in 50 groups, 1,000 policies, 1,000 port forwards."""
    macs = [f"02:00:00:01:{n >> 8:02x}:{n & 255:02x}" for n in range(MANY)]
    return config(
        hosts={f"h{n}": Host(mac=mac, name=f"host {n}") for n, mac in enumerate(macs)},
        groups={f"g{n}": Group(members=tuple(macs[n::50])) for n in range(50)},
        policies={
            f"p{n}": Policy(position=n + 1, action="block", groups=(f"g{n % 50}",), applications=("douyin", "wechat"))
            for n in range(MANY)
        },
        port_forwards={f"f{n}": PortForward(ports=str(20000 + n), to_address=CLIENT, to_port=80) for n in range(MANY)},
    )


@contextmanager
def thousand_a_second(box: Box) -> Iterator[subprocess.Popen[str]]:
    argv = netns.inside(box.client, ["ping", "-i0.001", "-W1", "-q", "-n", SERVER])
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.send_signal(2)
        process.wait(10)


def commit_s(box: Box, turn: int) -> float:
    """One policy is added or changed."""
    value = {"position": 5000, "action": "block", "applications": ["douyin" if turn % 2 else "kuaishou"]}
    box.call("config.set", path="policies.late", value=value)
    start = time.monotonic()
    box.call("config.commit", message=f"round {turn}")
    return time.monotonic() - start


def reload_s(ruleset: str) -> float:
    start = time.monotonic()
    netns.command(netns.inside(PEER, ["nft", "-f", "-"]), ruleset)
    return time.monotonic() - start


def measure(box: Box, name: str, wanted: Config, rounds: int, goal_s: float) -> None:
    box.commit(wanted)
    netns.wait_until(box.ping, "the client reaches the server")
    facts = Facts(ports={port: PortFact() for port in PORTS}, nft_queue=False)
    ruleset = nft.script(render(box.running(), facts))
    ours, peer = [], []
    with thousand_a_second(box) as stream:
        for turn in range(rounds):
            ours.append(commit_s(box, turn))
            peer.append(reload_s(ruleset))
    missing = lost(stream)
    own, other = statistics.median(ours), statistics.median(peer)
    more = {"worst": round(max(ours), 3), "lost": missing}
    met = own <= goal_s and missing == 0
    Figure(f"commit.{name}", own, other, "s", goal_s, met, is_less=True, rounds=rounds, digits=3, more=more).tell()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    netns.add([PEER])
    try:
        with Box("bench") as box:
            box.start()
            measure(box, "small", config(), rounds, SMALL_S)
            measure(box, "large", large(), rounds, LARGE_S)
    finally:
        netns.delete([PEER])


if __name__ == "__main__":
    main()
