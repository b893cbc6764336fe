"""Backups on a stick with a real file system: mounted as long as it is written, old ones go, trouble is said."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from firmware.daemon import backup_send
from firmware.kernel import usb

pytestmark = pytest.mark.kernel

MB = 1 << 20
Send = Callable[..., dict[str, Any]]


@contextmanager
def plugged(image: Path, *options: str) -> Iterator[Path]:
    """The file as a disk."""
    done = subprocess.run(["losetup", "--find", "--show", *options, image], capture_output=True, text=True, check=True)
    device = Path(done.stdout.strip())
    try:
        yield device
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)


def formatted(path: Path, size_mb: int = 8) -> Path:
    with path.open("wb") as file:
        file.truncate(size_mb * MB)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", path], check=True)
    return path


@pytest.fixture
def send(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Send:
    def send(*devices: Path, name: str, size_bytes: int = 100_000) -> dict[str, Any]:
        (tmp_path / "file").write_bytes(b"x" * size_bytes)
        monkeypatch.setattr(usb, "plugged_in", lambda: list(devices))
        job = {
            "kind": "usb", "file": str(tmp_path / "file"), "name": name, "keep": 2, "hostname": "rs",
            "mount_point": str(tmp_path / "mount"),
        }  # fmt: skip
        return backup_send.run(json.dumps(job))

    return send


def names(device: Path, folder: Path) -> list[str]:
    """What lies on the stick, seen by another mount: ours is gone by then."""
    assert not (folder / "mount").is_mount()
    (folder / "look").mkdir(exist_ok=True)
    with usb.mounted(device, folder / "look"):
        return sorted(path.name for path in (folder / "look").iterdir() if path.name != "lost+found")


def test_so_many_stay_on_the_stick(send: Send, tmp_path: Path) -> None:
    with plugged(formatted(tmp_path / "stick")) as device:
        for day in (1, 2, 3):
            assert send(device, name=f"rs-2026010{day}-030000.rsbackup") == {"left": []}
        assert names(device, tmp_path) == ["rs-20260102-030000.rsbackup", "rs-20260103-030000.rsbackup"]


def test_the_first_that_can_be_read_is_taken(send: Send, tmp_path: Path) -> None:
    (tmp_path / "blank").write_bytes(bytes(MB))
    stick = formatted(tmp_path / "stick")
    with plugged(tmp_path / "blank") as blank, plugged(stick) as device:
        assert send(blank, device, name="rs-20260101-030000.rsbackup") == {"left": []}
        assert names(device, tmp_path) == ["rs-20260101-030000.rsbackup"]


def test_trouble_with_a_stick_is_said(send: Send, tmp_path: Path) -> None:
    name = "rs-20260101-030000.rsbackup"
    assert send(name=name) == {"error": backup_send.NO_STICK}
    (tmp_path / "blank").write_bytes(bytes(MB))
    with plugged(tmp_path / "blank") as device:
        assert send(device, name=name) == {"error": backup_send.NO_MOUNT}
    with plugged(formatted(tmp_path / "stick")) as device:
        assert send(device, name=name, size_bytes=9 * MB) == {"error": backup_send.STICK_FULL}
        assert names(device, tmp_path) == []
    with plugged(tmp_path / "stick", "--read-only") as device:
        assert send(device, name=name) == {"error": backup_send.STICK_READ_ONLY}
