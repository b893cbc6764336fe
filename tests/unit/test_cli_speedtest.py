"""``rsctl speedtest`` with a stand-in for rsd: it waits for the end and tells what came of it."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import Any

import pytest

from firmware.cli import speedtest
from firmware.cli.command import EXIT_REFUSED, Context
from firmware.cli.terminal import Terminal

RESULT = {
    "time": 0.0, "down_bps": 98_765_432, "up_bps": 19_876_543, "idle_ms": 5.0, "down_ms": 9.0, "up_ms": 300.0,
    "down_grade": "A+", "up_grade": "D", "grade": "D", "errors": {},
    "suggested": {"down_bps": 98_000_000, "up_bps": 19_000_000},
}  # fmt: skip
UP_ONLY = {**RESULT, "down_bps": None, "down_ms": None, "down_grade": None}


class Rsd:
    def __init__(self, result: dict[str, Any] | None, shaped: dict[str, Any] | None = None) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.rows = [
            {"line": "one", "running": is_running, "result": result, "shaped": shaped} for is_running in (1, 0)
        ]

    def call(self, verb: str, **args: Any) -> Any:
        self.asked.append((verb, args))
        return [self.rows.pop(0)] if verb == "speedtest.state" else {}


def run(rsd: Any, *, shaped: bool = False, as_json: bool = False, language: str = "en") -> int | None:
    terminal = Terminal(language, as_json=as_json)
    return speedtest.speedtest(Context(Namespace(line="one", shaped=shaped), terminal, lambda: rsd))


@pytest.fixture(autouse=True)
def without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speedtest, "POLL_S", 0)


def test_it_waits_and_tells_rates_delays_and_what_to_set(capsys: pytest.CaptureFixture[str]) -> None:
    rsd = Rsd(RESULT)
    assert run(rsd) is None
    assert rsd.asked[0] == ("speedtest.start", {"line": "one", "shaped": False})
    assert not rsd.rows, "until it no longer runs"
    said = capsys.readouterr().out
    assert "98.8 Mbit/s" in said
    assert "300.0 ms (D)" in said
    assert "D: bad" in said
    assert "rsctl set wans.one.down_bps 98000000" in said


def test_through_the_shaper_nothing_is_to_be_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(Rsd(RESULT, UP_ONLY), shaped=True) is None
    said = capsys.readouterr().out
    assert "rsctl set" not in said
    assert "98.8" not in said


def test_what_could_not_be_measured_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    errors = {"down": "The file is smaller than 1 MB, too small to measure with.", "up": "HTTP 404 Not Found"}
    nothing = dict.fromkeys((*RESULT,), None) | {"time": 0.0, "errors": errors}
    nothing["suggested"] = {"down_bps": None, "up_bps": None}
    assert run(Rsd(nothing)) == EXIT_REFUSED
    said = capsys.readouterr()
    assert "HTTP 404" in said.err
    assert "too small" in said.err
    assert "rsctl set" not in said.out
    assert run(Rsd(None)) == EXIT_REFUSED


def test_as_json_there_is_one_value(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(Rsd(RESULT), as_json=True) is None
    assert json.loads(capsys.readouterr().out) == RESULT
