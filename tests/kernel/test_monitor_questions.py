"""Questions of every kind over one line, from a router in its namespace to servers behind its gateway."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.monitor.health import Health, Line, LineHealth
from firmware.monitor.probe_answer import ELSEWHERE, REFUSED, SERVER_ERROR
from firmware.monitor.verdict import NO_ANSWER, SILENT_KIND
from tests.kernel.answerer import ADDRESS
from tests.lab import netns

pytestmark = pytest.mark.kernel

ROUTER, INTERNET = NAMES = ("mon-ask-router", "mon-ask-net")
SERVER = "198.51.100.1"
LINE = Line("wan1", 1, "wan0", address="198.51.100.2/24", gateway=SERVER, dns=(SERVER,), interval_s=0.2)
ALL = (SERVER, f"dns://{SERVER}", f"tcp://{SERVER}:443", "http://www.example.com/generate_204")


@pytest.fixture(scope="module")
def site() -> Iterator[None]:
    netns.delete([name for name in NAMES if name in netns.existing("mon-ask-")])
    netns.add(NAMES)
    try:
        netns.batch([f"link add wan0 type veth peer name isp0 netns {INTERNET}"], ROUTER)
        netns.batch([f"addr add {SERVER}/24 dev isp0", f"addr add {ADDRESS}/32 dev lo", "link set isp0 up"], INTERNET)
        # Only the line's table leads on: a question without its mark would not arrive.
        netns.batch(
            [
                "addr add 198.51.100.2/24 dev wan0",
                "link set wan0 up",
                f"route add default via {SERVER} table 101",
                "rule add fwmark 0x1000/0xf000 table 101",
            ],
            ROUTER,
        )
        argv = netns.inside(INTERNET, [sys.executable, "-m", "tests.kernel.answerer"])
        with subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
        ) as answerer:
            assert answerer.stdout is not None
            assert answerer.stdout.readline() == b"ready\n"
            yield
            answerer.communicate()
    finally:
        netns.delete(NAMES)


class Watcher:
    """Line health in the router's namespace, for the length of a test."""

    def __init__(self) -> None:
        self.changes: queue.Queue[tuple[str, bool, str]] = queue.Queue()
        self.health = LineHealth(lambda *change: self.changes.put(change))

    def watch(self, *targets: str, **settings: object) -> None:
        self.health.configure([LINE._replace(targets=targets, **settings)])
        if not self.health._thread.is_alive():
            starter = threading.Thread(target=self._start)
            starter.start()
            starter.join()

    def _start(self) -> None:
        netns.enter(ROUTER)
        self.health.start()

    def next(self) -> tuple[bool, str]:
        return self.changes.get(timeout=20 * netns.PATIENCE)[1:]

    @property
    def state(self) -> Health:
        return self.health.state()["wan1"]


@pytest.fixture
def watcher(site: None) -> Iterator[Watcher]:
    watcher = Watcher()
    yield watcher
    watcher.health.close()
    subprocess.run(netns.inside(INTERNET, ["nft", "flush", "ruleset"]), check=True)


def refuse(rule: str) -> None:
    chain = f"table ip cut {{ chain input {{ type filter hook input priority 0; {rule}; }}; }}"
    subprocess.run(netns.inside(INTERNET, ["nft", chain]), check=True)


@pytest.mark.parametrize("target", ALL)
def test_each_kind_is_answered(watcher: Watcher, target: str) -> None:
    watcher.watch(target)
    assert watcher.next() == (True, "")
    netns.wait_until(lambda: watcher.state.targets[0].answered, "a whole round is answered")
    (found,) = watcher.state.targets
    assert found.target == target
    assert found.delay_ms is not None
    assert found.delay_ms < 200
    assert watcher.state.rtt_ms is not None


def test_a_line_that_passes_pings_and_nothing_else_is_down(watcher: Watcher) -> None:
    watcher.watch(*ALL, require="all_kinds")
    while watcher.next() != (True, ""):
        pass  # the page's name is looked up first
    began = time.monotonic()
    refuse("meta l4proto { tcp, udp } drop")
    assert watcher.next() == (False, SILENT_KIND["dns"])
    assert time.monotonic() - began < 1.0 * netns.PATIENCE, "three rounds of 200 ms"
    subprocess.run(netns.inside(INTERNET, ["nft", "flush", "ruleset"]), check=True)
    assert watcher.next() == (True, "")
    refuse("tcp dport 443 drop")
    assert watcher.next()[1] in (
        SILENT_KIND["tcp"],
        "The line comes and goes; it is used again when it has worked for a while.",
    )


def test_any_answer_is_enough_by_itself(watcher: Watcher) -> None:
    watcher.watch(*ALL)
    assert watcher.next() == (True, "")
    refuse("meta l4proto { tcp, udp } drop")
    netns.wait_until(lambda: [t.answered for t in watcher.state.targets] == [True, False, False, False], "only pings")
    assert watcher.state.is_up


@pytest.mark.parametrize(
    ("target", "trouble"),
    [
        (f"http://{SERVER}/elsewhere", ELSEWHERE),
        (f"http://{SERVER}/broken", SERVER_ERROR),
        (f"http://{SERVER}/of/generate_204", ELSEWHERE),
        (f"tcp://{SERVER}:4444", REFUSED),
        (f"http://{SERVER}:4444/", REFUSED),
    ],
)
def test_what_proves_nothing_is_no_answer(watcher: Watcher, target: str, trouble: str) -> None:
    watcher.watch(target)
    assert watcher.next() == (False, NO_ANSWER)
    assert watcher.state.targets[0].trouble == trouble


def test_questions_that_nobody_answers_do_not_pile_up(watcher: Watcher) -> None:
    refuse("meta l4proto { tcp, udp } drop")
    watcher.watch(*ALL[1:])
    assert watcher.next() == (False, NO_ANSWER)
    prober = watcher.health._watches["wan1"].prober
    assert prober is not None
    netns.wait_until(lambda: len(prober._connections) >= 20, "connections wait", 20)
    time.sleep(2 * netns.PATIENCE)
    assert len(prober._connections) <= 32
    subprocess.run(netns.inside(INTERNET, ["nft", "flush", "ruleset"]), check=True)
    assert watcher.next() == (True, "")
