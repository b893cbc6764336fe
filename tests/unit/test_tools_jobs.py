"""The field tools as rsd keeps them: bounded, stopped, files that go; a helper that fails is told."""

from __future__ import annotations

import base64
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmware.daemon.errors import BusyError, InvalidError, NotFoundError
from firmware.daemon.tools import jobs
from firmware.daemon.tools.jobs import Tools
from firmware.model.config import Config, Lan, Wan
from firmware.model.facts import Facts, LineState, PortFact
from firmware.model.tools import AnyRequest, Cable, Capture, Diagnosis, Lookup, Ping

CONFIG = Config(
    wans={
        "one": Wan(interface="eth0", number=2, protocol="pppoe"),
        "off": Wan(interface="eth1", number=3, enabled=False),
    },
    lans={"office": Lan(ports=("eth3",), address="192.168.8.1/24")},
)
FACTS = Facts(ports={"eth0": PortFact(mac="")}, lines={"one": LineState(up=True, dns=("192.0.2.53",))})
RESULT = '{"result": {"tool": "capture", "packets": 1, "size_bytes": 1, "dropped": 0, "ended_by": "time"}}'
HELPERS = {
    "file": f"open(task['file'], 'wb').write(b'x' * 500000); print('{RESULT}')",
    "echo": "print(json.dumps({'trouble': {'level': 'info', 'message': json.dumps(task)}}))",
    "slow": "time.sleep(60)",
    "rubbish": "print('rubbish' * 100000)",
    "dead": "sys.exit(1)",
}
Start = Callable[[str], Tools]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    def make(kind: str) -> Tools:
        code = f"import json, sys, time; task = json.loads(sys.argv[1]); {HELPERS[kind]}"
        argv = (sys.executable, "-S", "-c", code)
        return Tools(tmp_path, tmp_path / "state", lambda: CONFIG, lambda _: FACTS, argv)

    return make


def done(tools: Tools, request: AnyRequest) -> dict[str, Any]:
    return waited(tools, tools.start(request, "owner"))


def waited(tools: Tools, number: int) -> dict[str, Any]:
    until_s = time.monotonic() + 10
    while tools.job(number)["running"] and time.monotonic() < until_s:
        time.sleep(0.01)
    return tools.job(number)


def test_a_line_is_told_with_its_device_mark_and_servers(start: Start) -> None:
    said = done(start("echo"), Lookup(name="example.com", line="one"))["trouble"]["message"]
    assert '"place": {"name": "one", "device": "ppp2", "mark": 8192, "servers": ["192.0.2.53"]}' in said
    said = done(start("echo"), Capture(where="lan:office"))["trouble"]["message"]
    assert '"device": "br-office"' in said


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        (Ping(host="192.0.2.1", line="off"), NotFoundError),
        (Ping(host="192.0.2.1", line="nine"), NotFoundError),
        (Capture(where="port:eth9"), NotFoundError),
        (Capture(where="lan:one"), NotFoundError),
        (Capture(where="port:eth0", protocol="arp", port=1), InvalidError),
    ],
)
def test_what_is_not_there_is_refused(start: Start, request_: AnyRequest, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        start("echo").start(request_, "owner")


def test_a_file_is_fetched_in_pieces_and_then_gone(start: Start, tmp_path: Path) -> None:
    tools = start("file")
    job = done(tools, Capture(where="port:eth0"))
    assert job["file"].startswith("rs-router-capture-")
    assert (job["file_bytes"], job["result"]["packets"]) == (500_000, 1)
    data = b""
    while len(data) < job["file_bytes"]:
        data += base64.b64decode(tools.piece(job["id"], len(data))["content"])
    assert data == b"x" * 500_000
    assert tools.job(job["id"])["file"] is None
    assert list((tmp_path / "tools").iterdir()) == []
    with pytest.raises(NotFoundError):
        tools.piece(job["id"], 0)


def test_a_file_that_nobody_wants_goes_after_its_time(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = start("file")
    number = done(tools, Diagnosis())["id"]
    tools.tidy()
    assert tools.job(number)["file"].endswith(".tar.gz")
    monkeypatch.setattr(jobs, "FILE_S", -1.0)
    tools.tidy()
    assert tools.job(number)["file"] is None
    assert tools.job(number)["result"], "what it found stays"


def test_a_clock_that_is_set_meanwhile_takes_no_file_away(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """On its first day a box without a battery leaps from 1970, while somebody looks why the line does not work."""
    tools = start("file")
    number = done(tools, Diagnosis())["id"]
    later_s = time.time() + 50 * 365 * 86_400
    monkeypatch.setattr(jobs.time, "time", lambda: later_s)
    tools.tidy()
    assert tools.job(number)["file"] is not None


def test_the_oldest_file_makes_room(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_FILE_BYTES", 500_000)
    monkeypatch.setattr(jobs, "FILES_BYTES", 1_200_000)
    tools = start("file")
    numbers = [done(tools, Capture(where="port:eth0"))["id"] for _ in range(3)]
    assert [tools.job(number)["file"] is not None for number in numbers] == [False, True, True]


def test_few_at_a_time_and_of_captures_one(start: Start) -> None:
    tools = start("slow")
    first = tools.start(Capture(where="port:eth0"), "owner")
    with pytest.raises(BusyError):
        tools.start(Capture(where="port:eth0"), "owner")
    others = [tools.start(Cable(), "owner") for _ in range(jobs.RUNNING_MAX - 1)]
    with pytest.raises(BusyError) as error:
        tools.start(Cable(), "owner")
    assert error.value.retry_s
    tools.stop(first)
    assert waited(tools, first)["trouble"]["message"] == "It was stopped."
    tools.close()
    assert [waited(tools, number)["running"] for number in others] == [False, False]


@pytest.mark.parametrize("kind", ["rubbish", "dead"])
def test_a_helper_that_fails_is_told(start: Start, kind: str) -> None:
    job = done(start(kind), Cable())
    assert (job["result"], job["trouble"]["level"]) == (None, "bad")


def test_only_the_last_are_remembered_and_one_is_forgotten(start: Start) -> None:
    tools = start("dead")
    for _ in range(jobs.KEPT + 3):
        last = done(tools, Cable())["id"]
    numbers = [job["id"] for job in tools.jobs()]
    assert numbers[0] == last
    assert len(numbers) == jobs.KEPT
    tools.stop(last)
    with pytest.raises(NotFoundError):
        tools.job(last)
