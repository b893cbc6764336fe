"""Versions that do not work, each with another trouble: the box comes back by itself and says why."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.image import budgets, bundles
from tests.image.machine import Machine
from tests.image.updating import CONFIRMED, LINE_UP, ask, install, token, told

pytestmark = [pytest.mark.image, pytest.mark.timeout(3600)]

_START_MENU = r"GNU GRUB  version[\s\S]*?\*Start \(([AB])\)"  # the slot that it chooses
_TRIAL_S = 1200  # five minutes or two hangs, and the starts


@pytest.fixture(scope="module")
def machine(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with Machine(
        images / "disk.img", tmp_path_factory.mktemp("machine"), memory_mb=budgets.machine_mb(images)
    ) as machine:
        machine.start()
        machine.log_in()
        machine.wait_until(CONFIRMED)
        machine.wait_until(LINE_UP)
        machine.run("rsctl set system.hostname before && rsctl commit")
        yield machine


class Bad(NamedTuple):
    """A version, what is wrong with it, how often it is started, and what is told of it."""

    version: str
    spoil: Callable[[Path], None]
    starts: int
    reason: str


_BAD = (
    Bad("0.3.1", bundles.panic, 2, "kernel panic, a hang or a power cut"),
    Bad("0.3.2", bundles.hang, 2, "kernel panic, a hang or a power cut"),
    Bad("0.3.3", bundles.lose_network, 1, "No line came up"),
    Bad("0.3.4", bundles.crash_rsd, 1, "control plane did not come up"),
)


@pytest.mark.parametrize("bad", _BAD, ids=lambda bad: bad.spoil.__name__)
def test_it_is_taken_back(machine: Machine, images: Path, tmp_path: Path, bad: Bad) -> None:
    bundle = bundles.make_broken(tmp_path, images, bad.version, bad.spoil)
    with bundles.served(tmp_path) as address:
        install(machine, f"{address}/{bundle.name}")
    machine.run("rsctl update restart")
    starts = 0
    while machine.wait_for(_START_MENU, _TRIAL_S)[1] == "B":
        starts += 1
    # On a machine so slow that a kernel needs two minutes the watchdog ends a good start of it too, once.
    assert bad.starts <= starts <= 2
    machine.log_in()
    machine.wait_until(CONFIRMED)
    assert "rs.slot=A" in machine.run("cat /proc/cmdline")
    state = told(machine)
    assert (state["phase"], state["version"]) == ("fell_back", bad.version)
    assert bad.reason in state["params"]["reason"]
    machine.wait_until(f"LANG=en rsctl alarms | grep -q 'Version {bad.version} was taken back'")
    assert "before" in machine.run("rsctl show system.hostname")


def test_the_page_says_why(machine: Machine) -> None:
    machine.wait_for_page()
    status, body = ask(machine, "GET", "/api/v1/update", b"", token(machine))
    assert status == 200
    assert _BAD[-1].reason in json.loads(body)["params"]["reason"]
