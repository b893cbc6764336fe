"""Encryption of backup files: scrypt, then ChaCha20-Poly1305 in chunks (docs/design/backup.md).

The chunks are STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015): each nonce holds the chunk's number and whether it is
the last, so that cut, swapped, repeated or added chunks are noticed. ChaCha20 because small boxes have no AES in
hardware; by ctypes from the libcrypto that lighttpd and rs-fastpath use anyway. Only in processes of their own: rsd
does not import this.
"""

from __future__ import annotations

import ctypes
import hashlib
import hmac
import struct
from typing import BinaryIO, NamedTuple

CHUNK_BYTES, TAG_BYTES, KEY_BYTES, SALT_BYTES = 1 << 16, 16, 32, 16
SCRYPT_N, SCRYPT_R, SCRYPT_P = 1 << 14, 8, 5  # OWASP's setting that needs 16 MB
SCRYPT_BYTES_MAX, SCRYPT_P_MAX = 64 << 20, 16  # of a file that a stranger may have made
_NONCE = struct.Struct(">7xI?")
_CHUNKS_MAX = 1 << 32
_SET_TAG, _GET_TAG = 0x11, 0x10  # EVP_CTRL_AEAD_SET_TAG, EVP_CTRL_AEAD_GET_TAG (openssl/evp.h)


class CipherError(Exception):
    """A chunk is not what was written; the message is an English message identifier."""


class Derivation(NamedTuple):
    """How a passphrase becomes a key."""

    salt: bytes
    n: int = SCRYPT_N
    r: int = SCRYPT_R
    p: int = SCRYPT_P

    def key(self, passphrase: str) -> bytes:
        """:raise ValueError: the costs are none, or more than a small box can bear."""
        if self.n < 2 or self.r < 1 or not 1 <= self.p <= SCRYPT_P_MAX or 128 * self.n * self.r > SCRYPT_BYTES_MAX:
            raise ValueError("scrypt")
        costs = {"n": self.n, "r": self.r, "p": self.p, "maxmem": SCRYPT_BYTES_MAX + (1 << 20)}
        return hashlib.scrypt(passphrase.encode(), salt=self.salt, dklen=KEY_BYTES, **costs)


def subkey(key: bytes, purpose: bytes, salt: bytes) -> bytes:
    """A key for one purpose in one file: HKDF (RFC 5869) of one block."""
    extracted = hmac.digest(salt, key, "sha256")
    return hmac.digest(extracted, b"rs backup " + purpose + b"\1", "sha256")


class Cipher:
    """ChaCha20-Poly1305 (RFC 8439) with one key; ``bound`` is authenticated with each chunk."""

    def __init__(self, key: bytes, bound: bytes) -> None:
        self._key, self._bound = key, bound
        library = ctypes.CDLL("libcrypto.so.3")
        for name in ("EVP_CIPHER_CTX_new", "EVP_chacha20_poly1305"):
            getattr(library, name).restype = ctypes.c_void_p
        library.EVP_CipherInit_ex.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_char_p] * 2 + [ctypes.c_int]
        library.EVP_CipherUpdate.argtypes = [
            ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_int), ctypes.c_char_p, ctypes.c_int
        ]  # fmt: skip
        library.EVP_CipherFinal_ex.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_int)]
        library.EVP_CIPHER_CTX_ctrl.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_char_p]
        library.EVP_CIPHER_CTX_free.argtypes = [ctypes.c_void_p]
        self._library = library
        self._kind = library.EVP_chacha20_poly1305()
        self._context = library.EVP_CIPHER_CTX_new()
        if not self._context:
            raise MemoryError

    def __del__(self) -> None:
        if getattr(self, "_context", None):
            self._library.EVP_CIPHER_CTX_free(self._context)

    def seal(self, number: int, is_last: bool, text: bytes) -> bytes:
        """A chunk with its tag at the end."""
        sealed = self._run(number, is_last, text, 1)
        tag = ctypes.create_string_buffer(TAG_BYTES)
        out, length = ctypes.create_string_buffer(16), ctypes.c_int()
        self._must(self._library.EVP_CipherFinal_ex(self._context, out, ctypes.byref(length)))
        self._must(self._library.EVP_CIPHER_CTX_ctrl(self._context, _GET_TAG, TAG_BYTES, tag))
        return sealed + tag.raw

    def open(self, number: int, is_last: bool, sealed: bytes) -> bytes | None:
        """The text of a chunk; ``None`` when it is not the chunk of this number."""
        if len(sealed) < TAG_BYTES:
            return None
        text = self._run(number, is_last, sealed[:-TAG_BYTES], 0)
        self._must(self._library.EVP_CIPHER_CTX_ctrl(self._context, _SET_TAG, TAG_BYTES, sealed[-TAG_BYTES:]))
        out, length = ctypes.create_string_buffer(16), ctypes.c_int()
        is_right = self._library.EVP_CipherFinal_ex(self._context, out, ctypes.byref(length)) == 1
        return text if is_right else None

    def _run(self, number: int, is_last: bool, data: bytes, encrypts: int) -> bytes:
        nonce, length = _NONCE.pack(number, is_last), ctypes.c_int()
        self._must(self._library.EVP_CipherInit_ex(self._context, self._kind, None, self._key, nonce, encrypts))
        self._must(
            self._library.EVP_CipherUpdate(self._context, None, ctypes.byref(length), self._bound, len(self._bound))
        )
        if not data:
            return b""
        out = ctypes.create_string_buffer(len(data))
        self._must(self._library.EVP_CipherUpdate(self._context, out, ctypes.byref(length), data, len(data)))
        return out.raw[: length.value]

    @staticmethod
    def _must(result: int) -> None:
        if result != 1:
            raise RuntimeError("libcrypto refused ChaCha20-Poly1305")


class Sealer:
    """A file to write to, whose chunks go to ``target``; only ``close`` makes the last one."""

    def __init__(self, target: BinaryIO, cipher: Cipher) -> None:
        self._target, self._cipher = target, cipher
        self._waiting = bytearray()
        self._number = 0

    def write(self, data: bytes) -> int:
        self._waiting += data
        while len(self._waiting) > CHUNK_BYTES:
            self._put(bytes(self._waiting[:CHUNK_BYTES]), is_last=False)
            del self._waiting[:CHUNK_BYTES]
        return len(data)

    def flush(self) -> None:
        """Nothing: a chunk leaves when it is full."""

    def close(self) -> None:
        """Write what waits as the last chunk; ``target`` stays open."""
        self._put(bytes(self._waiting), is_last=True)
        self._waiting.clear()

    def _put(self, text: bytes, *, is_last: bool) -> None:
        self._target.write(self._cipher.seal(self._number, is_last, text))
        self._number += 1


class Opener:
    """A file to read from, whose chunks come from ``source``; nothing is handed out that is not authentic.

    ``read`` raises CipherError.
    """

    def __init__(self, source: BinaryIO, cipher: Cipher) -> None:
        self._source, self._cipher = source, cipher
        self._next = source.read(CHUNK_BYTES + TAG_BYTES)
        self._number = 0
        self._text = bytearray()
        self._is_over = False

    def read(self, size: int = -1) -> bytes:
        while not self._is_over and (size < 0 or len(self._text) < size):
            self._take()
        end = len(self._text) if size < 0 else size
        data = bytes(self._text[:end])
        del self._text[:end]
        return data

    def drain(self) -> None:
        """Read to the end, so that all of it is proved."""
        while not self._is_over:
            self._text.clear()
            self._take()

    def _take(self) -> None:
        sealed, self._next = self._next, self._source.read(CHUNK_BYTES + TAG_BYTES)
        is_last = not self._next
        text = self._cipher.open(self._number, is_last, sealed)
        if text is None:
            raise CipherError(self._trouble(sealed, is_last))
        self._number += 1
        self._text += text
        self._is_over = is_last

    def _trouble(self, sealed: bytes, is_last: bool) -> str:
        if self._cipher.open(self._number, not is_last, sealed) is not None:
            return "The file ends too early: a part of it is missing." if is_last else "Something follows its end."
        if is_last:
            return "The file is damaged at its end, or a part of it is missing."
        return "The file is damaged."
