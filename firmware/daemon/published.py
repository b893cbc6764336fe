"""What is published for boxes like this one: a signed list, looked at every day and on demand (docs/design/update.md).

The list is JSON: ``index``, itself JSON as text, and ``signature``, a detached CMS signature of that text in base64, by
the same key as bundles. ``buildroot/dev/publish.py`` makes it. ``STATE/update/published.json`` keeps what was seen.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any
from urllib.parse import urljoin

import msgspec
from msgspec import Meta

from firmware.daemon import bundle
from firmware.daemon.bundle import BundleError, Own, Read, version_key
from firmware.daemon.errors import InvalidError
from firmware.kernel import files
from firmware.version import VERSION

log = logging.getLogger(__name__)

FORMAT = 1
LIST_BYTES, NOTES_MAX = 256 << 10, 4000
_NAME = "published.json"
_PIECE_BYTES = 64 << 10

Version = Annotated[str, Meta(pattern=r"^\d{1,4}(\.\d{1,4}){1,3}$")]
FileName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]  # beside the list
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Notes = Annotated[str, Meta(max_length=NOTES_MAX)]


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """One bundle. Of those in ``first`` (serial numbers) each takes it by itself at once, all others from
    ``others_from`` (UTC in seconds) on; without that only when it is published anew."""

    version: Version
    board: Annotated[str, Meta(max_length=32)]
    file: FileName
    size_bytes: Annotated[int, Meta(gt=0)]
    sha256: Digest
    notes: dict[str, Notes] = {}  # by language
    first: tuple[str, ...] = ()
    others_from: int | None = None


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """``issued`` (UTC in seconds) only ever grows: an older list is one that somebody has put back."""

    format: int
    issued: int
    releases: tuple[Release, ...]


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """The file as it is fetched."""

    index: str
    signature: str


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen at an address; ``reason`` is why the last look failed, ``time`` when that was."""

    url: str = ""
    issued: int = 0
    release: Release | None = None
    time: float = 0.0
    reason: str = ""
    params: dict[str, str] = {}


def read(data: bytes, own: Own) -> Index:
    """The list, after its signature was found good. Raises BundleError."""
    try:
        signed = msgspec.json.decode(data, type=Signed)
        signature = base64.b64decode(signed.signature, validate=True)
    except ValueError:  # msgspec's and base64's
        raise BundleError("What lies at the address is no list of versions: correct the address.") from None
    text = signed.index.encode()
    if not bundle.is_signed(text, signature, own.trust):
        raise BundleError("Nobody whom this box trusts has signed the list of versions.")
    try:
        is_newer = int(msgspec.json.decode(text)["format"]) > FORMAT
        index = None if is_newer else msgspec.json.decode(text, type=Index)
    except (ValueError, KeyError, TypeError):
        index = None
    if index is None:
        raise BundleError("The list of versions cannot be read: it needs a newer version of this firmware.")
    return index


class Published:
    """Looks, and knows what was seen; ``own`` is a stand-in's in tests."""

    def __init__(self, folder: Path, own: Callable[[], Own] = lambda: bundle.own(VERSION)) -> None:
        self._path, self._own = folder / _NAME, own
        self._known = load(folder)

    def look(self, url: str) -> Release | None:
        """Fetch the list now; the newest version for this board. Raises BundleError for a list that is not taken, and
        InvalidError when it cannot be fetched; both are kept as well."""
        known = self._known if self._known.url == url else Known(url=url)
        now_s = time.time()
        try:
            found = self._newest(url, known)
        except (BundleError, InvalidError) as error:
            self._keep(msgspec.structs.replace(known, time=now_s, reason=error.message, params=error.params))
            raise
        self._keep(msgspec.structs.replace(found, time=now_s))
        return found.release

    def _newest(self, url: str, known: Known) -> Known:
        from firmware.daemon.database import fetch_to  # 1 MB that the installer, which only loads, need not have

        with TemporaryDirectory() as place:
            target = Path(place, "list")
            fetch_to(target, url, LIST_BYTES)
            own = self._own()
            index = read(target.read_bytes(), own)
        if index.issued < known.issued:
            raise BundleError(
                "The list of versions is older than one that was seen before: somebody has put it back."
                " Ask whoever publishes it."
            )
        ours = [release for release in index.releases if release.board == own.board]
        newest = max(ours, key=lambda release: version_key(release.version), default=None)
        return Known(url=url, issued=index.issued, release=newest)

    def newer(self, url: str) -> Release | None:
        """What is published at the address and newer than what is running."""
        release = self._known.release if self._known.url == url else None
        if release is None or version_key(release.version) <= version_key(VERSION):
            return None
        return release

    def turn(self, url: str, serial: str, now_s: float) -> Release | None:
        """The same, when it is this box's turn to take it by itself."""
        release = self.newer(url)
        if release is None or not release.first or serial in release.first:
            return release
        return release if release.others_from is not None and release.others_from <= now_s else None

    def state(self, url: str) -> dict[str, Any]:
        """As the verb ``update.state`` tells it."""
        known = self._known if self._known.url == url else Known()
        newer = self.newer(url)
        return {
            "time": known.time or None,
            "issued": known.issued or None,
            "reason": known.reason,
            "params": known.params,
            "newer": msgspec.to_builtins(newer) if newer else None,
        }

    def _keep(self, known: Known) -> None:
        self._known = known
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            files.write(self._path, msgspec.json.encode(known), 0o600)
        except OSError as error:  # a full disk: an update would be refused as well
            log.error("%s: %s", self._path, error)


def load(folder: Path) -> Known:
    """What was seen last."""
    try:
        return msgspec.json.decode((folder / _NAME).read_bytes(), type=Known)
    except (OSError, ValueError):
        return Known()


def address(known: Known, release: Release) -> str:
    """Where the bundle lies."""
    return urljoin(known.url, release.file)


class Measured:
    """A bundle as it is read, held against what was published of it."""

    def __init__(self, read: Read, release: Release) -> None:
        self._read, self._release = read, release
        self._digest, self._bytes = hashlib.sha256(), 0

    def read(self, size: int) -> bytes:
        piece = self._read(size)
        self._digest.update(piece)
        self._bytes += len(piece)
        return piece

    def check_version(self, version: str) -> None:
        """Raises BundleError: it is another one than the list names."""
        if version != self._release.version:
            message = "The bundle is version %(version)s, the list of versions names %(published)s: publish it anew."
            raise BundleError(message, version=version, published=self._release.version)

    def check(self) -> None:
        """Read to the end. Raises BundleError."""
        while self._bytes <= self._release.size_bytes and self.read(_PIECE_BYTES):
            pass
        if (self._bytes, self._digest.hexdigest()) != (self._release.size_bytes, self._release.sha256):
            raise BundleError("The bundle is not the one that was published: get it from the maker again.")
