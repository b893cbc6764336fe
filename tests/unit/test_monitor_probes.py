"""What strangers answer cannot end the watch over the lines."""

from __future__ import annotations

import threading

import pytest

from firmware.model.targets import parse_target
from firmware.monitor import health
from firmware.monitor.probe_answer import NO_PAGE
from firmware.monitor.probe_connection import _judge


@pytest.mark.parametrize("status", ["9" * 5000, "2000", "20", "-20", "two"])
def test_a_page_whose_status_is_no_status_is_none(status: str) -> None:
    """Python refuses to read a number of more than 4300 digits."""
    assert _judge(parse_target("http://www.example.com/"), f"HTTP/1.1 {status} OK") == NO_PAGE


def test_the_watch_goes_on_whatever_a_round_meets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "INTERVAL_S", 0.0)
    watch, went_on = health.LineHealth(lambda *_: None), threading.Event()
    wrong = iter([ValueError("what came is no answer")])

    def due() -> list[health._Watch]:
        for error in wrong:
            raise error
        went_on.set()
        return []

    monkeypatch.setattr(watch, "_due", due)
    watch.start()
    assert went_on.wait(10)
    watch.close()
