"""The disk of the reference image: the x86_64 board's, with a verity tree behind each root and both slots filled."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

TREE = Path(__file__).parents[1]
_BOARD = TREE / "board/x86_64"
GRUB = Path("/usr/lib/grub")
_BLOCK_BYTES = 4096
_MB = 1 << 20


class Verity(NamedTuple):
    """How a slot's root is checked; as GRUB hands it to the kernel (``rs.verity=``)."""

    blocks: int
    salt: str
    root_hash: str

    def __str__(self) -> str:
        return f"{self.blocks}:{self.salt}:{self.root_hash}"


def squash(root: Path, target: Path) -> Verity:
    """Packs the root and appends its hash tree. Kernel and initial file system stand first and as they are: they are
    compressed already, and GRUB takes its time over xz."""
    target.unlink(missing_ok=True)
    order = target.with_suffix(".sort")
    order.write_text("boot/bzImage 100\nboot/initrd 90\n")
    argv = ["mksquashfs", str(root), str(target), "-comp", "xz", "-b", "128K", "-all-root", "-noappend", "-no-xattrs"]
    argv += ["-quiet", "-no-progress", "-sort", str(order), "-action", "uncompressed@pathname(/boot/*)"]
    subprocess.run(argv, check=True)
    size = target.stat().st_size
    blocks = -(-size // _BLOCK_BYTES)
    with target.open("r+b") as file:
        file.truncate(blocks * _BLOCK_BYTES)
    argv = ["veritysetup", "format", "--no-superblock", "--hash", "sha256", f"--data-blocks={blocks}"]
    argv += [f"--hash-offset={blocks * _BLOCK_BYTES}", str(target), str(target)]
    told = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    fields = dict(re.findall(r"^([\w ]+):\s+(\S+)$", told, re.MULTILINE))
    return Verity(blocks, fields["Salt"], fields["Root hash"])


def make(images: Path, slot: Path, verity: Verity) -> Path:
    """Lays boot partition, both slots and an empty data partition into ``disk.img``."""
    (images / "efi-part/EFI/BOOT").mkdir(parents=True, exist_ok=True)
    _grub(images / "grub.img")
    environment = f"ORDER=A B\nA_OK=1\nA_TRY=0\nA_VERITY={verity}\nB_OK=1\nB_TRY=0\nB_VERITY={verity}\nterminal=serial"
    subprocess.run(
        [str(_BOARD / "post-image.sh")],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "BINARIES_DIR": str(images), "GRUB_ENVIRONMENT": environment,
             "GRUB_BOOT": str(GRUB / "i386-pc/boot.img")},
        check=True,
    )  # fmt: skip
    work = images / "genimage"
    shutil.rmtree(work, ignore_errors=True)
    (work / "root").mkdir(parents=True)
    argv = ["genimage", "--loglevel", "1", "--config", str(_BOARD / "genimage.cfg"), "--inputpath", str(images)]
    argv += ["--outputpath", str(images), "--rootpath", str(work / "root"), "--tmppath", str(work / "tmp")]
    subprocess.run(argv, check=True)
    shutil.rmtree(work)
    disk = images / "disk.img"
    offset = partitions(disk)["slot-b"].start_bytes
    with disk.open("r+b") as file, slot.open("rb") as source:
        file.seek(offset)
        shutil.copyfileobj(source, file)
    subprocess.run(["fallocate", "--dig-holes", str(disk)], check=True)
    return disk


class Partition(NamedTuple):
    """Where a partition lies on the disk."""

    start_bytes: int
    size_bytes: int


def partitions(disk: Path) -> dict[str, Partition]:
    """The disk's partitions by name."""
    told = subprocess.run(["sfdisk", "--dump", str(disk)], check=True, capture_output=True, text=True).stdout
    found = re.findall(r'start=\s*(\d+), size=\s*(\d+),.* name="([\w-]+)"', told)
    return {name: Partition(int(start) * 512, int(size) * 512) for start, size, name in found}


def _grub(target: Path) -> None:
    """GRUB for BIOS with the modules that the board's configuration for Buildroot names."""
    text = (TREE / "configs/rs_x86_64_defconfig").read_text()
    values = dict(re.findall(r'^BR2_TARGET_GRUB2_(BOOT_PARTITION|BUILTIN_MODULES_PC)="(.+)"$', text, re.MULTILINE))
    build_grub("i386-pc", target, f"({values['BOOT_PARTITION']})/boot/grub", values["BUILTIN_MODULES_PC"])


def build_grub(kind: str, target: Path, prefix: str, modules: str) -> None:
    """One of GRUB's programs, with its modules inside; ``prefix`` is where it looks for ``grub.cfg``."""
    folder = GRUB / kind.removesuffix("-pxe")
    argv = ["grub-mkimage", "-O", kind, "-d", str(folder), "-o", str(target), "-p", prefix, *modules.split()]
    subprocess.run(argv, check=True)
