"""What outlives the restart of an update, on the data partition: how far it is, and the configuration of before.

``STATE/update``: ``state.json``; ``reached``, a word that says how far a version on trial has come, empty when it was
switched to; ``taken-back``, the version that did not stay; ``config-VERSION``, the stores as that version has left
them. A newer version migrates the stores, and an older one could not read them then.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import time
import zlib
from pathlib import Path
from typing import Literal

import msgspec

from firmware.kernel import files
from firmware.model.config import FORMAT

Phase = Literal["idle", "waiting", "checking", "writing", "verifying", "ready", "restarting", "trying", "confirmed",
                "fell_back", "failed"]  # fmt: skip
WORKING = ("waiting", "checking", "writing", "verifying")
PROGRESS = "update.json"  # below RUN: the installer's state while it works
UPLOAD_SOCKET = "update.sock"  # below RUN: there while the installer awaits a bundle
UPLOAD = "/update/bundle/"  # where the front hands on a bundle, as features/web.py says; a token follows
_STORES = ("config.json", "secrets.json")
_COPIES = 2


class State(msgspec.Struct, frozen=True, kw_only=True):
    """``reason`` is an English message identifier, ``params`` fill it; ``verity``, ``size_bytes`` and ``sha256`` are
    of what was written. ``lines`` worked before the restart."""

    phase: Phase = "idle"
    version: str = ""
    before: str = ""
    slot: str = ""
    percent: int = 0
    verity: str = ""
    size_bytes: int = 0
    sha256: str = ""
    lines: tuple[str, ...] = ()
    reason: str = ""
    params: dict[str, str] = {}
    time: float = 0.0
    pid: int = 0
    automatic: bool = False


class Record:
    """The files below ``STATE/update``."""

    def __init__(self, state_dir: Path) -> None:
        self._stores = state_dir
        self.folder = state_dir / "update"
        self._path = self.folder / "state.json"
        self._reached = self.folder / "reached"
        self._taken_back = self.folder / "taken-back"

    def load(self) -> State:
        """What was saved last."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=State)
        except (OSError, msgspec.DecodeError):
            return State()

    def save(self, state: State) -> None:
        """Keep it. OSError when the disk is full."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.write(self._path, msgspec.json.encode(msgspec.structs.replace(state, time=time.time())), 0o600)

    @property
    def reached(self) -> str | None:
        """How far the version on trial has come; ``None`` while nothing is on trial."""
        try:
            return self._reached.read_text().strip()
        except OSError:
            return None

    def reach(self, stage: str | None) -> None:
        """Note it; ``None`` when the trial is over."""
        if stage is None:
            files.remove(self._reached)
        else:
            files.write(self._reached, stage)

    @property
    def taken_back(self) -> str:
        """The version that did not stay, which no box installs by itself again; empty when there is none."""
        try:
            return self._taken_back.read_text().strip()
        except OSError:
            return ""

    def take_back(self, version: str) -> None:
        """Note it. OSError when the disk is full."""
        files.write(self._taken_back, version)

    def keep_configuration(self, version: str) -> None:
        """Copy the stores as this version has them. OSError or sqlite3.Error when that fails."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        copy, new = self._copy_of(version), self.folder / "config-new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        if (self._stores / "config.db").exists():
            with (
                contextlib.closing(sqlite3.connect(self._stores / "config.db")) as source,
                contextlib.closing(sqlite3.connect(new / "config.db")) as target,
            ):
                source.backup(target)
        for name in _STORES:
            if (self._stores / name).exists():
                files.write(new / name, (self._stores / name).read_bytes(), 0o600)
        shutil.rmtree(copy, ignore_errors=True)
        new.rename(copy)
        files.sync_directory(self.folder)
        # The clock may have been set back: the one just made is kept whatever time it has.
        others = [path for path in self.folder.glob("config-*") if path != copy]
        others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for old in others[_COPIES - 1 :]:
            shutil.rmtree(old)

    def bring_back_configuration(self, version: str) -> bool:
        """Put the stores of a version in place of the present ones; whether there was a copy."""
        copy = self._copy_of(version)
        if not (copy / "config.db").exists():
            return False
        for suffix in ("-wal", "-shm"):
            (self._stores / f"config.db{suffix}").unlink(missing_ok=True)
        for name in ("config.db", *_STORES):
            if (copy / name).exists():
                files.write(self._stores / name, (copy / name).read_bytes(), 0o600)
        return True

    def is_from_the_future(self) -> bool:
        """Whether the configuration in force is of a format that only a newer version reads."""
        path = self._stores / "config.db"
        if not path.exists():
            return False
        query = "SELECT config FROM revision JOIN state ON key = 'running' AND id = CAST(value AS INTEGER)"
        try:
            with contextlib.closing(sqlite3.connect(path)) as database:
                row = database.execute(query).fetchone()
            return row is not None and int(json.loads(zlib.decompress(row[0])).get("format", FORMAT)) > FORMAT
        except (sqlite3.Error, zlib.error, ValueError):
            return False  # broken: engine/revisions.py mends it

    def _copy_of(self, version: str) -> Path:
        return self.folder / f"config-{version}"
