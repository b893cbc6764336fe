"""Line health on real links: a router with two lines in its own namespace, each line's gateway in another."""

from __future__ import annotations

import ctypes
import os
import queue
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from firmware.model.targets import parse_target
from firmware.monitor.health import Line, LineHealth
from firmware.monitor.links import counters
from firmware.monitor.neighbours import neighbours
from firmware.monitor.verdict import NO_ADDRESS, NO_ANSWER, NO_CARRIER, NO_DEVICE, TOO_LOSSY

pytestmark = pytest.mark.kernel
T = TypeVar("T")

ROUTER = "mon-router"
ISPS = ("mon-isp1", "mon-isp2")
LINES = tuple(
    Line(
        name=f"wan{number}",
        number=number,
        device=f"monw{number}",
        address=f"198.51.100.{number * 16 + 2}/28",
        gateway=f"198.51.100.{number * 16 + 1}",
        interval_s=0.1,
    )
    for number in (1, 2)
)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def inside(namespace: str, work: Callable[[], T]) -> T:
    """Runs ``work`` in a thread of that namespace; threads it starts stay there."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            door = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
            assert ctypes.CDLL(None, use_errno=True).setns(door, 0x40000000) == 0
            os.close(door)
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


@pytest.fixture
def site() -> Iterator[None]:
    names = (ROUTER, *ISPS)
    for name in names:
        subprocess.run(["ip", "netns", "del", name], check=False, stderr=subprocess.DEVNULL)
        ip("netns", "add", name)
    try:
        for line, isp in zip(LINES, ISPS, strict=True):
            ip("link", "add", line.device, "netns", ROUTER, "type", "veth", "peer", "name", "up0", "netns", isp)
            ip("-n", ROUTER, "addr", "add", str(line.address), "dev", line.device)
            ip("-n", ROUTER, "link", "set", line.device, "up")
            ip("-n", isp, "addr", "add", f"{line.gateway}/28", "dev", "up0")
            ip("-n", isp, "link", "set", "up0", "up")
        yield
    finally:
        for name in names:
            ip("netns", "del", name)


class Watcher:
    def __init__(self, lines: tuple[Line, ...] = LINES) -> None:
        self.changes: queue.Queue[tuple[str, bool, str]] = queue.Queue()
        self.health = LineHealth(lambda *change: self.changes.put(change))
        self.health.configure(lines)
        self.health.start()

    def next(self) -> tuple[str, bool, str]:
        return self.changes.get(timeout=20)


@pytest.fixture
def watcher(site: None) -> Iterator[Watcher]:
    watcher = inside(ROUTER, Watcher)
    told: dict[str, bool] = {}
    while told != {"wan1": True, "wan2": True}:  # on a busy machine the first answer may come late
        name, is_up, _ = watcher.next()
        told[name] = is_up
    yield watcher
    watcher.health.close()


def test_gateway_that_stops_answering_and_comes_back(watcher: Watcher) -> None:
    ip("-n", ISPS[0], "addr", "del", f"{LINES[0].gateway}/28", "dev", "up0")
    assert watcher.next() == ("wan1", False, NO_ANSWER)
    assert watcher.health.state()["wan2"].is_up
    ip("-n", ISPS[0], "addr", "add", f"{LINES[0].gateway}/28", "dev", "up0")
    assert watcher.next() == ("wan1", True, "")
    assert watcher.health.state()["wan1"].rtt_ms is not None


def test_lost_carrier_and_vanished_port_are_told_at_once(watcher: Watcher) -> None:
    ip("-n", ISPS[1], "link", "set", "up0", "down")
    assert watcher.next() == ("wan2", False, NO_CARRIER)
    ip("-n", ISPS[1], "link", "set", "up0", "up")
    assert watcher.next() == ("wan2", True, "")
    ip("-n", ROUTER, "link", "del", LINES[1].device)
    assert watcher.next() == ("wan2", False, NO_DEVICE)
    # The port comes back under its old name: to the kernel it is another device.
    ip("link", "add", LINES[1].device, "netns", ROUTER, "type", "veth", "peer", "name", "up0", "netns", ISPS[1])
    ip("-n", ISPS[1], "addr", "add", f"{LINES[1].gateway}/28", "dev", "up0")
    ip("-n", ISPS[1], "link", "set", "up0", "up")
    ip("-n", ROUTER, "addr", "add", str(LINES[1].address), "dev", LINES[1].device)
    ip("-n", ROUTER, "link", "set", LINES[1].device, "up")
    assert watcher.next() == ("wan2", True, "")


def test_line_without_address_is_down(watcher: Watcher) -> None:
    watcher.health.configure((LINES[0], LINES[1]._replace(address=None)))
    assert watcher.next() == ("wan2", False, NO_ADDRESS)


def test_silent_name_server_proves_nothing_until_it_has_answered(watcher: Watcher) -> None:
    server = "198.51.100.30"  # in the second line's network
    watcher.health.configure((LINES[0], LINES[1]._replace(dns=(server,))))
    ip("-n", ISPS[1], "addr", "add", f"{server}/28", "dev", "up0")
    # Now it answers; once it has, its silence is the line's death even while the gateway still answers.
    wait_until(lambda: parse_target(server) in watcher.health._watches["wan2"].proven)
    ip("-n", ISPS[1], "addr", "del", f"{server}/28", "dev", "up0")
    assert watcher.next() == ("wan2", False, NO_ANSWER)


def test_targets_of_the_admin_replace_the_gateway(watcher: Watcher) -> None:
    watcher.health.configure((LINES[0]._replace(targets=("198.51.100.29",)), LINES[1]))
    assert watcher.next() == ("wan1", False, NO_ANSWER)


def test_a_line_that_loses_too_much_is_down_until_it_is_better(watcher: Watcher) -> None:
    watcher.health.configure((LINES[0]._replace(max_loss_percent=20.0), LINES[1]))
    wait_until(lambda: watcher.health.state()["wan1"].loss_percent == 0)
    rule = "icmp type echo-request numgen inc mod 2 0 drop"
    drop = f"table ip loss {{ chain input {{ type filter hook input priority 0; {rule}; }}; }}"
    subprocess.run(["ip", "netns", "exec", ISPS[0], "nft", drop], check=True)
    assert watcher.next() == ("wan1", False, TOO_LOSSY)
    assert (watcher.health.state()["wan1"].loss_percent or 0) > 20
    subprocess.run(["ip", "netns", "exec", ISPS[0], "nft", "delete table ip loss"], check=True)
    assert watcher.next() == ("wan1", True, "")


def test_gateway_that_answers_arp_only_counts_as_working(site: None) -> None:
    for isp in ISPS:
        subprocess.run(["ip", "netns", "exec", isp, "sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=1"], check=True)
    watcher = inside(ROUTER, Watcher)
    try:
        assert {watcher.next(), watcher.next()} == {("wan1", True, ""), ("wan2", True, "")}
        assert watcher.health.state()["wan1"].rtt_ms is None
    finally:
        watcher.health.close()


def test_probes_carry_the_lines_mark(site: None, tmp_path: Path) -> None:
    """A rule that only marked packets reach: without the mark the target has no route."""
    target = "203.0.113.53"
    ip("-n", ISPS[0], "addr", "add", f"{target}/32", "dev", "up0")
    ip("-n", ROUTER, "rule", "add", "fwmark", "0x1000/0xf000", "table", "101")
    ip("-n", ROUTER, "route", "add", "default", "via", str(LINES[0].gateway), "dev", LINES[0].device, "table", "101")
    watcher = inside(ROUTER, lambda: Watcher((LINES[0]._replace(targets=(target,)),)))
    try:
        assert watcher.next() == ("wan1", True, "")
    finally:
        watcher.health.close()


def test_neighbours_and_counters_of_the_namespace(watcher: Watcher) -> None:
    def read() -> tuple[set[str], set[str]]:
        return {n.address for n in neighbours() if n.is_alive}, set(counters())

    addresses, devices = inside(ROUTER, read)
    assert {line.gateway for line in LINES} <= addresses
    assert devices == {"lo", *(line.device for line in LINES)}


def wait_until(condition: Callable[[], bool]) -> None:
    changed = threading.Event()
    for _ in range(400):
        if condition():
            return
        changed.wait(0.05)
    raise AssertionError("the condition did not come true within 20 s")
