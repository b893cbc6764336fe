"""Updates of the reference image: what is refused, a full disk, the other slot."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image import budgets, bundles
from tests.image.machine import Machine
from tests.image.updating import CONFIRMED, ask, install, token, told

pytestmark = [pytest.mark.image, pytest.mark.timeout(3600)]

_WHILE_UPDATING_MB = 16  # of memory, available
# Small files still find room between large ones, so twice.
_FILL = "for file in 1 2; do cat /dev/zero >/data/full-$file; sync; done 2>/dev/null; true"
_MAKE_ROOM = "rm /data/full-1 /data/full-2 && sync"


@pytest.fixture(scope="module")
def folder(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundles that are served to the guest."""
    folder = tmp_path_factory.mktemp("bundles")
    good = bundles.make(folder, images, "0.2.0")
    bundles.make(folder, images, "0.2.0", stranger=True)
    bundles.make(folder, images, "0.2.0", board="nanopi_r2s")
    bundles.make(folder, images, "0.0.9")
    (folder / "truncated.swu").write_bytes(good.read_bytes()[: 5 << 20])
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with bundles.served(folder) as address:
        yield address


@pytest.fixture(scope="module")
def machine(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with Machine(
        images / "disk.img", tmp_path_factory.mktemp("machine"), memory_mb=budgets.machine_mb(images)
    ) as machine:
        machine.start()
        machine.log_in()
        machine.wait_until(CONFIRMED)
        yield machine


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("rs-0.2.0-x86_64-stranger.swu", "Nobody whom this box trusts"),
        ("truncated.swu", "ends too early"),
        ("rs-0.2.0-nanopi_r2s.swu", "for the board nanopi_r2s"),
        ("rs-0.0.9-x86_64.swu", "--downgrade"),
    ],
)
def test_what_is_refused(machine: Machine, address: str, name: str, words: str) -> None:
    install(machine, f"{address}/{name}")
    assert words in machine.run("LANG=en rsctl update show")
    assert "ORDER=A B" in machine.run("boot-slots")


def test_a_full_data_partition_is_said_before_anything_is_written(machine: Machine, address: str) -> None:
    before = machine.run("boot-slots")
    machine.run(_FILL)
    told = machine.run(f"LANG=en rsctl update install {address}/rs-0.2.0-x86_64.swu || true")
    assert "The data partition cannot be written" in told
    assert machine.run("boot-slots") == before
    machine.run(_MAKE_ROOM)


def test_an_upload_is_started_and_confirmed(machine: Machine, folder: Path) -> None:
    machine.wait_for_page()
    key = token(machine)
    begun = json.loads(ask(machine, "POST", "/api/v1/update", b'{"source": "upload"}', key)[1])
    machine.run("(while sleep 1; do grep MemAvailable /proc/meminfo >>/tmp/memory; done &)")
    machine.wait_until("[ -S /run/rs/update.sock ]")
    began_s = time.monotonic()
    status, body = ask(machine, "PUT", begun["upload"], (folder / "rs-0.2.0-x86_64.swu").read_bytes(), key)
    assert (status, json.loads(body)["phase"]) == (200, "ready")
    low_kb = min(map(int, re.findall(r"(\d+) kB", machine.run("cat /tmp/memory"))))
    print(f"written and read back in {time.monotonic() - began_s:.0f} s, {low_kb >> 10} MB were left")
    assert low_kb >= _WHILE_UPDATING_MB << 10
    machine.run("rsctl set system.hostname updated && rsctl commit")
    machine.run(_FILL)
    assert "cannot be kept for the way back" in machine.run("LANG=en rsctl update restart || true")
    assert "ORDER=A B" in machine.run("boot-slots")
    machine.run(f"{_MAKE_ROOM} && rsctl update restart")
    machine.log_in()
    machine.wait_until(CONFIRMED)
    assert "rs.slot=B" in machine.run("cat /proc/cmdline")
    assert told(machine)["phase"] == "confirmed"
    assert "updated" in machine.run("rsctl show system.hostname")
