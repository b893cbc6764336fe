"""An initial file system: static busybox, modules in the order to load them, whatever files its first process needs."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from buildroot.dev.kernel import Kernel

_BUSYBOX = Path("/usr/bin/busybox")


def build(
    kernel: Kernel,
    target: Path,
    *,
    modules: Sequence[str],
    files: Mapping[str, Path],
    level: int = 1,
    busybox: Path = _BUSYBOX,
    strip: str = "strip",
) -> None:
    """Writes the compressed archive. ``files`` says what stands where; modules lie in ``lib`` as ``NN-name.ko``.

    Another architecture has a ``busybox`` and a ``strip`` of its own.
    """
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        for name in ("bin", "dev", "lib", "new", "proc", "sys"):
            (root / name).mkdir()
        shutil.copy(busybox, root / "bin" / "busybox")
        for place, file in files.items():
            (root / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, root / place)
        for number, module in enumerate(kernel.dependencies(modules)):
            stripped = root / "lib" / f"{number:02d}-{module.name}"
            subprocess.run(
                [strip, "--strip-debug", "--remove-section=.BTF", "-o", str(stripped), str(module)], check=True
            )
        paths = sorted(root.rglob("*"))
        names = "".join(f"{path.relative_to(root)}\n" for path in paths)
        archive = subprocess.run(
            ["cpio", "--quiet", "--reproducible", "-o", "-H", "newc"],
            cwd=root,
            input=names.encode(),
            check=True,
            capture_output=True,
        )
    target.write_bytes(gzip.compress(archive.stdout, level, mtime=0))
