"""The business's data put back from a backup, while its pages may be in use: they lie in ``STATE/business``, which
belongs to rsweb, in one SQLite database and the files at its documents."""

from __future__ import annotations

import ctypes
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from firmware.kernel import files

FOLDER, DATABASE, FILES, MARK = "business", "company.db", "attachments", "restored"
_WAIT_S = 30.0
_CLONE_NEWNS = 0x20000
_MS_BIND, _MS_REC, _MS_PRIVATE = 1 << 12, 1 << 14, 1 << 18


def restore(state: Path, saved: Path) -> None:
    """Takes the place of the present data with those in ``saved``, in one transaction of SQLite.

    Files are kept by their hash: those that are missing are added, none is removed. Where ``saved`` has no database the
    present one stays. The new mark tells the pages (webui/business.py) to bring the database up to date.
    :raise ValueError: it cannot be written.
    """
    home = state / FOLDER
    home.mkdir(mode=0o700, exist_ok=True)
    owner = home.stat()

    def put(target: Path, data: bytes) -> None:
        files.write(_ours(target), data, 0o600)
        os.chown(target, owner.st_uid, owner.st_gid)

    for path in sorted((saved / FOLDER / FILES).glob("*/*")):
        target = home / FILES / path.parent.name / path.name
        for folder in (target.parent.parent, target.parent):
            _ours(folder).mkdir(mode=0o700, exist_ok=True)
            os.chown(folder, owner.st_uid, owner.st_gid)
        if not _ours(target).exists():
            put(target, path.read_bytes())
    if not (saved / FOLDER / DATABASE).exists():  # of a firm whose data lay in PostgreSQL: the files were all of it
        return
    database = home / DATABASE
    if not _ours(database).exists():
        put(database, b"")  # SQLite gives the files that it makes beside it the same owner
    try:
        with (
            closing(sqlite3.connect(saved / FOLDER / DATABASE)) as source,
            closing(sqlite3.connect(database, timeout=_WAIT_S)) as here,
        ):
            source.backup(here)
    except sqlite3.Error as error:
        raise ValueError(str(error)) from error
    put(home / MARK, b"")


def remove(state: Path) -> None:
    """Takes the database away again, of a box that had none before."""
    for end in ("", "-wal", "-shm"):
        (state / FOLDER / f"{DATABASE}{end}").unlink(missing_ok=True)


def show_within(source: Path, target: Path) -> None:
    """Show a folder at another place too, in this process only: SQLite opens by path, and ``state`` is closed to us."""
    libc = ctypes.CDLL(None, use_errno=True)
    for failed in (
        libc.unshare(_CLONE_NEWNS),
        libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None),
        libc.mount(bytes(source), bytes(target), None, _MS_BIND, None),
    ):
        if failed:
            raise OSError(ctypes.get_errno(), f"{source} cannot be shown at {target}")


def _ours(path: Path) -> Path:
    """rsweb could lay a link to somewhere else, and we are root. :raise ValueError: for a link."""
    if path.is_symlink():
        raise ValueError(f"{path} is a symbolic link")
    return path
