"""The keeper: what could not be done is not forgotten."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest

from firmware.daemon import keeper
from firmware.daemon.keeper import Keeper
from firmware.engine.errors import BusyError
from firmware.model.config import Config


class Engine:
    """Stands in for the engine: a refresh fails as often as it is told to."""

    config = Config()

    def __init__(self, *failures: Any) -> None:
        self._outcomes = list(failures)
        self.is_fresh = threading.Event()

    def check_deadline(self) -> None:
        return None

    def refresh(self) -> bool:
        outcome = self._outcomes.pop(0) if self._outcomes else True
        if isinstance(outcome, Exception):
            raise outcome
        if outcome:
            self.is_fresh.set()
        return bool(outcome)


@pytest.mark.parametrize("failure", [BusyError("Another change is being made."), OSError("memory"), False])
def test_a_line_that_died_while_the_box_was_busy_is_left_all_the_same(
    failure: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "LOOK_S", 0.05)
    engine = Engine(failure)
    one = Keeper(cast(Any, engine), lambda: None)
    one.start()
    try:
        one.poke()
        assert engine.is_fresh.wait(30), "nobody tried again"
    finally:
        one.close()
