"""What the product may use: the one place where the figures stand. Measured: docs/design/image.md."""

from __future__ import annotations

from pathlib import Path

# Debian's kernel keeps 51 MB for itself. What is left of 160 MB holds the product, but not an update beside it: an
# emulated machine then does little else than to unpack programs from the slot again and again.
DEBIAN_KERNEL_MB = 192
BOARD_KERNEL_MB = 128
WITH_BUSINESS_MB = 256  # where memory is not what a test is about and the business pages are in use


def machine_mb(images: Path) -> int:
    """The memory of a machine that starts the image, by the kernel that it was built with."""
    return BOARD_KERNEL_MB if (images / "board-kernel").exists() else DEBIAN_KERNEL_MB


AVAILABLE_MB = 24  # of memory, with everything running
SLOT_MB = 40  # of flash: root with kernel and hash tree
# Proportional set size, swapped part included, of all processes of a name together.
PSS_MB = {
    "rs": 15.0,  # the launcher, whose memory rsd and rsweb share
    "rsd": 22.0,
    "rsweb": 32.0,
    "rs-fastpath": 12.0,
    "chronyd": 3.0,
    "dhcpcd": 3.0,
    "dnsmasq": 3.0,
    "lighttpd": 5.0,
}
OTHER_MB = 2.0  # whoever is not named: init, the console, scripts
