"""Files beside documents: their bytes lie in a directory beside the database under their hash, once each."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from bizlite.core.commands import command
from bizlite.core.errors import refuse
from bizlite.core.models import Attachment
from bizlite.core.session import Session
from bizlite.core.store import insert

LARGEST_BYTES = 5 * 2**20
LONGEST_NAME = 200


def path_of(directory: Path, sha256: str) -> Path:
    """Where the bytes of a hash lie."""
    return directory / sha256[:2] / sha256


@command("core.attachment.add")
def attach(
    session: Session, directory: Path, kind: str, document: int, name: str, media_type: str, content: bytes
) -> Attachment:
    """Keeps a file for a document. The bytes are on the disk before the row that names them is."""
    if not 0 < len(content) <= LARGEST_BYTES:
        raise refuse(
            "file", "has the wrong size", "Give a file of 1 to %(most)s bytes.", len(content), most=LARGEST_BYTES
        )
    plain = Path(name.replace("\\", "/")).name.replace("\u3000", " ").replace("\xa0", " ")  # as Chinese keyboards have
    if not plain or len(plain) > LONGEST_NAME or not plain.isprintable():
        raise refuse("name", "is not a file name", "Give 1 to 200 printable characters.", plain[:LONGEST_NAME])
    sha256 = hashlib.sha256(content).hexdigest()
    target = path_of(directory, sha256)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        rest = target.with_suffix(".new")
        with rest.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        rest.replace(target)
        descriptor = os.open(target.parent, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    row = Attachment(
        kind=kind, document=document, name=plain, media_type=media_type, size_bytes=len(content), sha256=sha256,
        user=session.user, at_ms=session.now_ms(),
    )  # fmt: skip
    return insert(session, row)
