"""What runs inside rsd, wired together: two threads at once."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any, cast

from firmware.daemon.services import Services
from firmware.model.config import Config, System
from firmware.model.facts import Facts

OLD, NEW = (Config(system=System(hostname=name)) for name in ("old", "new"))


def test_the_monitor_hears_of_the_newest_configuration_last() -> None:
    """The keeper tells what it has seen while a commit puts another in force."""
    told: list[Config] = []
    engine = SimpleNamespace(config=OLD)
    is_reading, others_are_done = threading.Event(), threading.Event()

    def facts(config: Config) -> Facts:
        if config is OLD:
            is_reading.set()
            others_are_done.wait(1)  # as long as it is let
        return Facts()

    services = cast(Any, Services.__new__(Services))
    services._configuring = threading.Lock()
    services.engine, services.facts = engine, facts
    services.monitor = SimpleNamespace(configure=lambda config, *_: told.append(config))
    services.dead_lines = SimpleNamespace(cut=lambda _lines: None)
    keeper = threading.Thread(target=services._configure_monitor)
    keeper.start()
    assert is_reading.wait(10)
    engine.config = NEW
    services._configure_monitor()
    others_are_done.set()
    keeper.join()
    assert told[-1] is NEW
