"""Sticks at USB: found by the bus that they hang at, mounted only as long as somebody needs them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from firmware.kernel import command
from firmware.kernel.errors import CommandError

_DRIVERS = ("usb-storage", "sd_mod", "vfat")
_SEEN_S = 5.0  # a stick that was just plugged in, or whose driver was just loaded, is looked at by the kernel first
_KINDS = ("vfat", "ext4")


def partitions(sysfs: Path = Path("/sys")) -> list[Path]:
    """Devices of partitions, or of whole disks without any, that hang at USB."""
    found = []
    for disk in sorted((sysfs / "block").glob("*")):
        if "/usb" in str(disk.resolve()):
            parts = sorted(path.name for path in disk.glob(f"{disk.name}*") if (path / "partition").exists())
            found += [Path("/dev", name) for name in parts or [disk.name]]
    return found


def plugged_in() -> list[Path]:
    """The same, with the drivers loaded and once the kernel has looked at what is there."""
    with suppress(CommandError):  # they may be built in
        command.run(("modprobe", "-a", "-q", *_DRIVERS), quiet=True)
    deadline_s = time.monotonic() + _SEEN_S
    while not (found := partitions()) and time.monotonic() < deadline_s:
        time.sleep(0.5)
    return found


@contextmanager
def mounted(device: Path, where: Path, *, is_writable: bool = False) -> Iterator[None]:
    """A file system as long as the block lasts, and never anything to run from. Raises CommandError."""
    options = f"{'rw,noatime' if is_writable else 'ro'},nosuid,noexec,nodev"
    for kind in _KINDS:
        try:
            command.run(("mount", "-t", kind, "-o", options, str(device), str(where)), quiet=True)
        except CommandError:
            if kind == _KINDS[-1]:
                raise
        else:
            break
    try:
        yield
    finally:
        os.sync()
        with suppress(CommandError):
            command.run(("umount", str(where)), timeout_s=120.0)
