"""What the disk tells about itself, from a sysfs of the test's own."""

from __future__ import annotations

import os
from pathlib import Path

from firmware.kernel.storage import Trouble, trouble


def sysfs(tmp_path: Path, errors: int, folder: Path | None = None) -> Path:
    """As if the folder (``tmp_path``) lay on ext4."""
    number = (folder or tmp_path).stat().st_dev
    blocks = tmp_path / "sys/dev/block"
    blocks.mkdir(parents=True)
    (tmp_path / "sys/devices/vda5").mkdir(parents=True)
    (blocks / f"{os.major(number)}:{os.minor(number)}").symlink_to("../../devices/vda5")
    ext4 = tmp_path / "sys/fs/ext4/vda5"
    ext4.mkdir(parents=True)
    (ext4 / "errors_count").write_text(f"{errors}\n")
    return tmp_path / "sys"


def test_a_disk_that_is_well(tmp_path: Path) -> None:
    assert trouble(tmp_path, in_memory=tmp_path / "no", sysfs=sysfs(tmp_path, 0)) is None


def test_errors_are_counted(tmp_path: Path) -> None:
    assert trouble(tmp_path, in_memory=tmp_path / "no", sysfs=sysfs(tmp_path, 3)) == Trouble("errors", 3)


def test_a_copy_in_memory_is_told_before_all_else(tmp_path: Path) -> None:
    (tmp_path / "worn").touch()
    assert trouble(tmp_path, in_memory=tmp_path / "worn", sysfs=sysfs(tmp_path, 3)) == Trouble("memory")


def test_one_that_refuses_every_file_is_read_only_whatever_it_calls_itself(tmp_path: Path) -> None:
    folder = Path("/proc")  # mounted for writing, and nobody can make a file there
    assert trouble(folder, in_memory=tmp_path / "no", sysfs=sysfs(tmp_path, 3, folder)) == Trouble("read_only", 3)
    assert list(tmp_path.glob(".probe")) == []
