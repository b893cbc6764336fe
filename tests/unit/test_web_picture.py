"""The picture of the lines on invented states: what is said of each, how full its bars are, and the sentence above."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from firmware.model.config import Wan
from tests.unit.test_web_lines import LINE, MONTH
from webui import i18n
from webui.picture import Picture, Pipe, drawn

UP = {**LINE, "up": True, "state": "up", "reason": "", "gateway": "100.64.1.1"}
DEAD = {**LINE, "up": False, "state": "down", "reason": "No answer."}
TAKES = {**UP, "share_percent": 50}
BACKUP = {**UP, "role": "backup"}
DRAINED = {**UP, "draining": True}
SPENT = {**UP, "month": MONTH}
OFF = {**LINE, "enabled": False, "up": False, "state": "waiting", "reason": ""}


@pytest.fixture(autouse=True)
def asked() -> Iterator[Flask]:
    app = Flask("picture")
    i18n.install(app)
    with app.test_request_context("/?lang=en"):
        yield app


def rows(**lines: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**row, "name": name} for name, row in lines.items()]


def shown(wans: dict[str, Wan] | None = None, **lines: dict[str, Any]) -> Picture:
    return drawn({"lines": rows(**lines), "hosts_active": 3}, wans or {})


def pipe(row: dict[str, Any], wan: Wan | None = None) -> Pipe:
    return shown({"a": wan} if wan else {}, a=row).pipes[0]


def carrying(row: dict[str, Any], down_bps: int, up_bps: int, connections: int) -> dict[str, Any]:
    offload = {**LINE["offload"], "connections": connections}
    return {**row, "down_bps": down_bps, "up_bps": up_bps, "offload": offload}


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ({"a": TAKES, "b": TAKES, "c": BACKUP}, "Two lines share; c waits as a backup."),
        ({"a": {**UP, "share_percent": 100}}, "a takes all new connections."),
        (
            {"a": TAKES, "b": DRAINED, "c": SPENT, "d": DEAD, "e": DEAD, "f": OFF},
            "a takes all new connections; b is being drained; c has spent its month; d, e do not work; "
            "f is switched off.",
        ),
        ({"a": DEAD, "b": {**DEAD, "state": "waiting"}}, "No line takes new connections; b is being tested; "
         "a does not work."),
    ],
)  # fmt: skip
def test_one_sentence_says_the_whole(lines: dict[str, Any], sentence: str) -> None:
    assert shown(**lines).sentence == sentence


@pytest.mark.parametrize(
    ("row", "look", "sign", "state", "why"),
    [
        (TAKES, "takes", "ok", "works", ""),
        ({**TAKES, "state": "failing", "streak": 2}, "takes", "warn", "works, but round 2 of 3 without an answer", ""),
        ({**BACKUP, "share_percent": 100}, "takes", "ok", "works", "steps in as the backup: no other line works"),
        ({**DRAINED, "share_percent": 100}, "takes", "ok", "works", "is being drained, but no other line works"),
        ({**SPENT, "share_percent": 100}, "takes", "ok", "works", "its month is spent, but no other line works"),
        (BACKUP, "waits", "idle", "backup", "takes over when no other line works"),
        (DRAINED, "waits", "warn", "is being drained",
         "New connections go elsewhere; those in use stay until they end."),
        (SPENT, "waits", "warn", "month is spent", "used only when no other line works"),
        ({**UP, "gateway": None}, "waits", "idle", "waits", "has no IPv4 gateway"),
        (DEAD, "dead", "bad", "does not work", "No answer."),
        ({**DEAD, "state": "recovering", "streak": 1, "needed": 2}, "dead", "bad", "answers again: round 1 of 2",
         "No answer."),
        (OFF, "off", "idle", "switched off", "switched off in its settings"),
    ],
)  # fmt: skip
def test_each_state_looks_different_and_says_why(
    row: dict[str, Any], look: str, sign: str, state: str, why: str
) -> None:
    found = pipe(row)
    assert (found.look, found.sign, found.state, found.why) == (look, sign, state, why)


def test_a_waiting_line_that_fails_says_so_too() -> None:
    found = pipe({**BACKUP, "state": "failing", "streak": 1})
    assert found.why == "takes over when no other line works (works, but round 1 of 3 without an answer)"


def test_bars_are_filled_by_the_rate_where_it_is_known() -> None:
    wans = {"a": Wan(interface="eth0", number=1, isp="China Telecom", down_bps=100_000_000)}
    found = shown(wans, a=carrying(TAKES, 25_000_000, 3_000_000, 24), b=carrying(TAKES, 75_000_000, 1_000_000, 26))
    one, other = found.pipes
    assert one.provider == "China Telecom"
    assert [(load.percent, load.whole) for load in one.loads] == [
        (25, "25 % of 100\u202fMbit/s"),
        (75, "75 % of all that goes out"),
    ]
    assert [load.percent for load in other.loads] == [75, 25]
    assert (found.down_bps, found.up_bps) == (100_000_000, 4_000_000)
    assert one.does == "takes 50 % of new connections, has 48 % of the connections now, carries 27 % of the traffic"


def test_a_bar_is_never_longer_than_its_line() -> None:
    load = pipe(carrying(TAKES, 120, 0, 0), Wan(interface="eth0", number=1, down_bps=100)).loads[0]
    assert (load.percent, load.whole) == (100, "120 % of 100\u202fbit/s")


def test_nothing_is_said_of_what_there_is_none_of() -> None:
    assert pipe(BACKUP).does == "takes no new connections"
    assert pipe(BACKUP).quality == ""
    assert pipe({**TAKES, "rtt_ms": 12.5, "loss_percent": 0.0}).quality == "delay 12.5 ms · loss 0 %"
    for row in (DEAD, OFF):
        assert (pipe(row).loads, pipe(row).does) == ((), "")


def test_it_is_said_in_chinese(asked: Flask) -> None:
    with asked.test_request_context("/?lang=zh"):
        found = shown(a=carrying(TAKES, 1000, 1000, 1), b=carrying(TAKES, 3000, 3000, 3), c=BACKUP)
    assert found.sentence == "两条线路分担新连接；c 备用待命。"
    assert found.pipes[0].does == "承担 50% 的新连接，现有连接占 25%，流量占 25%"
    assert not re.search("[a-z]{2}", found.pipes[2].why)
