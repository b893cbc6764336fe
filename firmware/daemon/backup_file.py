"""The file of a backup: a header in clear, proved by the key, then the encrypted archive (docs/design/backup.md)."""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

from firmware.daemon.backup_cipher import SALT_BYTES, Cipher, Derivation, Opener, Sealer, subkey

FORMAT = 1
SUFFIX = ".rsbackup"
MAGIC = b"RSBACKUP"
HEADER_BYTES_MAX = 64 << 10
_START = struct.Struct(">8sHI")
_DIGEST_BYTES = 32


class BackupPort(Struct, frozen=True, kw_only=True):
    """A port of the box that the backup is of."""

    name: str
    mac: str = ""


class Header(Struct, frozen=True, kw_only=True):
    """What may be read without the passphrase. ``time`` is UTC in seconds, ``config_format`` of the configuration."""

    product: str
    board: str
    hostname: str
    time: float
    parts: tuple[str, ...]
    ports: tuple[BackupPort, ...]
    config_format: int
    salt: str  # of the passphrase's derivation, hexadecimal
    n: int
    r: int
    p: int
    file_salt: str  # makes the file's keys its own, also where several are made with one kept key

    @property
    def derivation(self) -> Derivation:
        return Derivation(bytes.fromhex(self.salt), self.n, self.r, self.p)


class FileError(Exception):
    """It is no backup, or cannot be read; the message is an English message identifier with ``params``."""

    def __init__(self, message: str, **params: str) -> None:
        super().__init__(message % params)
        self.message, self.params = message, params


class Preamble(Struct, frozen=True):
    """A file's beginning as it was read; ``raw`` is what the proofs are over."""

    header: Header
    raw: bytes
    proof: bytes


def new_salt() -> str:
    return os.urandom(SALT_BYTES).hex()


def begin(target: BinaryIO, header: Header, key: bytes) -> Sealer:
    """Write a file's beginning; what is written to the result becomes its body."""
    text = msgspec.json.encode(header)
    raw = _START.pack(MAGIC, FORMAT, len(text)) + text
    target.write(raw + hashlib.sha256(raw).digest() + _proof(header, raw, key))
    return Sealer(target, _cipher(header, raw, key))


def read_preamble(source: BinaryIO) -> Preamble:
    """:raise FileError: it is no backup, a newer one than this release knows, or damaged."""
    start = source.read(_START.size)
    if start[: len(MAGIC)] != MAGIC[: len(start)] or not start:
        raise FileError("This is no backup of a router.")
    if len(start) < _START.size:
        raise FileError("The file ends too early: a part of it is missing.")
    _, number, length = _START.unpack(start)
    if number > FORMAT:
        text = "The backup has format %(format)s, this release reads up to %(known)s. Update the router first."
        raise FileError(text, format=str(number), known=str(FORMAT))
    if number < 1 or length > HEADER_BYTES_MAX:
        raise FileError("The file is damaged at its beginning.")
    rest = source.read(length + 2 * _DIGEST_BYTES)
    if len(rest) < length + 2 * _DIGEST_BYTES:
        raise FileError("The file ends too early: a part of it is missing.")
    raw = start + rest[:length]
    if hashlib.sha256(raw).digest() != rest[length : length + _DIGEST_BYTES]:
        raise FileError("The file is damaged at its beginning.")
    try:
        header = msgspec.json.decode(rest[:length], type=Header)
        bytes.fromhex(header.salt), bytes.fromhex(header.file_salt)
    except (msgspec.DecodeError, ValueError):
        raise FileError("The file is damaged at its beginning.") from None
    return Preamble(header, raw, rest[length + _DIGEST_BYTES :])


def open_body(source: BinaryIO, preamble: Preamble, passphrase: str) -> Opener:
    """What follows the beginning, in clear. :raise FileError: the passphrase is not the one it was made with."""
    header = preamble.header
    try:
        key = header.derivation.key(passphrase)
    except ValueError:
        raise FileError("The file is damaged at its beginning.") from None
    if not hmac.compare_digest(_proof(header, preamble.raw, key), preamble.proof):
        raise FileError("The passphrase is wrong. Try the one that was used when the backup was made.")
    return Opener(source, _cipher(header, preamble.raw, key))


def to_plain(header: Header) -> dict[str, Any]:
    """What a person is shown of a header."""
    plain: dict[str, Any] = msgspec.to_builtins(header)
    return {name: plain[name] for name in ("product", "board", "hostname", "time", "parts", "ports", "config_format")}


def _proof(header: Header, raw: bytes, key: bytes) -> bytes:
    return hmac.digest(subkey(key, b"header", bytes.fromhex(header.file_salt)), raw, "sha256")


def _cipher(header: Header, raw: bytes, key: bytes) -> Cipher:
    return Cipher(subkey(key, b"body", bytes.fromhex(header.file_salt)), hashlib.sha256(raw).digest())
