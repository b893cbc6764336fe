"""Rates of several hosts at the same time: an iperf3 server for each, on the site's internet.

A cable of a virtual site hands over pieces of 64 kB, which no wire does: :meth:`Iperf.__enter__` makes them packets.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.lab.addresses import IPERF_SERVER
from tests.lab.site import Site

FIRST_PORT = 6001
TCP_WIRE = 1514 / 1448  # bytes of Ethernet for those of payload
UDP_HEAD_BYTES = 42
DOWN, UP = ("-R",), ()
_PACKETS = "for d in /sys/class/net/*; do ip link set ${d##*/} gso_max_segs 1; done"


class Iperf:
    """What hosts of a site get; hosts are named by their place."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.names = [host.name for host in site.hosts]
        self.addresses = [(site.address(name) or "").partition("/")[0] for name in self.names]

    def start(self, host: int, seconds: float, *options: str) -> subprocess.Popen[str]:
        """A run of one host, uploading unless the options say else; its first second does not count."""
        argv = ["iperf3", "-c", IPERF_SERVER, "-p", str(FIRST_PORT + host), "-J", "-t", str(seconds), "-O", "1"]
        return self.site.popen(self.names[host], [*argv, *options])

    def together(self, *wanted: tuple[int, tuple[str, ...]], seconds: int = 4) -> list[float]:
        """What each gets on the wire, in bits per second, when all run at the same time."""
        running = [self.start(host, seconds, *options) for host, options in wanted]
        return [received_bps(process) for process in running]


@contextmanager
def iperf(site: Site) -> Iterator[Iperf]:
    """The servers run meanwhile."""
    found = Iperf(site)
    for where in (*found.names, "net"):
        site.run(where, ["sh", "-c", _PACKETS])
    servers = [
        site.popen("net", ["iperf3", "-s", "-B", IPERF_SERVER, "-p", str(FIRST_PORT + host)])
        for host in range(len(found.names))
    ]
    try:
        yield found
    finally:
        for server in servers:
            server.kill()
            server.communicate()


def received_bps(process: subprocess.Popen[str]) -> float:
    """What a run's receiver got on the wire, in bits per second; :raise AssertionError: with iperf3's reason."""
    return sum(rates := intervals_bps(process)) / len(rates)


def intervals_bps(process: subprocess.Popen[str]) -> list[float]:
    """By interval (a second unless ``-i`` says else), on the wire. Of an upload by TCP only the whole is known."""
    result = json.loads(process.communicate(timeout=90)[0])
    assert "error" not in result, result["error"]
    if "lost_percent" in result["end"].get("sum", {}):
        head = 1 + UDP_HEAD_BYTES / result["start"]["test_start"]["blksize"]
        if not result["start"]["test_start"]["reverse"]:
            total = result["end"]["sum"]
            return [total["bits_per_second"] * (1 - total["lost_percent"] / 100) * head]
        return [i["sum"]["bits_per_second"] * head for i in result["intervals"] if not i["sum"]["omitted"]]
    if not result["start"]["test_start"]["reverse"]:
        return [result["end"]["sum_received"]["bits_per_second"] * TCP_WIRE]
    return [i["sum"]["bits_per_second"] * TCP_WIRE for i in result["intervals"] if not i["sum"]["omitted"]]
