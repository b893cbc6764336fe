"""The fastpath built for another architecture, and its programs run by qemu-user."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.cross import sysroot
from tests.cross.arch import Arch

ROOT = Path(__file__).parents[2]


def make(arch: Arch, *targets: str) -> str:
    """What ``make`` of fastpath/ printed. :raise AssertionError: with its last words, when it failed."""
    argv = ["nice", "make", f"-j{os.cpu_count()}", "-C", "fastpath", f"PYTHON={sys.executable}", "NDPI=0"]
    argv += [f"BUILD=../build/cross/{arch.name}/fastpath", f"AR={arch.triplet}-ar", f"ATOMIC={arch.atomic}"]
    argv += [f"CC={' '.join(_compiler(arch))}", f"RUN={' '.join(run(arch))}"]
    argv += [f"SANITIZE={' '.join(('-fsanitize=undefined -fno-sanitize-recover=all -O1 -g', *arch.sanitizer))}"]
    done = subprocess.run([*argv, *targets], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def program(arch: Arch, name: str) -> Path:
    return sysroot.BUILD / arch.name / "fastpath" / name


def run(arch: Arch) -> list[str]:
    """What stands before a program of the architecture so that it runs here."""
    return [f"{arch.qemu}-static", "-L", str(sysroot.get(arch) if arch.debian else f"/usr/{arch.triplet}")]


def _compiler(arch: Arch) -> list[str]:
    root = sysroot.get(arch)
    places = [f"--sysroot={root}"] if arch.debian else [f"-I{root}/usr/include", f"-L{root}/usr/lib"]
    return [f"{arch.triplet}-gcc", *places]
