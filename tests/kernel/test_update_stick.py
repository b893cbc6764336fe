"""An update from a stick that is cancelled lets go of it, and a boot partition that was left mounted is taken anew."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from firmware.daemon import firmware_updates
from firmware.daemon.firmware_updates import FirmwareUpdates
from firmware.kernel.slots import Slots
from tests.kernel.test_backup_stick import plugged
from tests.lab import netns

pytestmark = pytest.mark.kernel

TOOL = Path(__file__).parents[2] / "buildroot/board/common/overlay/usr/sbin/boot-slots"
# The installer itself, on a stick whose file takes for ever to be read.
INSTALL = """
import time
from pathlib import Path
from firmware.daemon import installer
from firmware.kernel.slots import Slots

class Slow(installer.Installer):
    def install(self, read, **options):
        assert read(4) == b"slow"
        self.tell(phase="writing")
        time.sleep(600)

installer.Installer = Slow
installer.slots.find = lambda: Slots("A", "B", Path("/none"), 0)
installer.bundle.own = lambda version: installer.bundle.Own(version, "x86_64", "1", Path("/none"))
installer.usb.plugged_in = lambda: [Path("{device}")]
sys.exit(installer.main(sys.argv[1:]))
"""
# A machine's start-up in a mount namespace: the kernel here has no vfat, so that one word is another.
LEFT = """
/bin/mount -t tmpfs tmpfs /run && mkdir /run/boot && /bin/mount -t ext4 "$1" /run/boot && exec boot-slots A_TRY=0
"""


def test_a_cancelled_update_lets_go_of_the_stick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Slots("A", "B", tmp_path / "slot-b", 1 << 20)
    (tmp_path / "run").mkdir()
    (tmp_path / "run/started-well").touch()
    updates = FirmwareUpdates(tmp_path / "state", tmp_path / "run", find=lambda: place)
    with plugged(filled(tmp_path / "stick", "rs-9.0.0-x86_64.swu", "slow")) as device:
        monkeypatch.setattr(firmware_updates, "_INSTALL", INSTALL.replace("{device}", str(device)))
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # as rsd does, which waits for it
        try:
            updates.begin("usb")
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        netns.wait_until(lambda: updates.state()["phase"] == "writing", "the installer reads the stick")
        assert str(device) in Path("/proc/mounts").read_text()
        updates.cancel()
        assert updates.state()["phase"] == "idle"
        assert str(device) not in Path("/proc/mounts").read_text()


def test_a_boot_partition_that_was_left_mounted_is_taken_anew(tmp_path: Path) -> None:
    shims = tmp_path / "bin"
    shims.mkdir()
    with plugged(filled(tmp_path / "boot", "grubenv", "ORDER=A B\nA_TRY=1\n".ljust(1024, "#"))) as device:
        for name, line in (("findfs", f"echo {device}"), ("mount", 'shift 2; exec /bin/mount -t ext4 "$@"')):
            (shims / name).write_text(f"#!/bin/sh\n{line}\n")
            (shims / name).chmod(0o755)
        path = f"{shims}:{TOOL.parent}:{os.environ['PATH']}"
        argv = ["unshare", "--mount", "sh", "-c", LEFT, "sh", str(device)]
        done = subprocess.run(argv, env={"PATH": path}, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "ORDER=A B\nA_TRY=0\n"), done.stderr


def filled(path: Path, name: str, text: str) -> Path:
    """A file system with one file. It is not mounted for that: who begins a mount namespace of his own meanwhile (rsweb
    of another test) would keep it."""
    content = path.with_name(f"{path.name}.content")
    content.mkdir()
    (content / name).write_text(text)
    with path.open("wb") as file:
        file.truncate(8 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", "-d", content, path], check=True)
    return path
