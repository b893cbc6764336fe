"""Bandwidth in the virtual site with the real product, on a line of 20 Mbit/s whose packets are those of a wire.

Guarantee: what a host gets of its minimum of 12 Mbit/s beside a host that wants all, by TCP and by a flood of UDP.
Alone: what one host has of the line in the second half second. Cap: a maximum of 3 Mbit/s on a congested line, from the
second second on, and how soon it rests again when the others end. Delay: pings of another host beside full downloads,
less those on the idle line: small ones, which go first, and of 600 bytes, which wait in their host's class.
``python -m tests.bench.qos [--rounds N]``.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

from firmware.client import Client
from tests.bench.figure import Figure
from tests.lab.addresses import IPERF_SERVER
from tests.lab.iperf import DOWN, Iperf, intervals_bps, iperf, received_bps
from tests.lab.site import Site

M = 1_000_000
LINE_BPS = 20 * M
FLOOD = ("-R", "-u", "-b", "30M")
HALF = ("-i", "0.5")


def change(site: Site, **limits: dict[str, Any]) -> None:
    with Client(site.product.run / "rsd.sock") as client:
        for way in ("up", "down"):
            client.call("config.set", path=f"wans.wan1.{way}_bps", value=LINE_BPS)
        named = {name: {"position": place, **limit} for place, (name, limit) in enumerate(limits.items(), 1)}
        client.call("config.set", path="qos", value={"enabled": True, "limits": named})
        client.call("config.commit", message="bench")
    time.sleep(1.0)


def guarantee(office: Iperf, *other: str) -> float:
    change(office.site, first={"hosts": [office.addresses[0]], "down_min_bps": 12 * M})
    first, _ = office.together((0, DOWN), (1, other), seconds=5)
    return min(first / (12 * M), 1.0)


def alone(office: Iperf) -> float:
    """Of the line, half a second after the start; the connection's own start counts."""
    change(office.site, low={"hosts": [office.addresses[0]], "down_max_bps": 3 * M})
    argv = ["iperf3", "-c", IPERF_SERVER, "-p", "6001", "-J", "-t", "3", "-R", *HALF]
    return intervals_bps(office.site.popen(office.names[0], argv))[1] / LINE_BPS


def cap(office: Iperf) -> tuple[float, float]:
    """How near a maximum is kept, and after which time it rests, in half seconds."""
    change(office.site, low={"hosts": [office.addresses[0]], "down_max_bps": 3 * M})
    office.together((0, DOWN), (1, DOWN), seconds=1)  # both are known from here on
    held = office.start(0, 9, *DOWN, *HALF)
    other = office.start(1, 4, *DOWN)
    received_bps(other)
    rates = intervals_bps(held)
    # The other ends after its five seconds; what is held has ten, of which the first is not told.
    during = rates[1:7]
    free = next((place for place, rate in enumerate(rates[8:]) if rate > 0.9 * LINE_BPS), len(rates))
    return statistics.median(during) / (3 * M), free * 0.5


def delay_ms(office: Iperf, size: int) -> float:
    change(office.site)

    def ping() -> float:
        text = office.site.run(office.names[2], ["ping", "-c", "20", "-i", "0.1", "-s", str(size), IPERF_SERVER]).stdout
        return float(text.rpartition(" = ")[2].split("/")[1])

    idle = ping()
    running = [office.start(host, 5, "-R", "-P", "4") for host in (0, 1)]
    time.sleep(2)
    loaded = ping()
    for process in running:
        process.communicate()
    return max(loaded - idle, 0.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with Site(name="qosb", wans=1, hosts=4) as site, iperf(site) as office:
        results: dict[str, list[float]] = {}
        for _ in range(rounds):
            held, rests_s = cap(office)
            for name, value in (
                ("guarantee tcp", guarantee(office, *DOWN)),
                ("guarantee udp", guarantee(office, *FLOOD)),
                ("alone after half a second", alone(office)),
                ("maximum held", held),
                ("maximum rests after", rests_s),
                ("delay of small packets under load", delay_ms(office, 56)),
                ("delay of others under load", delay_ms(office, 600)),
            ):
                results.setdefault(name, []).append(value)
        for name, unit, goal, is_met in (
            ("guarantee tcp", "of the minimum", 0.97, lambda value: value >= 0.97),
            ("guarantee udp", "of the minimum", 0.97, lambda value: value >= 0.97),
            ("alone after half a second", "of the line", 0.97, lambda value: value >= 0.97),
            ("maximum held", "of the maximum", 1.0, lambda value: abs(value - 1) <= 0.03),
            ("maximum rests after", "s", 1.0, lambda value: value <= 1.0),
            ("delay of small packets under load", "ms", 5.0, lambda value: value <= 5.0),
            ("delay of others under load", "ms", 5.0, lambda value: value <= 5.0),
        ):
            value = statistics.median(results[name])
            Figure(f"bandwidth: {name}", value, None, unit, goal, is_met(value), rounds=rounds).tell()


if __name__ == "__main__":
    main()
