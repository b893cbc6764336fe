"""The image in QEMU, from power on to the page, beside its kernel with busybox alone; its root; memory that is left.

Of the board's own kernel where ``make image-dev KERNEL=build/kernel OUT=build/image-own`` was built, else of Debian's,
which is no box's; ``RS_IMAGE`` names another disk. The first start, which makes keys, is not counted. Both are
emulated, on one processor, in turn. ``python -m tests.bench.image``.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from buildroot.dev import build, initramfs, kernel
from tests.bench.figure import Figure
from tests.image import budgets
from tests.image.machine import Machine
from tests.image.updating import CONFIRMED

ROUNDS = 5
TRY_S = 2.0
OWN, DEBIAN, OWN_KERNEL = Path("build/image-own"), Path("build/image-dev"), Path("build/kernel")
INIT = "#!/bin/busybox sh\necho ALONE\n/bin/busybox poweroff -f\n"


def find() -> Path:
    """The disk to start; Debian's is built where there is none."""
    if named := os.environ.get("RS_IMAGE"):
        return Path(named)
    for folder in (OWN, DEBIAN):
        if (disk := folder / "images" / "disk.img").exists():
            return disk
    return build.build(DEBIAN)


def alone_s(system: kernel.Kernel, initrd: Path, memory_mb: int) -> float:
    """Until the first process of busybox has said so."""
    argv = ["qemu-system-x86_64", "-machine", "pc", "-cpu", "max", "-accel", "tcg", "-smp", "1", "-m", str(memory_mb)]
    argv += ["-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot"]
    argv += ["-kernel", str(system.image), "-initrd", str(initrd), "-append", "console=ttyS0 quiet"]
    began_s = time.monotonic()
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as qemu:
        assert qemu.stdout is not None
        try:
            for line in qemu.stdout:
                if b"ALONE" in line:
                    return time.monotonic() - began_s
            raise AssertionError("the kernel ended without a word of busybox")
        finally:
            qemu.kill()


def page_s(machine: Machine) -> float:
    """From the power to the page over TLS."""
    began_s = time.monotonic()
    machine.start()
    while True:
        machine.let_run(0)  # it would wait for its console
        # QEMU takes a connection long before the box does, so each try is short.
        with contextlib.suppress(OSError, http.client.HTTPException):
            if machine.get("/", TRY_S)[0] < 500:
                return time.monotonic() - began_s


def main() -> None:
    disk = find()
    images, memory_mb = disk.parent, budgets.machine_mb(disk.parent)
    is_own = (images / "board-kernel").exists()
    system = kernel.at(OWN_KERNEL) if is_own else kernel.get()
    ours: list[float] = []
    peer: list[float] = []
    with tempfile.TemporaryDirectory() as temporary:
        init, initrd = Path(temporary) / "init", Path(temporary) / "initrd"
        init.write_text(INIT)
        init.chmod(0o755)
        initramfs.build(system, initrd, modules=(), files={"init": init})
        with Machine(disk, Path(temporary), memory_mb=memory_mb) as machine:
            machine.start()
            machine.log_in()
            machine.wait_for_page()
            machine.wait_until(CONFIRMED)
            machine.run("sync")
            for _ in range(ROUNDS):
                machine.cut_power()
                peer.append(alone_s(system, initrd, memory_mb))
                ours.append(page_s(machine))
            machine.log_in()
            machine.wait_until(CONFIRMED)
            found = re.search(r"MemAvailable: +(\d+) kB", machine.run("cat /proc/meminfo"))
            assert found is not None
    times, alone = statistics.median(ours), statistics.median(peer)
    more = {"memory_mb": memory_mb, "own_kernel": is_own}
    Figure("image.start", times, alone, "s", 6, times <= 6 * alone, True, ROUNDS, 1, more).tell()
    left_mb = int(found[1]) / 1024
    Figure("image.available", left_mb, None, "MB", 24, left_mb >= 24, digits=1, more=more).tell()
    root_mb = (images / "rootfs.squashfs").stat().st_size / 1e6
    Figure("image.root", root_mb, None, "MB", 48, root_mb <= 48, is_less=True, digits=1, more=more).tell()


if __name__ == "__main__":
    main()
