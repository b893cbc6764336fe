"""What a box is told once, before its first start: ``provision.json`` on its boot partition (see flashing.md)."""

from __future__ import annotations

import json
import re
import secrets
from typing import NamedTuple
from urllib.parse import urlsplit

from buildroot.flash import fat, gpt
from buildroot.flash.write import MediumError

NAME = "provision.json"
ENVIRONMENT = "grubenv"
BOOT_PARTITION = "boot"
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # as firmware/daemon/auth.py: nothing that looks like something else
_SERIAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,31}")


class Provision(NamedTuple):
    """Serial number, first password, headquarters' address or nothing."""

    serial: str
    first_password: str
    headquarters: str = ""

    def encode(self) -> bytes:
        told = {name: value for name, value in self._asdict().items() if value}
        return json.dumps({"format": 1, **told}).encode()


def draw_password() -> str:
    """Four groups of four: 79 bits."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))


def check_serial(text: str) -> str:
    """:raise ValueError:"""
    if not _SERIAL.fullmatch(text):
        raise ValueError("A serial number has letters, digits and hyphens, 32 at most.")
    return text


def check_headquarters(text: str) -> str:
    """:raise ValueError:"""
    parts = urlsplit(text)
    if text and (parts.scheme != "https" or not parts.hostname or len(text) > 200):
        raise ValueError("The address of headquarters begins with https:// and a name.")
    return text


def place(disk: gpt.Disk, provision: Provision) -> None:
    """Lays the file onto a written disk, into the space that the image keeps for it, and reads it back.
    :raise MediumError:"""
    where = _find(disk, NAME)
    data = provision.encode().ljust(where.size, b"\n")
    if len(data) > where.size:
        raise MediumError("The serial number and the address are too long together.")
    _write(disk, where, data)


def speak(disk: gpt.Disk, language: str) -> None:
    """Has GRUB's menu speak a language: one more line in its environment block, which keeps its length.
    :raise MediumError:"""
    where = _find(disk, ENVIRONMENT)
    lines = disk.read(where.offset, where.size).rstrip(b"#").splitlines()
    kept = [line for line in lines if not line.startswith(b"language=")]
    data = b"\n".join([*kept, b"language=" + language.encode(), b""]).ljust(where.size, b"#")
    if len(data) == where.size:
        _write(disk, where, data)


def _find(disk: gpt.Disk, name: str) -> fat.Place:
    try:
        boot = next(part for part in gpt.partitions(disk) if part.name == BOOT_PARTITION)
        return fat.find(disk, boot.start, name)
    except (StopIteration, gpt.TableError, fat.FatError) as error:
        raise MediumError("This image has no room for a serial number: it is older than this program.") from error


def _write(disk: gpt.Disk, where: fat.Place, data: bytes) -> None:
    disk.write(where.offset, data)
    if disk.read(where.offset, where.size) != data:
        raise MediumError("The medium is worn: the serial number reads back otherwise than written.")
