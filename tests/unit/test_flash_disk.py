"""rsflash on files: partition table, boot partition, packed image, writing, media that lie or are worn."""

from __future__ import annotations

import json
import random
import struct
import subprocess
import zlib
from pathlib import Path

import pytest

from buildroot.flash import disks, fat, gpt, main, protocol, provision
from buildroot.flash.image import BLOCK, ImageError, Map, Packed, Raw, pack
from buildroot.flash.run import install
from buildroot.flash.target import Target
from buildroot.flash.write import MediumError, write

TOLD = provision.Provision("RS-0041", "abcd-efgh-jkmn-pqrs", "https://hq.example.cn")


def image(path: Path, *, size_mb: int = 8) -> Path:
    """A small disk with a boot partition of FAT16 that keeps room for the note, two slots and data."""
    disk = bytearray(size_mb * BLOCK)
    boot = bytearray(BLOCK)
    struct.pack_into("<HBHBHHBH", boot, 11, 512, 1, 1, 2, 16, 2048, 0xF8, 6)
    boot[510:512] = b"\x55\xaa"
    for table in (512, 512 + 6 * 512):
        for cluster in range(2, 9):  # FAT12: its entries are 12 bits
            put12(boot, table, cluster, cluster + 1)
        put12(boot, table, 9, 0xFFF)
    root = 512 * 13
    name = "provision.json\0".encode("utf-16-le")
    pieces = [name[26:].ljust(26, b"\xff"), name[:26]]  # the last comes first
    for number, piece in enumerate(pieces):
        entry = bytes([0x42 if number == 0 else 1]) + piece[:10] + b"\x0f\0\0" + piece[10:22] + b"\0\0" + piece[22:26]
        boot[root + 32 * number : root + 32 * number + 32] = entry
    short = b"PROVIS~1JSO" + bytes(15) + struct.pack("<HI", 2, 4096)
    boot[root + 64 : root + 96] = short
    boot[root + 96 : root + 128] = b"GRUBENV    " + bytes(15) + struct.pack("<HI", 10, 1024)
    for cluster, value in ((10, 11), (11, 0xFFF)):
        put12(boot, 512, cluster, value)
    environment = root + 16 * 32 + 8 * 512
    boot[environment : environment + 1024] = b"# GRUB Environment Block\nORDER=A B\n".ljust(1024, b"#")
    disk[BLOCK : 2 * BLOCK] = boot
    disk[2 * BLOCK : 3 * BLOCK] = disk[3 * BLOCK : 4 * BLOCK] = b"slot" * (BLOCK // 4)
    parts = [("boot", 1, 1), ("slot-a", 2, 1), ("slot-b", 3, 1), ("data", 4, 2)]
    entries = bytearray(128 * 128)
    for number, (text, start, length) in enumerate(parts):
        first = start * 2048
        struct.pack_into("<16s16sQQQ72s", entries, number * 128, b"k" * 16, b"u" * 16, first,
                         first + length * 2048 - 1, 0, text.encode("utf-16-le"))  # fmt: skip
    fields = [b"EFI PART", 0x10000, 92, 0, 0, 1, len(disk) // 512 - 1, 34, len(disk) // 512 - 34, b"d" * 16, 2, 128,
              128, zlib.crc32(entries)]  # fmt: skip
    header = struct.Struct("<8sIIIIQQQQ16sQIII")
    fields[3] = zlib.crc32(header.pack(*fields))
    disk[512 : 512 + 92] = header.pack(*fields)
    disk[1024 : 1024 + len(entries)] = entries
    path.write_bytes(disk)
    return path


def put12(boot: bytearray, table: int, cluster: int, value: int) -> None:
    at = table + cluster + cluster // 2
    (pair,) = struct.unpack_from("<H", boot, at)
    pair = pair & 0x000F | value << 4 if cluster % 2 else pair & 0xF000 | value
    struct.pack_into("<H", boot, at, pair)


def silent(stage: str, done: int, whole: int) -> None:
    assert done <= whole


def empty(path: Path, size_mb: int, content: bytes = b"") -> Path:
    path.write_bytes(content)
    with path.open("r+b") as file:
        file.truncate(size_mb * BLOCK)
    return path


def test_an_image_is_written_grown_and_provisioned(tmp_path: Path) -> None:
    source = Raw(image(tmp_path / "disk.img"))
    target = empty(tmp_path / "target", 40, b"old" * BLOCK)
    done = install(source, target, TOLD, silent, "zh")
    with Target(target) as disk:
        parts = {part.name: part for part in gpt.partitions(disk)}
        note = fat.find(disk, parts["boot"].start, "provision.json")
        assert json.loads(disk.read(note.offset, note.size)) == {"format": 1, **TOLD._asdict()}
        block = fat.find(disk, parts["boot"].start, "grubenv")
        lines = b"# GRUB Environment Block\nORDER=A B\nlanguage=zh\n"
        assert disk.read(block.offset, block.size) == lines.ljust(1024, b"#")
        assert disk.read(parts["slot-b"].start, 8) == b"slotslot"
        assert not any(disk.read(parts["data"].start, BLOCK))  # what lay there before is gone
    assert parts["data"].start + parts["data"].size == 39 * BLOCK
    assert done.data_bytes == parts["data"].size
    told = subprocess.run(["sfdisk", "--verify", str(target)], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr


def test_a_packed_image_is_the_same_and_keeps_each_block_once(tmp_path: Path) -> None:
    raw = Raw(image(tmp_path / "disk.img"))
    for name in ("one.rsi", "two.rsi"):
        pack(raw, tmp_path / name)
    packed = Packed(tmp_path / "one.rsi")
    assert packed.map == raw.map
    assert [packed.block(i) for i in (0, 1, 2, 3)] == [raw.block(i) for i in (0, 1, 2, 3)]
    assert len(set(raw.map.blocks)) < 5
    assert (tmp_path / "one.rsi").read_bytes() == (tmp_path / "two.rsi").read_bytes()
    (tmp_path / "three.rsi").write_bytes(b"no zip")
    with pytest.raises(ImageError):
        Packed(tmp_path / "three.rsi")
    with pytest.raises(ImageError):
        Map.decode(b'{"format": 2, "size": 1, "sha256": "", "blocks": [""]}')


@pytest.mark.parametrize(
    ("trouble", "result"),
    [("damaged", "this image is damaged"), ("stopped", protocol.STOPPED), ("", protocol.VERIFIED)],
)
def test_a_protocol_says_verified_of_what_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str, result: str
) -> None:
    packed = tmp_path / "firmware.rsi"
    pack(Raw(image(tmp_path / "disk.img")), packed)
    if trouble == "damaged":
        damage(packed, 150)
    if trouble == "stopped":
        monkeypatch.setattr(main, "install", stop)
    target = empty(tmp_path / "target", 20)
    code = main.main(["write", str(packed), str(target), "--folder", str(tmp_path), "--engineer", "Wang"])
    (row,) = protocol.rows(tmp_path / "protocol.csv")
    assert (row.result, code) == (result, 0 if result == protocol.VERIFIED else 1)


def test_a_block_that_is_damaged_is_told(tmp_path: Path) -> None:
    packed = tmp_path / "firmware.rsi"
    (tmp_path / "disk.img").write_bytes(random.Random(1).randbytes(BLOCK // 256) * 256)
    pack(Raw(tmp_path / "disk.img"), packed)
    for place in range(150, 4000, 150):  # of its compressed bytes: zlib notices it, or the sum
        damage(packed, place)
        with pytest.raises(ImageError, match="damaged"):
            Packed(packed).block(0)
        damage(packed, place)
    assert Packed(packed).block(0)


def damage(path: Path, place: int) -> None:
    """Turn a byte, or turn it back."""
    with path.open("r+b") as file:
        file.seek(place)
        (byte,) = file.read(1)
        file.seek(place)
        file.write(bytes([byte ^ 0xFF]))


def test_headquarters_are_told_with_a_number_or_it_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = empty(tmp_path / "target", 20)
    argv = ["write", str(image(tmp_path / "disk.img")), str(target), "--hq", "https://hq.example.cn"]
    assert main.main([*argv, "--folder", str(tmp_path)]) == 1
    assert "--serial" in capsys.readouterr().err
    assert not (tmp_path / "protocol.csv").exists()


def stop(*arguments: object) -> None:
    """Ctrl-C."""
    raise KeyboardInterrupt


class Forged(Target):
    """Says four times its size; what is written beyond lands at the beginning, as in forged cards."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._real, self.size = self.size, self.size * 4

    def read(self, offset: int, length: int) -> bytes:
        return super().read(offset % self._real, length)

    def write(self, offset: int, data: bytes) -> None:
        super().write(offset % self._real, data)

    def read_back(self, offset: int, length: int) -> bytes:
        return super().read_back(offset % self._real, length)


class Worn(Target):
    """Loses one bit of the third MiB."""

    def read_back(self, offset: int, length: int) -> bytes:
        found = super().read_back(offset, length)
        return bytes([found[0] ^ 1]) + found[1:] if (offset, length) == (2 * BLOCK, BLOCK) else found


@pytest.mark.parametrize(("kind", "said"), [(Forged, "lies: it says 0.1 GB"), (Worn, "1 of 8 MB .* first at 2 MB")])
def test_a_bad_medium_is_told(tmp_path: Path, kind: type[Target], said: str) -> None:
    source = Raw(image(tmp_path / "disk.img"))
    with kind(empty(tmp_path / "target", 20)) as disk, pytest.raises(MediumError, match=said):
        write(source, disk, silent)


def test_a_disk_too_small_is_left_alone(tmp_path: Path) -> None:
    source, target = Raw(image(tmp_path / "disk.img")), empty(tmp_path / "target", 4, b"old")
    with pytest.raises(MediumError, match="needs 8 MB, the disk has 4 MB"):
        install(source, target, None, silent)
    assert target.read_bytes()[:3] == b"old"


def test_an_image_without_room_for_the_note_is_told(tmp_path: Path) -> None:
    path = image(tmp_path / "disk.img")
    path.write_bytes(path.read_bytes().replace(b"PROVIS~1JSO", b"OTHER   TXT").replace(b"p\0r\0o\0v", b"q\0r\0o\0v"))
    with pytest.raises(MediumError, match="no room"):
        install(Raw(path), empty(tmp_path / "target", 20), TOLD, silent)


def test_disks_in_use_are_told_with_what_uses_them(tmp_path: Path) -> None:
    """Root on a mapped device on sda, a stick that is free, and what is no disk at all."""
    sys, proc, dev = tmp_path / "sys", tmp_path / "proc", tmp_path / "dev"
    dev.mkdir()
    for name, number, parts in (("sda", "8:0", {"sda1": "8:1"}), ("sdb", "8:16", {}), ("loop0", "7:0", {}),
                                ("mmcblk0boot0", "179:8", {})):  # fmt: skip
        for folder, own in ((name, number), *((f"{name}/{part}", its) for part, its in parts.items())):
            (sys / "block" / folder).mkdir(parents=True, exist_ok=True)
            (sys / "block" / folder / "dev").write_text(f"{own}\n")
        (sys / "block" / name / "size").write_text("65536\n")
        (sys / "block" / name / "removable").write_text("1\n" if name == "sdb" else "0\n")
    slaves = sys / "dev/block/254:0/slaves/sda1"
    slaves.mkdir(parents=True)
    (slaves / "dev").write_text("8:1\n")
    (proc / "self").mkdir(parents=True)
    (proc / "self/mountinfo").write_text("25 1 254:0 / / ro - squashfs /dev/dm-0 ro\n")
    image(dev / "sdb")
    found = {disk.name: disk for disk in disks.disks(sys, proc, dev)}
    assert sorted(found) == ["sda", "sdb"]
    assert (found["sda"].in_use, found["sdb"].in_use) == ("/", "")
    assert found["sdb"].content == ("boot", "slot-a", "slot-b", "data")
    assert found["sdb"].removable
    assert found["sdb"].size == 65536 * 512
