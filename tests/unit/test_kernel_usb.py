"""Sticks at USB among the disks of a machine."""

from __future__ import annotations

from pathlib import Path

from firmware.kernel import usb


def test_a_stick_is_found_by_its_bus(tmp_path: Path) -> None:
    (tmp_path / "block").mkdir()
    for place, parts in (("pci/usb1/sda", ("sda1", "sda2")), ("pci/usb2/sdb", ()), ("pci/ata1/sdc", ("sdc1",))):
        disk = tmp_path / place
        disk.mkdir(parents=True)
        for part in parts:
            (disk / part).mkdir()
            (disk / part / "partition").write_text("1")
        (tmp_path / "block" / disk.name).symlink_to(disk)
    assert [path.name for path in usb.partitions(tmp_path)] == ["sda1", "sda2", "sdb"]


def test_a_stick_is_found_where_the_disk_lies_deep_below_its_bus(tmp_path: Path) -> None:
    for path in (
        "devices/pci0/usb1/1-1/block/sdb/sdb1",
        "devices/pci0/ata1/block/sda/sda1",
        "devices/pci0/usb2/block/sdc",
    ):
        (tmp_path / path).mkdir(parents=True)
    for path in ("devices/pci0/usb1/1-1/block/sdb/sdb1", "devices/pci0/ata1/block/sda/sda1"):
        (tmp_path / path / "partition").write_text("1")
    (tmp_path / "block").mkdir()
    for place in ("pci0/usb1/1-1/block/sdb", "pci0/ata1/block/sda", "pci0/usb2/block/sdc"):
        (tmp_path / "block" / place[-3:]).symlink_to(tmp_path / "devices" / place)
    assert [path.name for path in usb.partitions(tmp_path)] == ["sdb1", "sdc"]
    assert usb.partitions(tmp_path / "none") == []
