"""``make bundle``: the slot of an image as a signed bundle ``rs-VERSION-BOARD.swu`` (docs/design/update.md)."""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from buildroot.dev import signing
from buildroot.dev.disk import Verity
from buildroot.dev.signing import Signer
from firmware.version import VERSION

BOARD = "x86_64"
REVISION = "1"  # of the board: /etc/hwrevision on the box has both
_SLOT_FILE = "rootfs.squashfs"


def description(version: str, board: str, slot: Path, verity: str) -> str:
    """``sw-description`` in JSON, which SWUpdate reads as well as libconfig. Two sets, one a slot, name the same file;
    who installs chooses the one that is not running (``-e stable,b``)."""
    with slot.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()

    def slot_set(letter: str) -> dict[str, object]:
        image = {
            "filename": _SLOT_FILE,
            "device": f"/dev/disk/by-partlabel/slot-{letter}",
            "type": "raw",
            "sha256": digest,
            "size": slot.stat().st_size,
            "installed-directly": True,
            "properties": {"verity": verity},
        }
        return {"images": [image]}

    board_part = {"hardware-compatibility": [REVISION], "stable": {letter: slot_set(letter) for letter in "ab"}}
    software = {"version": version, "description": f"R-series firmware {version}", board: board_part}
    return json.dumps({"software": software}, indent=1) + "\n"


def make(target: Path, slot: Path, verity: str, *, version: str, board: str, by: Signer) -> Path:
    """Writes the bundle: the description first, so that it is checked before anything is written anywhere."""
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        place = Path(temporary)
        (place / "sw-description").write_text(description(version, board, slot, verity))
        signing.sign(place / "sw-description", place / "sw-description.sig", by)
        (place / _SLOT_FILE).hardlink_to(slot)
        names = f"sw-description\nsw-description.sig\n{_SLOT_FILE}\n"
        with (place / "bundle").open("wb") as file:
            argv = ["cpio", "--quiet", "--reproducible", "-o", "-L", "-H", "crc"]
            subprocess.run(argv, cwd=place, input=names.encode(), stdout=file, check=True)
        shutil.move(place / "bundle", target)
    return target


def verity_of(images: Path) -> Verity:
    """How the slot of an image is checked, as ``build`` has noted it."""
    blocks, salt, root_hash = (images / "rootfs.verity").read_text().strip().split(":")
    return Verity(int(blocks), salt, root_hash)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path, nargs="?", default=Path("build/image-dev"), help="what image-dev has made")
    parser.add_argument("--version", default=VERSION, help="what the bundle calls itself")
    parser.add_argument("--board", default=BOARD, help="the board that it is for")
    parser.add_argument("--keys", type=Path, default=signing.FOLDER, help="folder of key.pem and certificate.pem")
    arguments = parser.parse_args()
    images = arguments.target / "images"
    target = images / f"rs-{arguments.version}-{arguments.board}.swu"
    made = make(
        target,
        images / _SLOT_FILE,
        str(verity_of(images)),
        version=arguments.version,
        board=arguments.board,
        by=signing.signer(arguments.keys),
    )
    print(f"{made}: {made.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
