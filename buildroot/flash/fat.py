"""A file in the root of a FAT partition (FAT12, FAT16), overwritten where it lies, neither longer nor shorter.

So a laptop can leave a note on the box's boot partition without mounting it, as GRUB does with its own."""

from __future__ import annotations

import struct
from typing import NamedTuple

from buildroot.flash.gpt import Disk

_DIRECTORY_ENTRY = 32
_LONG_NAME = 0x0F


class FatError(ValueError):
    """The partition has no such file, or not in one piece."""


class Place(NamedTuple):
    """Where the file lies on the disk, in bytes."""

    offset: int
    size: int


def find(disk: Disk, start: int, name: str) -> Place:
    """The place of a file in the root of the partition that begins at ``start``. :raise FatError:"""
    sector = disk.read(start, 512)
    bytes_a_sector, a_cluster, reserved, tables, root_entries = struct.unpack_from("<HBHBH", sector, 11)
    (table_sectors,) = struct.unpack_from("<H", sector, 22)
    if sector[510:] != b"\x55\xaa" or not (bytes_a_sector and a_cluster and table_sectors):
        raise FatError("no FAT partition")
    small, large = struct.unpack_from("<H", sector, 19)[0], struct.unpack_from("<I", sector, 32)[0]
    root = (reserved + tables * table_sectors) * bytes_a_sector
    data = root + root_entries * _DIRECTORY_ENTRY
    clusters = ((small or large) * bytes_a_sector - data) // (a_cluster * bytes_a_sector)
    first, size = _entry(disk.read(start + root, root_entries * _DIRECTORY_ENTRY), name)
    table = disk.read(start + reserved * bytes_a_sector, table_sectors * bytes_a_sector)
    count = -(-size // (a_cluster * bytes_a_sector))
    if not size or any(_next(table, first + i, clusters) != first + i + 1 for i in range(count - 1)):
        raise FatError(f"{name} is not in one piece")
    return Place(start + data + (first - 2) * a_cluster * bytes_a_sector, size)


def _entry(directory: bytes, name: str) -> tuple[int, int]:
    """First cluster and size. Long names stand before their short one, in pieces from last to first."""
    long = ""
    for at in range(0, len(directory), _DIRECTORY_ENTRY):
        entry = directory[at : at + _DIRECTORY_ENTRY]
        if entry[0] == 0:
            break
        if entry[11] == _LONG_NAME:
            piece = (entry[1:11] + entry[14:26] + entry[28:32]).decode("utf-16-le").partition("\0")[0]
            long = piece + (long if not entry[0] & 0x40 else "")
            continue
        stem, ending = entry[:8].decode("latin-1").strip(), entry[8:11].decode("latin-1").strip()
        short = f"{stem}.{ending}" if ending else stem
        if name.lower() in (long.lower(), short.lower()) and entry[0] != 0xE5:
            return struct.unpack_from("<H", entry, 26)[0], struct.unpack_from("<I", entry, 28)[0]
        long = ""
    raise FatError(f"there is no file {name}")


def _next(table: bytes, cluster: int, clusters: int) -> int:
    if clusters >= 4085:  # Microsoft's rule: the number of clusters, and nothing else, says which FAT it is
        return int(struct.unpack_from("<H", table, cluster * 2)[0])
    (pair,) = struct.unpack_from("<H", table, cluster + cluster // 2)
    return int(pair >> 4 if cluster % 2 else pair & 0xFFF)
