"""rsflash batch: two boxes with empty disks start by PXE on a bench of their own and become routers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from buildroot.flash import protocol

pytestmark = [pytest.mark.image, pytest.mark.timeout(3000)]

_SPACE, _BRIDGE = "flash-bench", "bench"
_COUNT = 2
_DISK_MB = 512
_MEMORY_MB = 320  # the root is held in memory
_WAIT_S = 2400


@pytest.fixture
def bench() -> Iterator[None]:
    """A namespace with a bridge, as the laptop's port with a switch behind it."""
    subprocess.run(["ip", "netns", "delete", _SPACE], capture_output=True)
    subprocess.run(["ip", "netns", "add", _SPACE], check=True)
    lines = [f"link add {_BRIDGE} type bridge", f"link set {_BRIDGE} up", "link set lo up"]
    for number in range(_COUNT):
        lines += [
            f"tuntap add box{number} mode tap",
            f"link set box{number} master {_BRIDGE}",
            f"link set box{number} up",
        ]
    for line in lines:
        subprocess.run(["ip", "-n", _SPACE, *line.split()], check=True)
    yield
    subprocess.run(["ip", "netns", "delete", _SPACE], check=True)


@pytest.mark.usefixtures("bench")
def test_two_boxes_are_installed_by_network(images: Path, tmp_path: Path) -> None:
    installer = images / "installer"
    inside = ["ip", "netns", "exec", _SPACE]
    argv = [*inside, sys.executable, "-m", "buildroot.flash.main", "batch", "--interface", _BRIDGE]
    argv += ["--image", str(installer / "firmware.rsi"), "--boot", str(installer), "--count", str(_COUNT)]
    argv += ["--first-serial", "RS-0041", "--folder", str(tmp_path), "--engineer", "Wang"]
    laptop = subprocess.Popen(argv, env={**os.environ, "LC_ALL": "C"})
    boxes = []
    try:
        time.sleep(2)
        for number in range(_COUNT):
            disk = tmp_path / f"box{number}.img"
            with disk.open("wb") as file:
                file.truncate(_DISK_MB << 20)
            machine = [*inside, "qemu-system-x86_64", "-machine", "pc", "-cpu", "max", "-accel", "tcg", "-smp", "1"]
            machine += ["-m", str(_MEMORY_MB), "-nodefaults", "-display", "none", "-boot", "n"]
            machine += ["-drive", f"file={disk},format=raw,if=virtio"]
            machine += ["-netdev", f"tap,id=lan,ifname=box{number},script=no,downscript=no"]
            machine += ["-device", f"virtio-net-pci,netdev=lan,mac=52:54:00:00:00:0{number + 1}"]
            machine += ["-serial", f"file:{tmp_path}/console{number}"]
            boxes.append(subprocess.Popen(machine, stdin=subprocess.DEVNULL))
        assert laptop.wait(_WAIT_S) == 0
        for box in boxes:
            assert box.wait(120) == 0  # they switch themselves off
    finally:
        for process in (laptop, *boxes):
            process.terminate()
            process.wait()
    rows = protocol.rows(tmp_path / "protocol.csv")
    assert sorted((row.serial, row.result) for row in rows) == [("RS-0041", "verified"), ("RS-0042", "verified")]
    assert (tmp_path / "labels.html").read_text().count("<svg xmlns") == _COUNT
    for number in range(_COUNT):
        assert b"RS-004" in (tmp_path / f"box{number}.img").read_bytes()[: 32 << 20]
