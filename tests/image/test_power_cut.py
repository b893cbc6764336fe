"""The plug is pulled at a random moment of an update and of a commit; the disk forgets what it was not told to flush.

``RS_POWER_CUTS`` is how often, for each of the two (2).
"""

from __future__ import annotations

import base64
import os
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image import budgets, bundles
from tests.image.machine import Machine
from tests.image.updating import CONFIRMED

_CUTS = int(os.environ.get("RS_POWER_CUTS", "2"))
pytestmark = [pytest.mark.image, pytest.mark.timeout(600 + 900 * _CUTS)]

# Commits as fast as the box can, each told on the console when it is acknowledged; rsctl would start Python each time.
_COMMITS = """
import itertools
from firmware.client import Client
with Client("/run/rs/rsd.sock") as client:
    for number in itertools.count({first}):
        client.call("config.set", path="system.hostname", value=f"h{{number}}")
        client.call("config.commit", message="")
        print(f"\\nacknowledged {{number}}.", flush=True)
"""


@pytest.fixture(scope="module")
def machine(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("machine")
    with Machine(images / "disk.img", folder, memory_mb=budgets.machine_mb(images), kind="caching") as machine:
        start(machine)
        yield machine


def test_while_commits_are_made(machine: Machine) -> None:
    last = 0
    for cut in range(1, _CUTS + 1):
        program = base64.b64encode(_COMMITS.format(first=last + 1).encode()).decode()
        machine.run(f"echo {program} | base64 -d >/tmp/commits.py")
        machine.press("PYTHONPATH=/usr/lib/rs python3 -OO /tmp/commits.py\n")
        last = int(machine.wait_for(r"acknowledged (\d+)\.")[1])
        time.sleep(random.uniform(0, 10))
        machine.cut_power()
        last = max([last, *map(int, re.findall(r"acknowledged (\d+)\.", machine.said))])
        start(machine)
        found = machine.run("rsctl show system.hostname")
        kept = int(re.findall(r"h(\d+)", found)[-1])
        assert kept in {last, last + 1}, f"{last} was acknowledged, {kept} is in force"
        print(f"cut {cut}: {last} acknowledged, {kept} in force", flush=True)
        last = kept


def test_while_a_slot_is_written(machine: Machine, images: Path, tmp_path: Path) -> None:
    bundle = bundles.make(tmp_path, images, "0.2.0")
    with bundles.served(tmp_path) as address:
        for cut in range(1, _CUTS + 1):
            machine.run(f"(rsctl update install {address}/{bundle.name} >/dev/null 2>&1 &)")
            machine.wait_until("rsctl --json update show | grep -q writing")
            time.sleep(random.uniform(0, 20))
            machine.cut_power()
            start(machine)
            assert "rs.slot=A" in machine.run("cat /proc/cmdline")
            values = machine.run("boot-slots")
            assert re.search("^B_OK=0", values, re.MULTILINE)
            print(f"cut {cut}: {' '.join(values.split()[-6:])}", flush=True)


def start(machine: Machine) -> None:
    machine.start()
    machine.log_in()
    machine.wait_until(CONFIRMED)
