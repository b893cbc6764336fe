"""What the supervisor tells of a unit that could not be started."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware.kernel import supervisor
from firmware.kernel.supervisor import Supervisor
from firmware.model.plan import Unit
from tests.lab import netns


def test_a_unit_that_is_changed_while_it_comes_back_is_told_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "WELL_AFTER_S", 1.0)
    program, told = tmp_path / "program", []
    watched = Supervisor(tmp_path, {"run": str(tmp_path)}, lambda _unit, kind, _reason: told.append(kind))
    try:
        watched.apply([Unit(name="sleeper", argv=(str(program), "60"))])
        netns.wait_until(lambda: "missing" in told, "it cannot be started")
        program.symlink_to("/bin/sleep")
        netns.wait_until(lambda: watched.states()[0].pid, "it runs")
        watched.apply([Unit(name="sleeper", argv=(str(program), "61"))])
        netns.wait_until(lambda: told[-1] == "well", "it is told well")
    finally:
        watched.close(stop_units=True)
