"""Debian's full kernel, unpacked beside the system: the reference image and the machine in tests/vm start it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_PACKAGE = "linux-image-amd64"


@dataclass(frozen=True)
class Kernel:
    """An unpacked kernel package with the module index made."""

    release: str
    root: Path

    @property
    def image(self) -> Path:
        return self.root / "boot" / f"vmlinuz-{self.release}"

    @property
    def modules(self) -> Path:
        return self.root / "lib" / "modules" / self.release

    def dependencies(self, names: Iterable[str]) -> list[Path]:
        """The files of the named modules and of all they need, in the order to load them."""
        needs: dict[str, list[str]] = {}
        for line in (self.modules / "modules.dep").read_text().splitlines():
            path, _, others = line.partition(":")
            needs[path] = others.split()
        by_name = {Path(path).stem.replace("-", "_"): path for path in needs}
        ordered: dict[str, None] = {}

        def visit(path: str) -> None:
            for other in needs[path]:
                visit(other)
            ordered[path] = None

        for name in names:
            visit(by_name[name.replace("-", "_")])
        return [self.modules / path for path in ordered]


def get() -> Kernel:
    """The kernel from the cache, or from Debian's archive when the cache is empty."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "r-series" / "kernel"
    if not cache.is_dir():
        cache.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache.parent) as temporary:
            _download(Path(temporary))
            (Path(temporary) / "root").rename(cache)
    return at(cache)


def at(root: Path) -> Kernel:
    """The one kernel that lies below a folder."""
    (release,) = [path.name for path in (root / "lib" / "modules").iterdir()]
    return Kernel(release, root)


def _download(directory: Path) -> None:
    fields = ["dpkg-deb", "-f", str(_fetch(_PACKAGE, directory)), "Depends"]
    depends = subprocess.run(fields, check=True, capture_output=True, text=True).stdout
    package = _fetch(depends.split()[0], directory)
    root = directory / "root"
    subprocess.run(["dpkg-deb", "-x", str(package), str(root)], check=True)
    shutil.rmtree(root / "usr")
    (release,) = [path.name for path in (root / "lib" / "modules").iterdir()]
    subprocess.run(["busybox", "depmod", "-b", str(root), release], check=True)


def _fetch(name: str, directory: Path) -> Path:
    # The sandbox user of apt cannot write into a directory of ours.
    argv = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", name]
    subprocess.run(argv, cwd=directory, check=True)
    (path,) = directory.glob(f"{name}_*.deb")
    return path
