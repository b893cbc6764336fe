"""The initial file system of the virtual machine: static busybox, a few modules and the script ``init``."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.vm.kernel import Kernel

_BUSYBOX = Path("/usr/bin/busybox")
_INIT = Path(__file__).with_name("init.sh")
_MODPROBE = Path(__file__).with_name("modprobe.sh")
_MODULES = ("virtio_pci", "9pnet_virtio", "9p", "overlay")


def build(kernel: Kernel, target: Path) -> None:
    """Writes the compressed archive; modules lie in it in the order in which ``init`` loads them."""
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        for name in ("bin", "dev", "lib", "new", "proc", "sys"):
            (root / name).mkdir()
        shutil.copy(_BUSYBOX, root / "bin" / "busybox")
        shutil.copy(_INIT, root / "init")
        shutil.copy(_MODPROBE, root / "modprobe")
        for number, module in enumerate(kernel.dependencies(_MODULES)):
            stripped = root / "lib" / f"{number:02d}-{module.name}"
            subprocess.run(["strip", "--strip-debug", "-o", str(stripped), str(module)], check=True)
        names = "".join(f"{path.relative_to(root)}\n" for path in sorted(root.rglob("*")))
        archive = subprocess.run(
            ["cpio", "--quiet", "-o", "-H", "newc"], cwd=root, input=names.encode(), check=True, capture_output=True
        )
    target.write_bytes(gzip.compress(archive.stdout, 1))
