"""The boot menu's factory reset, on a console of its own: a disk that keeps everything is not said to be reset."""

from __future__ import annotations

import os
import select
import subprocess
import time
from pathlib import Path

import pytest

from tests.kernel.test_backup_stick import formatted, plugged

pytestmark = pytest.mark.kernel

TOOLS = Path(__file__).parents[2] / "buildroot/board/common/overlay/usr/sbin"
# What the box has at this moment of its start; the root is another one, so that ours gets no /data.
SYSTEM = """
set -e
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs "$1/data"
[ -z "$4" ] || mount -t ext4 "$4" "$1/data"
mkdir -p "$1/data/rs/business"
touch "$1/data/rs/config.json"
for name in bin sbin lib lib64 usr dev proc sys run; do
    [ ! -e /$name ] || { mkdir -p "$1/$name"; mount --rbind /$name "$1/$name"; }
done
mount --bind "$2" "$1/proc/cmdline"
mount --bind "$3" "$1/sys/class/tty/console/active"
chroot "$1" busybox sh /tools/factory-reset
ls -A "$1/data/rs"
"""


@pytest.mark.parametrize("is_worn", [True, False])
def test_it_resets_the_disk_or_says_that_it_cannot(tmp_path: Path, is_worn: bool) -> None:
    root, console = tmp_path / "root", os.openpty()
    for name in ("data", "tools"):
        (root / name).mkdir(parents=True)
    for name in ("factory-reset", "reset-asked"):
        (root / "tools" / name).write_bytes((TOOLS / name).read_bytes())
        (root / "tools" / name).chmod(0o755)
    (tmp_path / "cmdline").write_text("ro rs.slot=A rs.reset=wipe panic=10\n")
    (tmp_path / "active").write_text(f"{os.ttyname(console[1]).removeprefix('/dev/')}\n")
    with plugged(formatted(tmp_path / "disk")) as device:
        argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", SYSTEM, "sh", str(root)]
        argv += [str(tmp_path / "cmdline"), str(tmp_path / "active"), "" if is_worn else str(device)]
        system = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env={"PATH": f"/tools:{os.environ['PATH']}"})
        os.write(console[0], b"WIPE\n")
        left, _ = system.communicate(timeout=60)
        said = _shown(console[0])
    for end in console:
        os.close(end)
    if is_worn:
        assert "nothing was reset" in said
        assert "The router was reset" not in said
        assert left.split() == ["business", "config.json"]
    else:
        assert "The router was reset" in said
        assert left == ""


def _shown(console: int) -> str:
    """All that stands on it."""
    said, deadline_s = b"", time.monotonic() + 5
    while time.monotonic() < deadline_s and select.select([console], [], [], 0.2)[0]:
        said += os.read(console, 4096)
    return said.decode(errors="replace").replace("\r", "")
