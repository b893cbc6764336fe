"""A signed update as it comes along: SWUpdate's format, read once from front to back (docs/design/update.md).

``.swu`` is a cpio archive: ``sw-description`` (JSON), its detached CMS signature, and the slot. Nothing of the
description is believed before the signature is found good, and nothing of the slot before its hash.

BundleError
└── OldVersionError
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

TRUST = Path("/usr/share/rs/update.pem")
BOARD = Path("/etc/hwrevision")
_VERSION = re.compile(r"\d{1,4}(\.\d{1,4}){1,3}")
_VERITY = re.compile(r"(\d+:[0-9a-f]*:[0-9a-f]{64})?")
_HEADER_BYTES = 110
_MAGIC = (b"070701", b"070702")
_SMALL_BYTES = 64 << 10  # description and signature
_PIECE_BYTES = 256 << 10

Read = Callable[[int], bytes]


class BundleError(Exception):
    """Why a bundle is not taken: an English message identifier and what fills its places."""

    def __init__(self, message: str, **params: str) -> None:
        super().__init__(message % params if params else message)
        self.message, self.params = message, params


class OldVersionError(BundleError):
    """It is not newer than what is running."""


class Own(NamedTuple):
    """What a bundle is held against: the running version, the board with its revision, who may sign."""

    version: str
    board: str
    revision: str
    trust: Path


class Image(NamedTuple):
    """The slot that a bundle brings."""

    version: str
    filename: str
    size_bytes: int
    sha256: str
    verity: str


def own(version: str) -> Own:
    """This box. OSError where it was not started from an image."""
    board, _, revision = BOARD.read_text().strip().partition(" ")
    return Own(version, board, revision, TRUST)


def version_key(version: str) -> tuple[int, ...]:
    """For comparing: ``1.9`` is before ``1.10``, which is before ``1.10.1``. ValueError for what is no version."""
    if not _VERSION.fullmatch(version):
        raise ValueError(version)
    return tuple(int(part) for part in version.split("."))


class Bundle:
    """Reads by ``read``, which gives up to so many bytes and ``b""`` at the end."""

    def __init__(self, read: Read) -> None:
        self._read = read

    def checked(self, box: Own, slot: str, room_bytes: int, *, may_go_back: bool) -> Image:
        """The image for a slot, after all that can be said before it is read. Raises BundleError."""
        image = _image(self.described(box.trust), box, slot)
        if image.size_bytes > room_bytes:
            text = "The image has %(size)s MB, a slot of this box has room for %(room)s MB."
            raise BundleError(text, size=str(image.size_bytes >> 20), room=str(room_bytes >> 20))
        if not may_go_back and version_key(image.version) <= version_key(box.version):
            raise OldVersionError(
                "Version %(version)s is not newer than %(current)s, which is running. To install it all the same,"
                " tick “Also an older version” on the page, or say --downgrade.",
                version=image.version,
                current=box.version,
            )
        return image

    def described(self, trust: Path) -> bytes:
        """The description, when the certificate's key has signed it. Raises BundleError."""
        description = self._member("sw-description")
        signature = self._member("sw-description.sig")
        if not is_signed(description, signature, trust):
            raise BundleError("Nobody whom this box trusts has signed the bundle: get it from the maker again.")
        return description

    def contents(self, image: Image) -> Iterator[bytes]:
        """The slot in pieces. Raises BundleError when it ends too early, or after the last piece for a wrong hash."""
        name, size = self._header()
        if name != image.filename or size != image.size_bytes:
            raise BundleError("This is no firmware bundle.")
        digest = hashlib.sha256()
        left = size
        while left:
            piece = self._exactly(min(left, _PIECE_BYTES))
            digest.update(piece)
            left -= len(piece)
            yield piece
        if digest.hexdigest() != image.sha256:
            raise BundleError("The image is not the one that was signed: it was damaged on its way. Fetch it again.")

    def _member(self, wanted: str) -> bytes:
        name, size = self._header()
        if name != wanted or size > _SMALL_BYTES:
            raise BundleError("This is no firmware bundle.")
        data = self._exactly(size)
        self._exactly(-size % 4)
        return data

    def _header(self) -> tuple[str, int]:
        """The next member's name and size."""
        header = self._exactly(_HEADER_BYTES)
        if header[:6] not in _MAGIC:
            raise BundleError("This is no firmware bundle.")
        try:
            size, name_size = int(header[54:62], 16), int(header[94:102], 16)
        except ValueError:
            raise BundleError("This is no firmware bundle.") from None
        if not 0 < name_size <= 256:
            raise BundleError("This is no firmware bundle.")
        name = self._exactly(name_size).rstrip(b"\0").decode(errors="replace")
        self._exactly(-(_HEADER_BYTES + name_size) % 4)
        return name, size

    def _exactly(self, size: int) -> bytes:
        found = bytearray()
        while len(found) < size:
            piece = self._read(size - len(found))
            if not piece:
                raise BundleError("The bundle ends too early: it was not received whole. Send it again.")
            found += piece
        return bytes(found)


def _image(description: bytes, box: Own, slot: str) -> Image:
    """What the description says of a slot. Raises BundleError."""
    try:
        software: dict[str, Any] = json.loads(description)["software"]
        boards = sorted(name for name, part in software.items() if isinstance(part, dict))
        part = software.get(box.board)
        if part is None or box.revision not in part["hardware-compatibility"]:
            text = "The bundle is for the board %(board)s, this box is a %(own)s."
            raise BundleError(text, board=", ".join(boards), own=f"{box.board} {box.revision}")
        (entry,) = part["stable"][slot.lower()]["images"]
        verity = entry.get("properties", {}).get("verity", "")
        image = Image(software["version"], entry["filename"], entry["size"], entry["sha256"], verity)
        version_key(image.version)
        is_well = isinstance(image.size_bytes, int) and _VERITY.fullmatch(verity)
    except (ValueError, KeyError, TypeError, AttributeError):
        is_well = None
    if not is_well:
        raise BundleError("The bundle's description cannot be read: it needs a newer updater.")
    return image


def is_signed(message: bytes, signature: bytes, trust: Path) -> bool:
    """Whether the certificate's key has made the signature. A box may not know yet what time it is."""
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        (place / "message").write_bytes(message)
        (place / "signature").write_bytes(signature)
        argv = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", str(place / "signature")]
        argv += ["-content", str(place / "message"), "-CAfile", str(trust), "-no-CApath", "-no-CAstore"]
        argv += ["-purpose", "any", "-no_check_time", "-out", "/dev/null"]
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0
