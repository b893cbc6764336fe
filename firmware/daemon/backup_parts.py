"""What a backup is made of: the one list of parts. A part is files and SQLite databases below the state directory.

A module with data of its own adds its name to ``BackupPart`` of the model, a line here, how it is put back in
``restoring.py``, and what it is called on the page (webui/views/backup.py).
"""

from __future__ import annotations

from msgspec import Struct

from firmware.daemon.business_data import DATABASE, FILES, FOLDER
from firmware.model.config import BackupPart

CONFIGURATION, SECRETS = "config.json", "secrets.json"  # these two rsd hands over; the rest is read where it lies


class Part(Struct, frozen=True, kw_only=True):
    """``files`` may hold patterns; ``databases`` are taken by SQLite's backup while they are in use."""

    name: BackupPart
    files: tuple[str, ...] = ()
    databases: tuple[str, ...] = ()


PARTS: tuple[Part, ...] = (
    Part(name="configuration", files=(CONFIGURATION, SECRETS, "tls/ca.key", "tls/ca.crt")),
    Part(name="applications", files=("applications/current.rsapps", "applications/previous.rsapps")),
    Part(name="prefixes", files=("prefixes/*.txt",)),
    Part(name="statistics", databases=("usage.db",)),
    Part(
        name="business",
        files=(f"{FOLDER}/{FILES}/*/{'[0-9a-f]' * 64}",),
        databases=(f"{FOLDER}/{DATABASE}",),
    ),
)
NAMES = tuple(part.name for part in PARTS)
LIMIT_BYTES = 1 << 30  # of all that is in one backup, unpacked


def part(name: str) -> Part:
    return next(item for item in PARTS if item.name == name)
