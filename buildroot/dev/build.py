"""``make image-dev``: the reference image, from Debian's packages with the boards' overlay and disk; needs root."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from buildroot.dev import disk, initramfs, kernel, rootfs, signing

_INIT = Path(__file__).with_name("init")
_MODULES = ("i6300esb", "virtio_pci", "virtio_blk", "dm_verity", "squashfs")


def build(target: Path, own_kernel: Path | None = None) -> Path:
    """Builds ``target/disk.img`` and returns it. The root's tree is kept beside it, to be looked at.

    The kernel is Debian's, or that which ``make kernel`` has built: it has built in what an initial file system needs.
    """
    if os.geteuid() != 0:
        raise SystemExit("make image-dev writes a file system of root's: start it as root")
    root, images = target / "root", target / "images"
    for folder in (root, images):
        shutil.rmtree(folder, ignore_errors=True)
    images.mkdir(parents=True)
    began_s = time.monotonic()

    def tell(text: str) -> None:
        print(f"{time.monotonic() - began_s:5.0f} s  {text}", flush=True)

    tell("Debian's packages")
    rootfs.unpack(root)
    tell("initial file system")
    system = kernel.at(own_kernel) if own_kernel else kernel.get()
    with tempfile.TemporaryDirectory() as temporary:
        initrd = Path(temporary) / "initrd"
        opener = root / "usr/sbin/dmsetup"
        files = {"init": _INIT, "sbin/dmsetup": opener}
        files |= {f"{_folder(name)}/{name}": path for name, path in rootfs.libraries(root, opener).items()}
        initramfs.build(system, initrd, modules=() if own_kernel else _MODULES, files=files, level=9)
        tell("what the product runs")
        rootfs.cut_down(root)
        rootfs.install(root, Path(sys.executable))
        rootfs.install_trust(root, signing.signer().certificate)
        rootfs.install_kernel(root, system, initrd, whole=own_kernel is not None)
    tell("slot")
    slot = images / "rootfs.squashfs"
    verity = disk.squash(root, slot)
    if own_kernel:
        (images / "board-kernel").touch()  # what the tests may ask of its memory
    slot.with_suffix(".verity").write_text(f"{verity}\n")  # for make bundle
    tell("disk")
    made = disk.make(images, slot, verity)
    tell(f"{made}: slot {slot.stat().st_size / 1e6:.1f} MB, on this disk {made.stat().st_blocks * 512 / 1e6:.0f} MB")
    return made


def _folder(library: str) -> str:
    return "lib64" if library.startswith("ld-linux") else "lib"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path, nargs="?", default=Path("build/image-dev"))
    parser.add_argument("--kernel", type=Path, help="what make kernel has built; else Debian's")
    arguments = parser.parse_args()
    build(arguments.target, arguments.kernel)


if __name__ == "__main__":
    main()
