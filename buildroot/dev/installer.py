"""``make image-installer``: a USB disk that installs the reference image, and what ``rsflash batch`` serves.

Kernel, root and image are those of ``make image-dev``; only the initial file system is the installer's own, with the
drivers of the disks and network cards that mini PCs have."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from buildroot.dev import initramfs, kernel, pyz
from buildroot.dev.disk import GRUB, build_grub
from buildroot.flash.batch import EFI_PROGRAM
from buildroot.flash.box import SETTINGS
from buildroot.flash.image import Raw, pack

HERE = Path(__file__).parent
_MODULES = (
    "virtio_pci", "virtio_blk", "virtio_scsi", "virtio_net", "ahci", "ata_piix", "sd_mod", "nvme", "mmc_block",
    "sdhci_pci", "sdhci_acpi", "xhci_pci", "ehci_pci", "uhci_hcd", "usb_storage", "uas", "usbhid", "hid_generic",
    "e1000", "e1000e", "igb", "igc", "r8169", "squashfs", "loop", "vfat", "nls_cp437", "nls_ascii",
)  # fmt: skip
_OPTIONS = "quiet console=tty1 console=ttyS0,115200"
_PXE_MODULES = "pxe tftp net normal linux boot echo serial terminal configfile"
_EFI_MODULES = "part_gpt fat normal linux boot echo serial terminal configfile search efinet tftp net"
_GRUB_CFG = f"""set timeout=0
serial --unit=0 --speed=115200
terminal_output --append serial
linux /boot/bzImage {_OPTIONS}
initrd /boot/initrd
boot
"""
_GENIMAGE = """image installer.vfat {
	vfat {
		label = "RS-INSTALL"
%(files)s
	}
	size = %(size_mb)dM
}
image installer.img {
	hdimage { partition-table-type = "gpt" }
	partition mbr {
		in-partition-table = false
		image = "boot.img"
		offset = 0
		size = 512
		holes = {"(440; 512)"}
	}
	partition grub {
		partition-type-uuid = "21686148-6449-6E6F-744E-656564454649"
		image = "grub.img"
		offset = 1M
		size = 1M
	}
	partition installer {
		partition-type-uuid = U
		image = "installer.vfat"
	}
}
"""


def build(target: Path) -> Path:
    """Builds ``target/images/installer.img`` from what ``make image-dev`` left there."""
    images = target / "images"
    folder = images / "installer"
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("boot/grub", "EFI/BOOT"):
        (folder / name).mkdir(parents=True)
    system = kernel.get()
    shutil.copy(system.image, folder / "boot/bzImage")
    initramfs.build(system, folder / "boot/initrd", modules=_MODULES, files={"init": HERE / "installer-init"}, level=9)
    (folder / "boot/grub/grub.cfg").write_text("configfile /EFI/BOOT/grub.cfg\n")
    (folder / "EFI/BOOT/grub.cfg").write_text(_GRUB_CFG)
    shutil.copy(images / "rootfs.squashfs", folder / "rootfs.squashfs")
    pyz.build(folder / "rsflash.pyz")
    pack(Raw(images / "disk.img"), folder / "firmware.rsi")
    settings = {"serial": "", "headquarters": "", "engineer": "", "language": "zh"}
    (folder / SETTINGS).write_text(json.dumps(settings, indent=2) + "\n")
    build_network(images / "network")
    if (GRUB / "x86_64-efi").is_dir():
        build_grub("x86_64-efi", folder / "EFI/BOOT/BOOTX64.EFI", "/EFI/BOOT", _EFI_MODULES)
    return _disk(images, folder)


def _disk(images: Path, folder: Path) -> Path:
    names = sorted(path.name for path in folder.iterdir())
    size_mb = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) // (1 << 20) + 24
    files = "\n".join(f'\t\tfile {name} {{ image = "installer/{name}" }}' for name in names)
    config = images / "installer.cfg"
    config.write_text(_GENIMAGE % {"files": files, "size_mb": size_mb})
    work = images / "genimage"
    shutil.rmtree(work, ignore_errors=True)
    (work / "root").mkdir(parents=True)
    argv = ["genimage", "--loglevel", "1", "--config", str(config), "--inputpath", str(images)]
    argv += ["--outputpath", str(images), "--rootpath", str(work / "root"), "--tmppath", str(work / "tmp")]
    subprocess.run(argv, check=True)
    shutil.rmtree(work)
    return images / "installer.img"


def build_network(target: Path) -> None:
    """What a box's own PXE program fetches first; it asks for ``grub.cfg`` then, which ``rsflash batch`` writes."""
    target.mkdir(exist_ok=True)
    build_grub("i386-pc-pxe", target / "bios.0", "(tftp)/", _PXE_MODULES)
    if (GRUB / "x86_64-efi").is_dir():
        build_grub("x86_64-efi", target / EFI_PROGRAM, "(tftp)/", _EFI_MODULES)


if __name__ == "__main__":
    print(build(Path(sys.argv[1])))
