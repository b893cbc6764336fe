"""``make rsflash``: one file that runs wherever there is Python 3.11, with segno (BSD) for the code on the label."""

from __future__ import annotations

import shutil
import sys
import tempfile
import zipapp
from importlib.util import find_spec
from pathlib import Path

_FLASH = Path(__file__).parents[1] / "flash"


def build(target: Path) -> Path:
    """Writes ``rsflash.pyz``."""
    found = find_spec("segno")
    if found is None or found.origin is None:
        raise SystemExit("segno is missing in the Python environment: make build")
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        for source, place in ((_FLASH, "buildroot/flash"), (Path(found.origin).parent, "segno")):
            shutil.copytree(source, root / place, ignore=shutil.ignore_patterns("__pycache__", "*.pyi", "py.typed"))
        for package in ("buildroot", "buildroot/flash"):
            (root / package / "__init__.py").touch()
        target.parent.mkdir(parents=True, exist_ok=True)
        zipapp.create_archive(root, target, "/usr/bin/env python3", "buildroot.flash.main:main", compressed=True)
    return target


if __name__ == "__main__":
    print(build(Path(sys.argv[1])))
