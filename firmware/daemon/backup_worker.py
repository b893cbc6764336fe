"""Makes and opens backup files for rsd, in a process of its own: scrypt alone needs 16 MB that rsd must not keep.

One job as JSON on standard input, for it holds passphrases; one object of JSON is written: what was done, or ``error``
with a message identifier and its ``params``. Memory stays small, however large the backup is.
"""

from __future__ import annotations

import errno
import fnmatch
import gzip
import json
import os
import shutil
import sqlite3
import sys
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec

from firmware.daemon import backup_file, backup_parts
from firmware.daemon.backup_cipher import CipherError, Derivation, Opener
from firmware.daemon.backup_file import FileError, Header
from firmware.kernel import files, storage

_MODE = 0o600
_DAMAGED = "The file is damaged."


class Make(msgspec.Struct, frozen=True, kw_only=True):
    """Make ``target``. ``key`` (hexadecimal) is used where there is one, else ``passphrase``."""

    state: str
    target: str
    header: dict[str, Any]
    given: dict[str, str]  # files that rsd hands over, by name
    passphrase: str = ""
    key: str = ""


class Open(msgspec.Struct, frozen=True, kw_only=True):
    """Prove ``source`` from its beginning to its end and put what it holds below ``folder``."""

    source: str
    folder: str
    passphrase: str


class Derive(msgspec.Struct, frozen=True, kw_only=True):
    """Make the key that automatic backups use of a passphrase."""

    passphrase: str


def make(job: Make) -> dict[str, Any]:
    derivation, key = _key(job)
    costs = {"salt": derivation.salt.hex(), "n": derivation.n, "r": derivation.r, "p": derivation.p}
    header = msgspec.convert({**job.header, **costs, "file_salt": backup_file.new_salt()}, Header)
    target = Path(job.target)
    partial = target.with_name(f".{target.name}")
    try:
        with _private(partial) as file:
            sealer = backup_file.begin(file, header, key)
            with (
                gzip.GzipFile(fileobj=cast(BinaryIO, sealer), mode="wb", compresslevel=1, mtime=0) as packed,
                tarfile.open(fileobj=packed, mode="w|", bufsize=1 << 16) as archive,
            ):
                for name in header.parts:
                    _put_part(archive, backup_parts.part(name), Path(job.state), job.given, partial)
                if archive.offset > backup_parts.LIMIT_BYTES:
                    raise FileError("This is more than one backup may hold. Leave the statistics or the business out.")
            sealer.close()
            file.flush()
            os.fsync(file.fileno())
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)
    files.sync_directory(target.parent)
    return {"bytes": target.stat().st_size}


def _key(job: Make) -> tuple[Derivation, bytes]:
    if job.key:
        kept = json.loads(job.key)
        return Derivation(bytes.fromhex(kept["salt"]), kept["n"], kept["r"], kept["p"]), bytes.fromhex(kept["key"])
    derivation = Derivation(bytes.fromhex(backup_file.new_salt()))
    return derivation, derivation.key(job.passphrase)


def derive(job: Derive) -> dict[str, Any]:
    derivation = Derivation(bytes.fromhex(backup_file.new_salt()))
    costs = {"salt": derivation.salt.hex(), "n": derivation.n, "r": derivation.r, "p": derivation.p}
    return {"key": json.dumps({**costs, "key": derivation.key(job.passphrase).hex()})}


def _put_part(
    archive: tarfile.TarFile, part: backup_parts.Part, state: Path, given: dict[str, str], beside: Path
) -> None:
    # First: a document's file is there before the row that names it.
    for name in part.databases:
        if (state / name).exists() and not (state / name).is_symlink():
            with _snapshot(state / name, beside.with_suffix(".db")) as file:
                _put(archive, f"{part.name}/{name}", os.fstat(file.fileno()).st_size, file)
    for pattern in part.files:
        if pattern in given:
            data = given[pattern].encode()
            _put(archive, f"{part.name}/{pattern}", len(data), BytesIO(data))
            continue
        for path in sorted(state.glob(pattern)):
            if path.is_symlink():  # not all folders are root's: none shall lead out of them
                continue
            with path.open("rb") as file:
                name = f"{part.name}/{path.relative_to(state)}"
                _put(archive, name, os.fstat(file.fileno()).st_size, file)


def _put(archive: tarfile.TarFile, name: str, size: int, file: BinaryIO) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, _MODE
    archive.addfile(entry, file)


def _snapshot(path: Path, copy: Path) -> BinaryIO:
    """A whole copy of a database that is written meanwhile; its name is gone when this returns."""
    journal, its_copy = path.with_name(f"{path.name}-wal"), copy.with_name(f"{copy.name}-wal")
    try:
        os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE))
        if storage.is_read_only(path.parent):  # of a disk that is worn out: SQLite would want to write beside it
            shutil.copyfile(path, copy)
            if journal.exists():
                shutil.copyfile(journal, its_copy)
            with closing(sqlite3.connect(copy)) as target:
                target.execute("PRAGMA journal_mode = DELETE")
            return copy.open("rb")
        with (
            closing(sqlite3.connect(path, timeout=10)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")
        return copy.open("rb")
    finally:
        copy.unlink(missing_ok=True)
        its_copy.unlink(missing_ok=True)


def open_(job: Open) -> dict[str, Any]:
    folder = Path(job.folder)
    with Path(job.source).open("rb") as source:
        preamble = backup_file.read_preamble(source)
        opener = backup_file.open_body(source, preamble, job.passphrase)
        found = []
        for name, entry, content in _entries(opener):
            target = folder / name
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _private(target) as file:
                shutil.copyfileobj(content, file, 1 << 16)
            if target.stat().st_size != entry.size:
                raise FileError(_DAMAGED)
            if Path(name).parts[0] in backup_parts.NAMES and target.suffix == ".db":
                _check_database(target)
            found.append(name)
    return {"header": backup_file.to_plain(preamble.header), "files": found}


def _entries(opener: Opener) -> Iterator[tuple[str, tarfile.TarInfo, BinaryIO]]:
    """What this release knows of the archive; at the end all of the file is proved."""
    total = 0
    with tarfile.open(fileobj=cast(BinaryIO, opener), mode="r|gz", bufsize=1 << 16) as archive:
        for entry in archive:
            total += entry.size
            if total > backup_parts.LIMIT_BYTES:
                raise FileError("The backup holds more than a router can have.")
            if entry.isreg() and _is_known(entry.name):
                content = archive.extractfile(entry)
                assert content is not None
                yield entry.name, entry, cast(BinaryIO, content)
    opener.drain()


def _is_known(name: str) -> bool:
    part, _, inner = name.partition("/")
    if part not in backup_parts.NAMES or ".." in Path(name).parts or inner.startswith("/"):
        return False
    known = backup_parts.part(part)
    is_file = any(fnmatch.fnmatchcase(inner, p) and inner.count("/") == p.count("/") for p in known.files)
    return is_file or inner in known.databases


def _check_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        verdict = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise FileError(_DAMAGED)


def _private(path: Path) -> BinaryIO:
    """A new file that nobody else may read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, _MODE), "wb")


def run(kind: str, text: str) -> dict[str, Any]:
    """Do one job; whatever can go wrong with files is told in words."""
    try:
        if kind == "make":
            return make(msgspec.json.decode(text, type=Make))
        if kind == "open":
            return open_(msgspec.json.decode(text, type=Open))
        return derive(msgspec.json.decode(text, type=Derive))
    except FileError as error:
        return {"error": {"message": error.message, "params": error.params}}
    except CipherError as error:
        return {"error": {"message": str(error), "params": {}}}
    except (tarfile.TarError, zlib.error, EOFError, sqlite3.DatabaseError) as error:
        if "full" in str(error):
            return _full()
        return {"error": {"message": _DAMAGED, "params": {}}}
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return _full()
        reason = error.strerror or str(error)
        return {"error": {"message": "The backup cannot be read or written: %(reason)s.", "params": {"reason": reason}}}


def _full() -> dict[str, Any]:
    message = "The router's disk is full. Leave the statistics out, or make room first."
    return {"error": {"message": message, "params": {}}}


def main(arguments: Sequence[str]) -> int:
    """See the module's text."""
    sys.stdout.write(json.dumps(run(arguments[0], sys.stdin.read())))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
