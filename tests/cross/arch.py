"""The architectures of boards that are not the computer we develop on, and what builds, runs and boots them here."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Arch:
    """``debian``: whose packages fit, "" where Debian 12 has none; ``sanitizer``: what UBSan needs without libubsan;
    ``machine``: how QEMU boots ``kernel``."""

    name: str
    debian: str
    triplet: str
    sanitizer: tuple[str, ...] = ()
    atomic: str = ""
    kernel: str = ""
    machine: tuple[str, ...] = ()
    console: str = "ttyAMA0"

    @property
    def qemu(self) -> str:
        return f"qemu-{self.name.replace('armhf', 'arm')}"


_TRAP = ("-fsanitize-undefined-trap-on-error",)
ARCHES = (
    Arch(
        "aarch64", "arm64", "aarch64-linux-gnu", kernel="linux-image-arm64",
        machine=("qemu-system-aarch64", "-machine", "virt", "-cpu", "cortex-a53", "-m", "256"),
    ),
    Arch(
        "armhf", "armhf", "arm-linux-gnueabihf", kernel="linux-image-armmp",
        machine=("qemu-system-arm", "-machine", "virt", "-cpu", "cortex-a15", "-m", "256"),
    ),
    Arch(
        "mipsel", "mipsel", "mipsel-linux-gnu", _TRAP, "-latomic", "linux-image-4kc-malta",
        ("qemu-system-mipsel", "-machine", "malta", "-m", "256"), "ttyS0",
    ),
    Arch("mips", "", "mips-linux-gnu", _TRAP, "-latomic"),
)  # fmt: skip


def chosen() -> list[Arch]:
    """Those that ``RS_ARCH`` names, all without it."""
    names = os.environ.get("RS_ARCH", "").split() or [arch.name for arch in ARCHES]
    unknown = set(names) - {arch.name for arch in ARCHES}
    if unknown:
        raise SystemExit(f"ARCH: {' '.join(sorted(unknown))} is none of {' '.join(arch.name for arch in ARCHES)}")
    return [arch for arch in ARCHES if arch.name in names]
