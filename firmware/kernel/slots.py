"""The two slots of the disk that the box was started from, and what its boot loader knows of them.

GRUB's environment has ``ORDER`` and for each slot ``OK``, ``TRY`` and ``VERITY`` (docs/design/image.md); only the
program ``boot-slots`` writes it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from firmware.kernel import command

_SECTOR_BYTES = 512  # sysfs counts in these, whatever the disk has


class Slots(NamedTuple):
    """Which slot is running (``A`` or ``B``), and where the other one lies."""

    own: str
    other: str
    device: Path
    size_bytes: int

    def boot_values(self) -> dict[str, str]:
        """What GRUB's environment says. Raises CommandError."""
        return parse_block(command.run(("boot-slots",)))

    def confirm_start(self) -> bool:
        """This start went well. Returns whether GRUB has passed over the other slot, which comes first, because it was
        started twice in vain. Raises CommandError."""
        values, other = self._set(f"{self.own}_TRY=0", f"{self.own}_OK=1"), self.other
        is_first = values.get("ORDER", "").startswith(other) and values.get(f"{other}_OK") == "1"
        return is_first and values.get(f"{other}_TRY") == "2"

    def close_other(self) -> None:
        """The other slot must not be started any more. Raises CommandError."""
        self._set(f"ORDER={self.own} {self.other}", f"{self.other}_OK=0", f"{self.other}_TRY=0")

    def start_other(self, verity: str) -> None:
        """The other slot is tried at the next start, opened with its hash tree. Raises CommandError."""
        other = self.other
        values = (f"{other}_OK=1", f"{other}_TRY=0", f"{other}_VERITY={verity}")
        self._set(f"ORDER={other} {self.own}", *values)

    def _set(self, *values: str) -> dict[str, str]:
        return parse_block(command.run(("boot-slots", *values)))


def parse_block(text: str) -> dict[str, str]:
    """The values of an environment block."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def find(cmdline: Path = Path("/proc/cmdline"), sysfs: Path = Path("/sys")) -> Slots | None:
    """The slots; ``None`` where the box was not started from an image, or by another boot loader than ours."""
    try:
        own = re.search(r"\brs\.slot=([AB])\b", cmdline.read_text())
        if own is None:
            return None
        other = "B" if own[1] == "A" else "A"
        return _of_disk(_disk(sysfs), own[1], other)
    except OSError:
        return None


def _disk(sysfs: Path) -> Path:
    """The disk that holds the root: directly, or below dm-verity."""
    number = Path("/").stat().st_dev
    device = (sysfs / "dev/block" / f"{os.major(number)}:{os.minor(number)}").resolve()
    below = list((device / "slaves").glob("*"))
    return (below[0].resolve() if below else device).parent


def _of_disk(disk: Path, own: str, other: str) -> Slots:
    for uevent in disk.glob("*/uevent"):
        values = parse_block(uevent.read_text())
        if values.get("PARTNAME") == f"slot-{other.lower()}":
            size = int((uevent.parent / "size").read_text()) * _SECTOR_BYTES
            return Slots(own, other, Path("/dev", values["DEVNAME"]), size)
    return Slots(own, other, Path("/dev/null"), 0)  # a start can be confirmed all the same


def reboot() -> None:
    """Start the box again, in order."""
    command.run(("reboot",))
