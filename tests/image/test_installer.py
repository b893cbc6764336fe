"""The installer on its USB stick: an empty disk becomes the router that the engineer's note describes."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from buildroot.dev import disk
from tests.image import budgets
from tests.image.machine import Machine

pytestmark = [pytest.mark.image, pytest.mark.timeout(3000)]

_DISK_MB = 512
_DOWN = "\x1b[B"
_SETTINGS = {"serial": "RS-0041", "headquarters": "https://hq.example.cn", "engineer": "Wang", "language": "zh"}


@pytest.fixture(scope="module")
def stick(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stick")
    subprocess.run(["cp", str(images / "installer.img"), str(folder / "stick.img")], check=True)
    (folder / "install.json").write_text(json.dumps(_SETTINGS))
    argv = ["mcopy", "-o", "-i", place(folder / "stick.img"), str(folder / "install.json"), "::install.json"]
    subprocess.run(argv, check=True, env={**os.environ, "MTOOLS_SKIP_CHECK": "1"})
    return folder / "stick.img"


@pytest.fixture(scope="module")
def machine(images: Path, stick: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Installed from the stick, switched off by itself."""
    folder = tmp_path_factory.mktemp("machine")
    with Machine(None, folder, memory_mb=budgets.machine_mb(images), disk_mb=_DISK_MB) as machine:
        machine.start(stick)
        machine.wait_for("仅有一块磁盘 vda")
        machine.wait_for("写入：100%")
        machine.wait_for("校验：100%")
        machine.wait_for(r"初始密码: (\w{4}-\w{4}-\w{4}-\w{4})")
        machine.wait_for_end()
        yield machine


def test_the_stick_keeps_protocol_and_label(machine: Machine, stick: Path, tmp_path: Path) -> None:
    for name in ("protocol.csv", "protocol.html", "label-RS-0041.svg"):
        subprocess.run(
            ["mcopy", "-i", place(stick), f"::{name}", str(tmp_path / name)],
            check=True,
            env={**os.environ, "MTOOLS_SKIP_CHECK": "1"},
        )
    row = (tmp_path / "protocol.csv").read_text().splitlines()[1]
    assert "Wang,RS-0041" in row
    assert ",verified," in row


def test_the_router_starts_and_knows_who_it_is(machine: Machine) -> None:
    machine.start()
    machine.log_in()
    machine.wait_for_page()
    machine.wait_until("boot-slots | grep -qx A_TRY=0")
    assert "rs.slot=A ro" in machine.run("cat /proc/cmdline")
    assert "RS-0041" in machine.run("rsctl status")
    assert "https://hq.example.cn" in machine.run("rsctl show system.headquarters")
    assert machine.status("grep -q first_password /data/rs/box.json") == 0
    assert machine.status("[ -e /data/rs/provision.json ] || [ -e /run/rs/first-password ]") != 0
    assert int(machine.run("df -m /data | tail -n 1 | tr -s ' ' | cut -d ' ' -f 2")) > _DISK_MB - 354 + 64 - 20
    boot = "mount -o ro $(findfs LABEL=RS-BOOT) /run/boot && ! grep -q serial /run/boot/provision.json"
    machine.run(f"mkdir -p /run/boot && {boot} && umount /run/boot")


@pytest.mark.parametrize(("entry", "word", "is_kept"), [(2, "RESET", True), (3, "WIPE", False)])
def test_a_factory_reset_asks_first_and_keeps_what_it_says(
    machine: Machine, entry: int, word: str, is_kept: bool
) -> None:
    machine.run("mkdir -p /data/rs/business && touch /data/rs/business/kept /data/rs/other && sync")
    machine.start()
    choose(machine, entry)
    machine.wait_for(f"Type {word} and press Enter")
    machine.press(f"{word}\r")
    machine.wait_for("The router was reset")
    machine.log_in()
    machine.wait_until("rsctl status")
    assert "RS-0041" in machine.run("rsctl status")
    assert machine.status("[ -e /data/rs/other ]") != 0
    assert (machine.status("[ -e /data/rs/business/kept ]") == 0) == is_kept


def test_another_word_resets_nothing(machine: Machine) -> None:
    machine.run("touch /data/rs/other && sync")
    machine.start()
    choose(machine, 3)
    machine.wait_for("Type WIPE and press Enter")
    machine.press("reset\r")
    machine.wait_for("Nothing was reset")
    machine.log_in()
    machine.run("[ -e /data/rs/other ]")


def choose(machine: Machine, entry: int) -> None:
    """An entry of the boot menu; GRUB forgets what was typed before it counts."""
    machine.wait_for("executed automatically in 3s")
    machine.press(_DOWN * entry + "\r")


def place(stick: Path) -> str:
    """The stick's file system, as mtools name it."""
    return f"{stick}@@{disk.partitions(stick)['installer'].start_bytes}"
