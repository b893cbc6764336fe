"""What is left on a disk whose power was cut, looked at without starting it: the slot that GRUB would choose, and the
data partition as ``mount-data`` and rsd would find it, read by the product's own code."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from bizlite.core import database, registry
from bizlite.finance.models import Entry, Line
from buildroot.dev import disk
from firmware.daemon.firmware_updates import FirmwareUpdates
from firmware.daemon.update_state import Record
from firmware.engine.revisions import Revisions
from firmware.kernel.slots import Slots, parse_block
from firmware.model.config import Config

_CORRECTED = 1  # fsck(8): faults were found and mended, as after any power cut


class Remains(NamedTuple):
    """``phase`` is the update's as it was noted last; ``entries`` are the posted journal entries: number and amount."""

    slot: str
    phase: str
    hostname: str
    entries: dict[str, int]


def examine(image: Path, folder: Path) -> Remains:
    """Of a disk that stands still; ``folder`` is emptied. :raise AssertionError: it would not start or is not whole."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    parts = disk.partitions(image)
    values = _boot_values(image, parts["boot"])
    own = chosen(values)
    device = _slot(image, parts, own, values, folder)
    other = "B" if own == "A" else "A"
    if values[f"{other}_OK"] == "1":
        _slot(image, parts, other, values, folder)
    state = _stores(image, parts["data"], folder)
    phase = Record(state).load().phase
    _arrive(state, folder / "run", Slots(own, other, device.with_name(f"slot-{other}"), parts["slot-a"].size_bytes))
    return Remains(own, phase, _hostname(state), _entries(state / "business" / "company.db"))


def chosen(values: dict[str, str]) -> str:
    """The slot that ``grub.cfg`` starts (choose_in_order there)."""
    order = values["ORDER"].split()
    good = [slot for slot in order if values[f"{slot}_OK"] == "1"]
    assert good, f"no slot may be started: {values}"
    return next((slot for slot in good if values[f"{slot}_TRY"] != "2"), good[0])


def _boot_values(image: Path, boot: disk.Partition) -> dict[str, str]:
    argv = ["mtype", "-i", f"{image}@@{boot.start_bytes}", "::grubenv"]
    block = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    assert len(block) == 1024, f"GRUB would not read its environment: {block!r}"
    return parse_block(block.rstrip("#"))


def _slot(image: Path, parts: dict[str, disk.Partition], slot: str, values: dict[str, str], folder: Path) -> Path:
    """The slot as a file, every block of it held against dm-verity's tree."""
    place, part = folder / f"slot-{slot}", parts[f"slot-{slot.lower()}"]
    _copy(image, part, place)
    blocks, salt, root_hash = values[f"{slot}_VERITY"].split(":")
    argv = ["veritysetup", "verify", "--no-superblock", "--hash", "sha256", f"--data-blocks={blocks}"]
    argv += [f"--hash-offset={int(blocks) * 4096}", f"--salt={salt}", str(place), str(place), root_hash]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"slot {slot} may be started and is not whole: {done.stderr}"
    return place


def _stores(image: Path, data: disk.Partition, folder: Path) -> Path:
    """STATE as it is after the check of the file system, which replays the journal, at the start."""
    place = folder / "data"
    _copy(image, data, place)
    done = subprocess.run(["e2fsck", "-p", str(place)], check=False, capture_output=True, text=True)
    assert done.returncode <= _CORRECTED, f"e2fsck gave {done.returncode}: {done.stdout}{done.stderr}"
    (folder / "files").mkdir()
    subprocess.run(["debugfs", "-R", f"rdump /rs {folder}/files", str(place)], check=True, capture_output=True)
    return folder / "files/rs"


def _arrive(state: Path, run: Path, slots: Slots) -> None:
    """What rsd does first after a start: it may bring back the configuration of the version before."""
    run.mkdir()
    logging.disable(logging.ERROR)  # there is no boot-slots here
    try:
        FirmwareUpdates(state, run, find=lambda: slots)
    finally:
        logging.disable(logging.NOTSET)


def _hostname(state: Path) -> str:
    repairs: list[str] = []
    with closing(sqlite3.connect(state / "config.db")) as config:
        assert config.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with closing(Revisions(state, Config, repairs.append)) as revisions:
        found = revisions.config(revisions.running()).system.hostname
    assert repairs == []
    return found


def _entries(path: Path) -> dict[str, int]:
    """The posted entries, each of which balances."""
    with closing(sqlite3.connect(path)) as company:
        assert company.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert company.execute("PRAGMA foreign_key_check").fetchall() == []
    registry.open_company(f"sqlite://{path}")
    try:
        found = {}
        for entry in Entry.select().where(Entry.posted):
            legs = list(Line.select(Line.debit, Line.credit).where(Line.entry == entry).tuples())
            assert sum(debit for debit, _ in legs) == sum(credit for _, credit in legs), entry.number
            found[entry.number] = sum(debit for debit, _ in legs)
        return found
    finally:
        database.database.close()


def _copy(image: Path, part: disk.Partition, target: Path) -> None:
    argv = ["dd", f"if={image}", f"of={target}", "bs=1M", "iflag=skip_bytes,count_bytes", "conv=sparse"]
    argv += [f"skip={part.start_bytes}", f"count={part.size_bytes}", "status=none"]
    subprocess.run(argv, check=True)
    with target.open("r+b") as file:
        file.truncate(part.size_bytes)
