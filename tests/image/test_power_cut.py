"""The plug is pulled at a random moment, while somebody commits, somebody posts, and the firmware is updated.

A cut is made by stopping QEMU (and nbdkit) and taking its disk as it is: with that it would start again.
Each is looked at by the product's own code (``remains``); at every ``_BOOT_EVERY``-th the machine is killed and started
from it, and must tell the same. ``caching`` disks forget whatever they were not told to flush, ``plain`` ones keep the
order in which they were written. ``RS_POWER_CUTS`` is how often, for each of the two (10).
"""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image import budgets, bundles, remains
from tests.image.machine import Machine
from tests.image.office import Office, Program
from tests.image.updating import CONFIRMED, token

_CUTS = int(os.environ.get("RS_POWER_CUTS", "10"))
_BOOT_EVERY = 20
_LONGEST_S = 8.0  # between two cuts; an update takes minutes
pytestmark = [pytest.mark.image, pytest.mark.timeout(1800 + 60 * _CUTS)]


@pytest.fixture(params=["caching", "plain"])
def machine(request: pytest.FixtureRequest, images: Path, tmp_path: Path) -> Iterator[Machine]:
    """Its business is in use and its first name is ``h0``."""
    with Machine(images / "disk.img", tmp_path, memory_mb=budgets.WITH_BUSINESS_MB, kind=request.param) as machine:
        machine.start()
        machine.log_in()
        machine.wait_until(CONFIRMED)
        machine.run("rsctl set business.enabled true && rsctl set system.hostname h0 && rsctl commit")
        machine.wait_for_page()
        yield machine


def test_all_that_was_acknowledged_is_there(machine: Machine, images: Path, tmp_path: Path) -> None:
    served = tmp_path / "served"
    served.mkdir()
    bundle = bundles.make(served, images, "0.2.0")
    key, copy = token(machine), tmp_path / "cut.img"
    with Program(machine.page_port, key) as program:
        program.ask("GET", "/api/biz/v1/finance/entry")  # makes the company
    with bundles.served(served) as address, Office(machine.page_port, key, f"{address}/{bundle.name}") as office:
        for cut in range(1, _CUTS + 1):
            machine.let_run(random.uniform(0, _LONGEST_S))
            is_killed = cut == _CUTS or cut % _BOOT_EVERY == 0
            if is_killed:
                office.pause()
                machine.cut_power()
                known = office.acknowledged()
                take(machine.disk, copy)
            else:
                with machine.frozen():
                    known = office.acknowledged()
                    take(machine.disk, copy)
            found = remains.examine(copy, tmp_path / "remains")
            office.check(known, found)
            tell(cut, found, office, is_killed=is_killed)
            if is_killed:
                assert started_again(machine, key) == found[2:]
                office.go_on()
        assert known.commit, "no commit was acknowledged"
        assert known.entries, "no entry was acknowledged"


def started_again(machine: Machine, key: str) -> tuple[str, dict[str, int]]:
    """What the box itself says after its start: its name, and its posted entries."""
    machine.start()
    machine.log_in()
    machine.wait_until(CONFIRMED)
    machine.wait_for_page()
    with Program(machine.page_port, key) as program:
        name = program.ask("GET", "/api/v1/config/system.hostname?which=running")
        entries: dict[str, int] = {}
        path = "/api/biz/v1/finance/entry?limit=200"
        while path:
            page = program.ask("GET", path)
            entries |= {row["number"]: row["amount"] for row in page["items"] if row["posted"]}
            path = page["next"]
    return name, entries


def take(image: Path, target: Path) -> None:
    """A copy of a disk that is standing still."""
    subprocess.run(["cp", "--sparse=always", str(image), str(target)], check=True)


def tell(cut: int, found: remains.Remains, office: Office, *, is_killed: bool) -> None:
    """A line for the log."""
    how = "killed and started" if is_killed else "disk examined"
    print(
        f"cut {cut}: {how}: slot {found.slot}, update {found.phase}, {found.hostname}, {len(found.entries)} entries,"
        f" {office.updates} updates",
        flush=True,
    )
