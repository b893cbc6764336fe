"""The reference image, started as a customer would: memory, root, supervision, power loss, the other slot."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from buildroot.dev import disk
from tests.image import budgets
from tests.image.machine import Machine
from tests.image.updating import CONFIRMED, LINE_UP

pytestmark = [pytest.mark.image, pytest.mark.timeout(1800)]

_BLOCK = 4096
_PROCESSES = (
    "for p in /proc/[0-9]*; do "
    "sed -n 's/^\\(Pss\\|SwapPss\\): *\\([0-9]*\\) kB/\\2/p' $p/smaps_rollup 2>/dev/null | tr '\\n' ' ' && "
    "echo \": ${p#/proc/} $(cut -d' ' -f4 $p/stat) $(cat $p/comm)\"; done 2>/dev/null; cat /run/rs.pid"
)


@pytest.fixture(scope="module")
def machine(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Started for the first time, with its page up, its start confirmed and everything running."""
    with Machine(
        images / "disk.img", tmp_path_factory.mktemp("machine"), memory_mb=budgets.machine_mb(images)
    ) as machine:
        machine.start()
        machine.log_in()
        machine.wait_for_page()
        machine.wait_until(CONFIRMED)
        machine.wait_until(LINE_UP)
        machine.wait_until("pidof dnsmasq")  # it starts anew as soon as the line has told its servers
        yield machine


def test_the_slot_is_small(images: Path) -> None:
    assert (images / "rootfs.squashfs").stat().st_size < budgets.SLOT_MB * 1_000_000


def test_the_page_answers(machine: Machine) -> None:
    status, body = machine.get("/api/v1/openapi.json")
    assert status == 200
    assert b'"openapi"' in body


def test_memory_is_left(machine: Machine) -> None:
    (available_kb,) = re.findall(r"MemAvailable: +(\d+) kB", machine.run("cat /proc/meminfo"))
    assert int(available_kb) >= budgets.AVAILABLE_MB * 1024


def test_no_process_passes_its_budget(machine: Machine) -> None:
    used_mb = memory_mb(machine)
    print({name: round(value, 1) for name, value in sorted(used_mb.items())})
    assert set(budgets.PSS_MB) <= set(used_mb)
    over = {name: mb for name, mb in used_mb.items() if mb > budgets.PSS_MB.get(name, budgets.OTHER_MB)}
    assert over == {}


def test_the_root_is_checked_and_read_only(machine: Machine) -> None:
    assert "/dev/dm-0 / squashfs ro" in machine.run("cat /proc/mounts")
    assert machine.run("cat /sys/block/dm-0/dm/name /sys/block/dm-0/ro").split() == ["root", "1"]
    assert "rs.verity=" in machine.run("cat /proc/cmdline")
    assert machine.status("touch /etc/anything") != 0
    assert machine.status("touch /usr/anything") != 0


def test_who_dies_comes_back(machine: Machine) -> None:
    for name in ("rsd", "rsweb", "dnsmasq"):
        machine.wait_until(f"[ -S /run/rs/rsd.sock ] && kill -9 {pids(machine)[name][0]}")
        machine.wait_until("rsctl status")
        machine.wait_until("pidof dnsmasq")
        machine.wait_for_page()


def test_a_commit_survives_the_power_cut(machine: Machine) -> None:
    machine.run("rsctl set system.hostname kept && rsctl commit")
    machine.start()
    machine.log_in()
    machine.wait_until("rsctl status")
    assert "kept" in machine.run("rsctl show system.hostname")
    assert "rs.slot=A" in machine.run("cat /proc/cmdline")
    machine.wait_until(CONFIRMED)


def test_a_root_that_was_altered_gives_way_to_the_other_slot(machine: Machine) -> None:
    machine.cut_power()
    damage(machine.disk)
    machine.start()
    machine.wait_for(r"device-mapper: verity: .*data block \d+ is corrupted")
    machine.log_in()
    machine.wait_until("rsctl status")
    assert "rs.slot=B" in machine.run("cat /proc/cmdline")
    assert "kept" in machine.run("rsctl show system.hostname")


def damage(image: Path) -> None:
    """Turns one bit in each of slot A's data blocks, but for the kernel, which stands first, and the tables at the end,
    which GRUB reads: the hash tree behind them tells."""
    slot = disk.partitions(image)["slot-a"]
    with image.open("r+b") as file:
        file.seek(slot.start_bytes + 40)  # squashfs: bytes_used
        used = int.from_bytes(file.read(8), "little")
        for offset in range(16 << 20, used - (1 << 20), _BLOCK):
            file.seek(slot.start_bytes + offset)
            byte = file.read(1)
            file.seek(slot.start_bytes + offset)
            file.write(bytes([byte[0] ^ 1]))


def memory_mb(machine: Machine) -> dict[str, float]:
    """Megabytes of each name; the three Pythons by what they do."""
    sums: dict[str, float] = defaultdict(float)
    for _, name, kb in _processes(machine):
        sums[name] += kb / 1024
    return dict(sums)


def pids(machine: Machine) -> dict[str, list[int]]:
    """Process numbers of each name."""
    found: dict[str, list[int]] = defaultdict(list)
    for pid, name, _ in _processes(machine):
        found[name].append(pid)
    return found


def _processes(machine: Machine) -> Iterator[tuple[int, str, int]]:
    text = machine.run(_PROCESSES)
    launcher = text.split()[-1]
    for kb, pid, parent, command in re.findall(r"^((?:\d+ )+): (\d+) (\d+) (.+)$", text, re.MULTILINE):
        name = command
        if command == "python3" and pid == launcher:
            name = "rs"
        elif command == "python3" and parent == launcher:
            name = "rsweb" if "rsweb" in machine.run(f"ps -o pid,user | grep '^ *{pid} '") else "rsd"
        yield int(pid), name, sum(map(int, kb.split()))
