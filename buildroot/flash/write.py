"""Write an image and read it back: every block is compared by its hash, zeros too."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol

from buildroot.flash.gpt import Disk
from buildroot.flash.image import BLOCK, Source, any_bit

Stage = Literal["probe", "write", "verify"]
Tell = Callable[[Stage, int, int], None]  # what is done, bytes done, bytes in all
_SIGN_BYTES = 4096


class Medium(Disk, Protocol):
    """A disk that tells what it has kept."""

    def read_back(self, offset: int, length: int) -> bytes: ...
    def flush(self) -> None: ...


class MediumError(Exception):
    """The medium must not be used; the message is an English key with its values in ``params``."""

    def __init__(self, message: str, **params: str) -> None:
        super().__init__(message % params)
        self.message, self.params = message, params


class Done(NamedTuple):
    """What was written and found again."""

    sha256: str
    written_bytes: int
    read_bytes: int


def probe(medium: Medium) -> None:
    """Sees that the medium is as large as it says: forged ones wrap around or drop what is written beyond their end.
    Writes at each doubling and at the end; the image comes over it. :raise MediumError:"""
    places = [BLOCK << power for power in range(40) if (BLOCK << power) + BLOCK < medium.size]
    places.append((medium.size - BLOCK) // BLOCK * BLOCK)
    signs = {place: secrets.token_bytes(_SIGN_BYTES) for place in (0, *places)}
    for place in reversed(signs):
        medium.write(place, signs[place])
    medium.flush()
    kept = [place for place, sign in signs.items() if medium.read_back(place, _SIGN_BYTES) == sign]
    for place in signs:
        medium.write(place, bytes(_SIGN_BYTES))
    if len(kept) != len(signs):
        says, real = f"{medium.size / 1e9:.1f}", f"{max(kept, default=0) / 1e9:.1f}"
        message = "This medium lies: it says %(says)s GB and loses what is written beyond about %(real)s GB."
        raise MediumError(message, says=says, real=real)


def write(source: Source, medium: Medium, tell: Tell) -> Done:
    """Probe, write, verify. Zeros are written only where something else lies. :raise MediumError: OSError:"""
    image = source.map
    if image.size > medium.size:
        message = "The disk is too small: the image needs %(needs)s MB, the disk has %(has)s MB."
        raise MediumError(message, needs=str(-(-image.size >> 20)), has=str(medium.size >> 20))
    tell("probe", 0, 1)
    probe(medium)
    written = 0
    for index, digest in enumerate(image.blocks):
        offset, length = index * BLOCK, image.length(index)
        if digest:
            data = source.block(index)
            if hashlib.sha256(data).hexdigest() != digest:
                raise MediumError("The image is damaged at %(place)s MB: fetch it again.", place=str(index))
        elif any_bit(medium.read(offset, length)):
            data = bytes(length)
        else:
            data = b""
        medium.write(offset, data)
        written += len(data)
        tell("write", offset + length, image.size)
    medium.flush()
    return Done(image.sha256, written, verify(source, medium, tell))


def verify(source: Source, medium: Medium, tell: Tell) -> int:
    """Compares the medium with the image; returns the bytes read. :raise MediumError: naming how much differs."""
    image, bad = source.map, []
    for index, digest in enumerate(image.blocks):
        offset, length = index * BLOCK, image.length(index)
        try:
            found = medium.read_back(offset, length)
        except OSError:
            found = b""
        wrong = hashlib.sha256(found).hexdigest() != digest if digest else any_bit(found) or len(found) != length
        if wrong:
            bad.append(index)
        tell("verify", offset + length, image.size)
    if bad:
        message = "The medium is worn: %(count)s of %(all)s MB read back otherwise than written, first at %(place)s MB."
        raise MediumError(message, count=str(len(bad)), all=str(len(image.blocks)), place=str(bad[0]))
    return image.size
