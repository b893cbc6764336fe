"""Files that survive a power cut: the old content or the new, never half of one."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from firmware.model.plan import File

MANIFEST = "files.json"


def write(path: Path, content: bytes | str, mode: int = 0o644) -> None:
    """Replace a file as one step that is on the disk when this returns. OSError leaves the old file as it was."""
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(handle, view) :]
            os.fchmod(handle, mode)
            os.fsync(handle)
        finally:
            os.close(handle)
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make renames in a directory last."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(path: Path) -> None:
    """Remove a file for good; one that is not there is no error."""
    path.unlink(missing_ok=True)
    sync_directory(path.parent)


def apply(directory: Path, wanted: Iterable[File], places: Mapping[str, str]) -> None:
    """Bring the Plan's files below ``directory`` to what is wanted and remove those of earlier Plans.

    The manifest lists every file ever written and not yet removed, so that a crash at any point leaves none behind.
    ``places`` fills ``{run}`` and its like.
    """
    files = {file.path: file for file in wanted}
    known = _manifest(directory)
    if not known >= files.keys():
        write(directory / MANIFEST, json.dumps(sorted(known | files.keys())))
    for file in files.values():
        path = directory / file.path
        content = filled(file.content, places)
        if not _is_same(path, content, file.mode):
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path, content, file.mode)
    stale = known - files.keys()
    for name in sorted(stale):
        (directory / name).unlink(missing_ok=True)
    if stale:
        write(directory / MANIFEST, json.dumps(sorted(files)))


def filled(text: str, places: Mapping[str, str]) -> str:
    """Text with ``{name}`` replaced by what each place stands for; other braces stay."""
    for name, value in places.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _manifest(directory: Path) -> set[str]:
    with contextlib.suppress(OSError, ValueError):
        return set(json.loads((directory / MANIFEST).read_bytes()))
    return set()


def _is_same(path: Path, content: str, mode: int) -> bool:
    try:
        return path.stat().st_mode & 0o7777 == mode and path.read_bytes() == content.encode()
    except OSError:
        return False
