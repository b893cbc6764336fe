"""The image to be written, in blocks of one MiB: as a raw disk, as a packed file, or from the laptop over HTTP.

A packed image (``.rsi``) is a zip: ``map.json`` and each different block once, named by its SHA-256. Zeros are only in
the map. Slots A and B are the same at first, so a packed image is hardly larger than one slot."""

from __future__ import annotations

import hashlib
import http.client
import json
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

BLOCK = 1 << 20
_TIMEOUT_S = 60.0


class ImageError(ValueError):
    """This is no image, or it is damaged."""


class Map(NamedTuple):
    """``blocks`` has the SHA-256 of each block in order, empty for zeros; ``sha256`` is the raw image's."""

    size: int
    sha256: str
    blocks: tuple[str, ...]

    def length(self, index: int) -> int:
        return min(BLOCK, self.size - index * BLOCK)

    def encode(self) -> bytes:
        return json.dumps({"format": 1, **self._asdict()}).encode()

    @classmethod
    def decode(cls, data: bytes) -> Map:
        """:raise ImageError:"""
        try:
            found = json.loads(data)
            made = cls(int(found["size"]), str(found["sha256"]), tuple(map(str, found["blocks"])))
        except (ValueError, KeyError, TypeError) as error:
            raise ImageError("this is no image of a router") from error
        if found.get("format") != 1 or len(made.blocks) != -(-made.size // BLOCK):
            raise ImageError("this image is of a format that this program does not know")
        return made


class Source(Protocol):
    """An image: its map, and its blocks by number."""

    map: Map

    def block(self, index: int) -> bytes: ...


class Raw:
    """A raw disk; read once from end to end to make the map."""

    def __init__(self, path: Path, tell: Callable[[int, int], None] = lambda done, whole: None) -> None:
        self._path = path
        whole, blocks = hashlib.sha256(), []
        size = path.stat().st_size
        with path.open("rb") as file:
            while data := file.read(BLOCK):
                whole.update(data)
                blocks.append(hashlib.sha256(data).hexdigest() if any_bit(data) else "")
                tell(min(len(blocks) * BLOCK, size), size)
        self.map = Map(size, whole.hexdigest(), tuple(blocks))

    def block(self, index: int) -> bytes:
        with self._path.open("rb") as file:
            file.seek(index * BLOCK)
            return file.read(self.map.length(index))


class Packed:
    """A packed image. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
            self.map = Map.decode(self._zip.read("map.json"))
        except (zipfile.BadZipFile, KeyError) as error:
            raise ImageError("this is no image of a router") from error
        self._lock = threading.Lock()

    def block(self, index: int) -> bytes:
        return self.named(self.map.blocks[index])

    def named(self, digest: str) -> bytes:
        """A block by its hash. :raise ImageError:"""
        try:
            with self._lock:
                return self._zip.read(f"blocks/{digest}")
        except (zipfile.BadZipFile, zlib.error, EOFError, KeyError) as error:
            raise ImageError("this image is damaged") from error


class Remote:
    """A packed image that ``rsflash batch`` serves."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._connection: http.client.HTTPConnection | None = None
        self.map = Map.decode(self._get("/map.json"))

    def block(self, index: int) -> bytes:
        return self._get(f"/blocks/{self.map.blocks[index]}")

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _get(self, path: str) -> bytes:
        for is_last in (False, False, True):
            try:
                if self._connection is None:
                    self._connection = http.client.HTTPConnection(self._parts.netloc, timeout=_TIMEOUT_S)
                self._connection.request("GET", path)
                answer = self._connection.getresponse()
                data = answer.read()
            except (OSError, http.client.HTTPException):
                self.close()
                self._connection = None
                if is_last:
                    raise
                continue
            if answer.status == 200:
                return data
            break
        raise ImageError(f"the laptop does not give {path}")


def open_image(path: Path, tell: Callable[[int, int], None] = lambda done, whole: None) -> Source:
    """A packed or a raw image. :raise ImageError: OSError:"""
    if zipfile.is_zipfile(path):
        return Packed(path)
    if path.stat().st_size < BLOCK:
        raise ImageError("this is no image of a router")
    return Raw(path, tell)


def pack(source: Source, target: Path) -> None:
    """Writes a packed image; the same source makes the same bytes."""
    with zipfile.ZipFile(target, "w") as archive:
        for digest, data in _different(source):
            archive.writestr(zipfile.ZipInfo(f"blocks/{digest}"), data, zipfile.ZIP_DEFLATED, 1)
        archive.writestr(zipfile.ZipInfo("map.json"), source.map.encode(), zipfile.ZIP_DEFLATED)


def any_bit(data: bytes) -> bool:
    """Whether anything but zeros is in it."""
    return data.count(0) != len(data)


def _different(source: Source) -> Iterator[tuple[str, bytes]]:
    seen = {""}
    for index, digest in enumerate(source.map.blocks):
        if digest not in seen:
            seen.add(digest)
            yield digest, source.block(index)
