"""Which disks there are, what lies on them, and which of them may be written: never one that this system uses."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from buildroot.flash import gpt

_NO_DISKS = ("loop", "ram", "zram", "dm-", "md", "sr", "fd", "nbd")
_READ_BYTES = 1 << 16


class Disk(NamedTuple):
    """``content`` are the names of its partitions; ``in_use`` says by what, empty when it is free."""

    name: str
    size: int
    model: str
    serial: str
    removable: bool
    content: tuple[str, ...]
    in_use: str

    @property
    def path(self) -> Path:
        return Path("/dev") / self.name


def disks(sys: Path = Path("/sys"), proc: Path = Path("/proc"), dev: Path = Path("/dev")) -> list[Disk]:
    """All disks that have a medium, in the kernel's order of names."""
    used = _used(sys, proc)
    found = []
    for folder in sorted((sys / "block").iterdir()):
        size = int(_text(folder / "size") or 0) * 512
        if folder.name.startswith(_NO_DISKS) or not size or _is_boot_area(folder.name):
            continue
        numbers = {_text(folder / "dev"), *(_text(path) for path in folder.glob(f"{folder.name}*/dev"))}
        why = next((used[number] for number in sorted(numbers) if number in used), "")
        if not why and _text(folder / "ro") == "1":
            why = "read-only"
        model = _text(folder / "device/model") or _text(folder / "device/name") or _text(folder / "device/vendor")
        serial = _text(folder / "serial") or _text(folder / "device/serial")
        removable = _text(folder / "removable") == "1" or "/usb" in str(folder.resolve())
        content = _content(dev / folder.name)
        found.append(Disk(folder.name, size, model, serial, removable, content, why))
    return found


def _is_boot_area(name: str) -> bool:
    """eMMC shows its boot and replay-protected areas as disks of their own."""
    return name.startswith("mmcblk") and ("boot" in name or "rpmb" in name)


def _used(sys: Path, proc: Path) -> dict[str, str]:
    """major:minor of whatever is mounted or swapped to, and of what these lie on, with the reason."""
    found: dict[str, str] = {}
    for line in _text(proc / "self/mountinfo").splitlines():
        fields = line.split()
        found.setdefault(fields[2], fields[4])
    for line in _text(proc / "swaps").splitlines()[1:]:
        name = line.split()[0].rpartition("/")[2]
        for path in (sys / "class/block" / name / "dev",):
            found[_text(path)] = "swap"
    waiting = list(found)
    while waiting:  # a mapped or loop device is used by whom its slaves belong to
        number = waiting.pop()
        for slave in (sys / "dev/block" / number / "slaves").glob("*"):
            below = _text(slave / "dev")
            if below not in found:
                found[below] = found[number]
                waiting.append(below)
    found.pop("", None)
    return found


def _content(path: Path) -> tuple[str, ...]:
    """What the partition table names; a disk without one may still hold a file system."""
    try:
        with path.open("rb") as file:
            head = file.read(_READ_BYTES)
    except OSError:
        return ()
    try:
        return tuple(part.name or "?" for part in gpt.partitions(_Head(head)))
    except gpt.TableError:
        pass
    kinds = {
        "MBR": head[510:512] == b"\x55\xaa",
        "ext4": head[1080:1082] == b"\x53\xef",
        "squashfs": head[:4] == b"hsqs",
    }
    return tuple(name for name, is_there in kinds.items() if is_there)[:1]


class _Head:
    """The first bytes of a disk, to be read only."""

    def __init__(self, data: bytes) -> None:
        self._data, self.size = data, len(data)

    def read(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + length].ljust(length, b"\0")

    def write(self, offset: int, data: bytes) -> None:
        raise OSError("only to be read")


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
