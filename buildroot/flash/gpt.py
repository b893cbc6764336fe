"""The partition table (GPT, UEFI 2.10 §5.3): read it, and let the last partition reach to the disk's end."""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple, Protocol

SECTOR = 512
_HEADER = struct.Struct("<8sIIIIQQQQ16sQIII")
_ENTRY = struct.Struct("<16s16sQQQ72s")
_MARGIN = 2048  # sectors: the end stays on a whole MiB, as the beginnings are


class Disk(Protocol):
    """What can be read and written at a place."""

    size: int

    def read(self, offset: int, length: int) -> bytes: ...
    def write(self, offset: int, data: bytes) -> None: ...


class Partition(NamedTuple):
    """Bytes from the disk's beginning."""

    name: str
    start: int
    size: int


class TableError(ValueError):
    """There is no table, or it is damaged."""


class _Table(NamedTuple):
    fields: list[int | bytes]  # of the header, in its order
    entries: bytearray


def partitions(disk: Disk) -> list[Partition]:
    """All partitions in the table's order. :raise TableError: without a sound table."""
    table = _read(disk)
    found = []
    for place in range(0, len(table.entries), _ENTRY.size):
        kind, _, first, last, _, name = _ENTRY.unpack_from(table.entries, place)
        if any(kind):
            text = name.decode("utf-16-le").rstrip("\0")
            found.append(Partition(text, first * SECTOR, (last - first + 1) * SECTOR))
    return found


def grow(disk: Disk) -> int:
    """Moves the backup table to the disk's end and gives what is free to the last partition; returns the bytes gained.
    The backup is written first: a power cut leaves the old table in force. :raise TableError: without a sound table."""
    table = _read(disk)
    sectors, first_entries = disk.size // SECTOR, int(table.fields[10])
    used = [place for place in range(0, len(table.entries), _ENTRY.size) if any(table.entries[place : place + 16])]
    last_place = max(used, key=lambda place: _ENTRY.unpack_from(table.entries, place)[3])
    entry = list(_ENTRY.unpack_from(table.entries, last_place))
    table_sectors = -(-len(table.entries) // SECTOR)
    last_usable = sectors - table_sectors - 2
    end = (last_usable + 1) // _MARGIN * _MARGIN - 1
    gained = max(0, end - entry[3])
    entry[3] = max(entry[3], end)
    _ENTRY.pack_into(table.entries, last_place, *entry)
    _write(disk, table, own=sectors - 1, other=1, entries=sectors - 1 - table_sectors, last_usable=last_usable)
    _write(disk, table, own=1, other=sectors - 1, entries=first_entries, last_usable=last_usable)
    protective = bytearray(disk.read(0, SECTOR))
    struct.pack_into("<I", protective, 446 + 12, min(sectors - 1, 0xFFFFFFFF))
    disk.write(0, bytes(protective))
    return gained * SECTOR


def _read(disk: Disk) -> _Table:
    header = disk.read(SECTOR, SECTOR)
    fields = list(_HEADER.unpack_from(header))
    length = fields[2]
    if fields[0] != b"EFI PART" or not _HEADER.size <= length <= SECTOR:
        raise TableError("no partition table (GPT)")
    if zlib.crc32(header[:16] + bytes(4) + header[20:length]) != fields[3]:
        raise TableError("the partition table is damaged")
    count, size = fields[11], fields[12]
    if size != _ENTRY.size or not 1 <= count <= 1024:
        raise TableError("a partition table of an unknown kind")
    entries = disk.read(fields[10] * SECTOR, count * size)
    if zlib.crc32(entries) != fields[13]:
        raise TableError("the partition table is damaged")
    return _Table(fields, bytearray(entries))


def _write(disk: Disk, table: _Table, *, own: int, other: int, entries: int, last_usable: int) -> None:
    fields = [*table.fields]
    fields[2], fields[3], fields[5], fields[6] = _HEADER.size, 0, own, other
    fields[8], fields[10], fields[13] = last_usable, entries, zlib.crc32(table.entries)
    fields[3] = zlib.crc32(_HEADER.pack(*fields))
    disk.write(entries * SECTOR, bytes(table.entries))
    disk.write(own * SECTOR, _HEADER.pack(*fields).ljust(SECTOR, b"\0"))
