"""One run of init.sh in QEMU: Debian's kernel of the architecture, an initrd with its programs, nothing else."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from buildroot.dev import initramfs
from buildroot.dev.kernel import Kernel
from tests.cross import sysroot
from tests.cross.arch import Arch

_MODULES = (
    "crc32c_generic", "veth", "nf_tables", "nft_ct", "nft_masq", "nft_chain_nat", "nft_queue", "nft_reject_inet",
    "nf_conntrack_netlink", "nfnetlink_queue",
)  # fmt: skip
_INIT = Path(__file__).with_name("init.sh")


def run(arch: Arch, programs: Sequence[Path], data: Mapping[str, Path], work: Path, timeout_s: float) -> str:
    """What the machine said on its console. ``data`` says what stands where."""
    kernel = _kernel(arch)
    files = {
        "init": _INIT,
        **data,
        **{f"programs/{path.name}": path for path in programs},
        **_libraries(arch, programs),
    }
    busybox = sysroot.get(arch) / "bin/busybox"
    strip = f"{arch.triplet}-strip"
    initramfs.build(kernel, work / "initrd", modules=_MODULES, files=files, busybox=busybox, strip=strip)
    (image,) = (kernel.root / "boot").glob("vmlinu*")
    argv = [*arch.machine, "-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio", "-kernel", str(image)]
    argv += ["-initrd", str(work / "initrd"), "-append", f"console={arch.console} quiet panic=-1"]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False)
    return done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")


def _kernel(arch: Arch) -> Kernel:
    root = sysroot.BUILD / arch.name / "kernel"
    if not root.exists():
        fresh = root.with_name("kernel.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        meta = _fetch(arch, arch.kernel, fresh)
        fields = subprocess.run(["dpkg-deb", "-f", str(meta), "Depends"], check=True, capture_output=True, text=True)
        package = _fetch(arch, fields.stdout.split()[0], fresh)
        subprocess.run(["dpkg-deb", "-x", str(package), str(fresh)], check=True)
        (release,) = [path.name for path in (fresh / "lib/modules").iterdir()]
        subprocess.run(["busybox", "depmod", "-b", str(fresh), release], check=True)
        fresh.rename(root)
    (release,) = [path.name for path in (root / "lib/modules").iterdir()]
    return Kernel(release, root)


def _fetch(arch: Arch, name: str, directory: Path) -> Path:
    subprocess.run(["apt-get", "-qq", "download", name], cwd=directory, env=sysroot.apt_of(arch), check=True)
    (path,) = directory.glob(f"{name}_*.deb")
    return path


def _libraries(arch: Arch, programs: Sequence[Path]) -> dict[str, Path]:
    """The loader and every library that the programs need, by its place."""
    root = sysroot.get(arch)
    folders = [root / "lib" / arch.triplet, root / "usr/lib" / arch.triplet]
    found: dict[str, Path] = {}
    waiting = list(programs)
    while waiting:
        done = subprocess.run(["readelf", "-ld", str(waiting.pop())], check=True, capture_output=True, text=True)
        for loader in re.findall(r"interpreter: /(\S+)\]", done.stdout):
            found[loader] = folders[0] / Path(loader).name
        for name in re.findall(r"\(NEEDED\).*\[(.+)\]", done.stdout):
            place = f"lib/{arch.triplet}/{name}"
            files = [folder / name for folder in folders if (folder / name).exists()]
            if place not in found and files:
                found[place] = files[0]
                waiting.append(files[0])
    return found
