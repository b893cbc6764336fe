"""The initial file system of the virtual machine: 9p, an overlay and the script ``init``."""

from __future__ import annotations

from pathlib import Path

from buildroot.dev import initramfs
from buildroot.dev.kernel import Kernel

_INIT = Path(__file__).with_name("init.sh")
_MODPROBE = Path(__file__).with_name("modprobe.sh")
_MODULES = ("virtio_pci", "9pnet_virtio", "9p", "overlay")


def build(kernel: Kernel, target: Path) -> None:
    """Writes the compressed archive."""
    initramfs.build(kernel, target, modules=_MODULES, files={"init": _INIT, "modprobe": _MODPROBE})
