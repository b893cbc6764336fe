"""``make kernel``: the x86_64 board's own kernel, from Debian's source with the configuration that Buildroot's has.

Debian's generic kernel keeps 51 MB of memory for itself (docs/design/image.md). Building takes a quarter of an hour of
processor time, so ``make image-dev`` has Debian's unless it is told ``KERNEL=build/kernel``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from buildroot.dev.disk import TREE

_SOURCE = Path("/usr/src/linux-source-6.1.tar.xz")
_CONFIGURATION = ("x86_64/linux.config", "common/image.fragment", "common/datapath.fragment")
# An option that Debian's series asks for and that of Buildroot's kernel does not know any more
_OLDER = ("CONFIG_ZSMALLOC=y", "CONFIG_CRYPTO_LZO=y", "# CONFIG_LOCALVERSION_AUTO is not set")


def build(target: Path) -> Path:
    """Builds below ``target``: ``boot/vmlinuz-RELEASE`` and ``lib/modules/RELEASE``, as a kernel package has them."""
    source = target / "source"
    if not source.exists():
        target.mkdir(parents=True, exist_ok=True)
        new = target / "new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        subprocess.run(["tar", "-xJf", str(_SOURCE), "-C", str(new), "--strip-components=1"], check=True)
        new.rename(source)
    parts = [TREE / "board" / name for name in _CONFIGURATION]
    text = "\n".join([*(path.read_text() for path in parts), *_OLDER, ""])
    (source / ".config").write_text(text)
    _make(source, "-s", "olddefconfig")
    lost = [str(TREE / "board/common/lost-lines"), str(source / ".config"), *map(str, parts)]
    subprocess.run(lost, check=True)
    _make(source, f"-j{os.cpu_count()}", "bzImage", "modules")
    for name in ("boot", "lib"):
        shutil.rmtree(target / name, ignore_errors=True)
    _make(source, "-s", f"INSTALL_MOD_PATH={target.resolve()}", "DEPMOD=true", "modules_install")
    (modules,) = (target / "lib/modules").iterdir()
    for name in ("source", "build"):
        (modules / name).unlink(missing_ok=True)
    (target / "boot").mkdir()
    shutil.copy(source / "arch/x86/boot/bzImage", target / "boot" / f"vmlinuz-{modules.name}")
    subprocess.run(["busybox", "depmod", "-b", str(target), modules.name], check=True)
    return target


def _make(source: Path, *arguments: str) -> None:
    subprocess.run(["make", "-C", str(source), "ARCH=x86_64", *arguments], check=True)


if __name__ == "__main__":
    build(Path(sys.argv[1] if len(sys.argv) > 1 else "build/kernel"))
