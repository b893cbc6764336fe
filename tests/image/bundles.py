"""Bundles of the reference image: a good one, and each kind that a box must refuse or fall back from."""

from __future__ import annotations

import functools
import http.server
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from buildroot.dev import bundle, disk, initramfs, kernel, signing

HOST = "192.168.8.254"  # this machine, as QEMU's LAN shows it to the guest


def make(folder: Path, images: Path, version: str, *, board: str = bundle.BOARD, stranger: bool = False) -> Path:
    """The image's own slot under another name."""
    by = signing.signer(folder / "stranger") if stranger else signing.signer()
    target = folder / f"rs-{version}-{board}{'-stranger' if stranger else ''}.swu"
    verity = str(bundle.verity_of(images))
    shutil.copy(images / "rootfs.squashfs", folder)  # a link must not leave the file system
    return bundle.make(target, folder / "rootfs.squashfs", verity, version=version, board=board, by=by)


def make_broken(folder: Path, images: Path, version: str, spoil: Callable[[Path], None]) -> Path:
    """The image's slot after ``spoil`` had its root; all else is as it should be."""
    root, slot = folder / "root", folder / "broken.squashfs"
    subprocess.run(["cp", "-al", str(images.parent / "root"), str(root)], check=True)
    spoil(root)
    verity = disk.squash(root, slot)
    shutil.rmtree(root)
    target = folder / f"rs-{version}-{bundle.BOARD}.swu"
    return bundle.make(target, slot, str(verity), version=version, board=bundle.BOARD, by=signing.signer())


def crash_rsd(root: Path) -> None:
    """rsd ends as soon as it is started."""
    _replace(root / "usr/lib/rs/firmware/daemon/rsd.pyc", b"this is no bytecode")


def lose_network(root: Path) -> None:
    """Whoever asks the lines' providers for an address ends at once: no line comes up."""
    program = root / "usr/sbin/dhcpcd"
    _replace(program, b"#!/bin/sh\nexit 1\n")
    program.chmod(0o755)


def panic(root: Path) -> None:
    """The first process ends at once, which the kernel does not survive."""
    with tempfile.TemporaryDirectory() as temporary:
        init = Path(temporary) / "init"
        init.write_text("#!/bin/busybox sh\n")
        init.chmod(0o755)
        made = Path(temporary) / "initrd"
        initramfs.build(kernel.get(), made, modules=(), files={"init": init})
        _replace(root / "boot/initrd", made.read_bytes())


def hang(root: Path) -> None:
    """The kernel's first instruction jumps to itself: nothing that it has inside can end that."""
    program = bytearray((root / "boot/bzImage").read_bytes())
    entry = (program[0x1F1] + 1) * 512  # Documentation/x86/boot.rst: setup_sects
    program[entry : entry + 2] = b"\xeb\xfe"
    _replace(root / "boot/bzImage", bytes(program))


def _replace(path: Path, content: bytes) -> None:
    path.unlink()  # a link to the image's own
    path.write_bytes(content)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address under which the guest finds the folder's files."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            """Nobody reads it."""

        def copyfile(self, source: Any, outputfile: Any) -> None:
            """Whoever refuses a bundle hangs up in the middle."""
            with suppress(ConnectionError):
                super().copyfile(source, outputfile)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{HOST}:{server.server_port}"
        server.shutdown()
