"""Whether the disk still takes what is written: what the file system below a folder tells about itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, NamedTuple

_IN_MEMORY = Path("/run/disk-worn")  # made by mount-data, which then serves from a copy


class Trouble(NamedTuple):
    """``memory``: from the start on it could not be written; ``read_only``: not any more; ``errors``: now and then."""

    kind: Literal["memory", "read_only", "errors"]
    errors: int = 0


def trouble(folder: Path, *, in_memory: Path = _IN_MEMORY, sysfs: Path = Path("/sys")) -> Trouble | None:
    """What is wrong with the disk that holds the folder; ``None`` when all is well."""
    if in_memory.exists():
        return Trouble("memory")
    errors = _ext4_errors(folder, sysfs)
    if is_read_only(folder, sysfs=sysfs):
        return Trouble("read_only", errors)
    return Trouble("errors", errors) if errors else None


def is_read_only(folder: Path, *, sysfs: Path = Path("/sys")) -> bool:
    """Whether nothing can be written there, by anybody. ext4 whose journal has failed refuses everything, and does not
    call itself read-only any more (Linux 6.12, also Debian's 6.1): where it has noted errors it is tried."""
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        return True
    return _ext4_errors(folder, sysfs) > 0 and not _takes_a_file(folder)


def _takes_a_file(folder: Path) -> bool:
    probe = folder / ".probe"
    try:
        probe.touch(mode=0o600)
        probe.unlink()
    except OSError:
        return False
    return True


def _ext4_errors(folder: Path, sysfs: Path) -> int:
    """How many errors ext4 has noted since it was last checked; 0 for other file systems."""
    device = folder.stat().st_dev
    try:
        name = (sysfs / f"dev/block/{os.major(device)}:{os.minor(device)}").resolve().name
        return int((sysfs / f"fs/ext4/{name}/errors_count").read_text())
    except OSError:
        return 0
