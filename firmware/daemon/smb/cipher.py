"""How messages of SMB are signed, and sealed where the server asks for it (MS-SMB2 3.1.4.1 and 3.1.4.3).

SMB 2 signs by HMAC-SHA-256, SMB 3 by AES-CMAC and seals by AES-128-CCM; AES by ctypes from the libcrypto that is there
anyway, as in ``backup_cipher.py``.
"""

from __future__ import annotations

import ctypes
import hmac
import os
import struct
from functools import cache

SIGNATURE_BYTES = 16
_SIGNATURE = slice(48, 64)  # in the header
_SEALED = b"\xfdSMB"
_SEAL_BYTES = 52  # of the header of a sealed message; what follows the tag in it is authenticated
_NONCE_BYTES, _BOUND_AT = 11, 20
_SET_IV_LENGTH, _GET_TAG, _SET_TAG = 0x9, 0x10, 0x11  # EVP_CTRL_AEAD_… (openssl/evp.h)


class SignatureError(Exception):
    """A message is not from the server that knows the password."""


class Keys:
    """Signs and checks by what the session has agreed on. From 3.1.1 on ``agreed``, the SHA-512 of all that was said
    before, is in the keys: who had changed a word of it would have others."""

    def __init__(self, session_key: bytes, dialect: int, agreed: bytes = b"") -> None:
        self._is_v3 = dialect >= 0x0300
        if dialect >= 0x0311:
            labels = (b"SMBSigningKey\0", b"SMBC2SCipherKey\0", b"SMBS2CCipherKey\0")
            self._sign, self._out, self._in = (derive(session_key, label, agreed) for label in labels)
            return
        self._sign = derive(session_key, b"SMB2AESCMAC\0", b"SmbSign\0") if self._is_v3 else session_key
        self._out = derive(session_key, b"SMB2AESCCM\0", b"ServerIn \0")
        self._in = derive(session_key, b"SMB2AESCCM\0", b"ServerOut\0")

    def signed(self, message: bytes) -> bytes:
        """The message with its signature in its place, whatever was there."""
        plain = bytearray(message)
        plain[_SIGNATURE] = bytes(SIGNATURE_BYTES)
        made = _cmac(self._sign, bytes(plain)) if self._is_v3 else hmac.digest(self._sign, plain, "sha256")
        plain[_SIGNATURE] = made[:SIGNATURE_BYTES]
        return bytes(plain)

    def check(self, message: bytes) -> None:
        """Raises SignatureError."""
        if not hmac.compare_digest(self.signed(message), message):
            raise SignatureError

    def sealed(self, message: bytes, session: int) -> bytes:
        """The message so that only the server reads it."""
        nonce = os.urandom(_NONCE_BYTES)
        bound = nonce.ljust(16, b"\0") + struct.pack("<IHHQ", len(message), 0, 1, session)
        text, tag = _ccm(self._out, nonce, bound, message, None)
        return _SEALED + tag + bound + text

    def opened(self, message: bytes) -> bytes:
        """The text of a sealed message. Raises SignatureError."""
        if message[:4] != _SEALED or len(message) <= _SEAL_BYTES:
            raise SignatureError
        nonce = message[_BOUND_AT : _BOUND_AT + _NONCE_BYTES]
        bound, tag = message[_BOUND_AT:_SEAL_BYTES], message[4:_BOUND_AT]
        return _ccm(self._in, nonce, bound, message[_SEAL_BYTES:], tag)[0]


def derive(key: bytes, label: bytes, context: bytes) -> bytes:
    """SP 800-108 in counter mode by HMAC-SHA-256, 128 bits."""
    return hmac.digest(key, b"\0\0\0\1" + label + b"\0" + context + b"\0\0\0\x80", "sha256")[:16]


@cache
def _libcrypto() -> ctypes.CDLL:
    library = ctypes.CDLL("libcrypto.so.3")
    size, pointer, text = ctypes.c_size_t, ctypes.c_void_p, ctypes.c_char_p
    library.EVP_Q_mac.restype = pointer
    library.EVP_Q_mac.argtypes = [pointer, text, text, text, pointer, text, size, text, size, text, size, pointer]
    for name in ("EVP_CIPHER_CTX_new", "EVP_aes_128_ccm"):
        getattr(library, name).restype = pointer
    library.EVP_CIPHER_CTX_free.argtypes = [pointer]
    library.EVP_CIPHER_CTX_ctrl.argtypes = [pointer, ctypes.c_int, ctypes.c_int, text]
    library.EVP_CipherInit_ex.argtypes = [pointer, pointer, pointer, text, text, ctypes.c_int]
    library.EVP_CipherUpdate.argtypes = [pointer, text, pointer, text, ctypes.c_int]
    return library


def _cmac(key: bytes, message: bytes) -> bytes:
    out, length = ctypes.create_string_buffer(16), ctypes.c_size_t()
    given = (key, len(key), message, len(message), out, len(out), ctypes.byref(length))
    if not _libcrypto().EVP_Q_mac(None, b"CMAC", None, b"AES-128-CBC", None, *given):
        raise RuntimeError("libcrypto refused AES-CMAC")
    return out.raw


def _ccm(key: bytes, nonce: bytes, bound: bytes, data: bytes, tag: bytes | None) -> tuple[bytes, bytes]:
    """Seal without a tag, open with one; returns the other text and the tag. Raises SignatureError."""
    library, length = _libcrypto(), ctypes.c_int()
    context = library.EVP_CIPHER_CTX_new()
    out, encrypts = ctypes.create_string_buffer(len(data)), int(tag is None)
    try:
        is_ready = bool(context) and (
            library.EVP_CipherInit_ex(context, library.EVP_aes_128_ccm(), None, None, None, encrypts) == 1
            and library.EVP_CIPHER_CTX_ctrl(context, _SET_IV_LENGTH, len(nonce), None) == 1
            and library.EVP_CIPHER_CTX_ctrl(context, _SET_TAG, SIGNATURE_BYTES, tag) == 1
            and library.EVP_CipherInit_ex(context, None, None, key, nonce, encrypts) == 1
            and library.EVP_CipherUpdate(context, None, ctypes.byref(length), None, len(data)) == 1
            and library.EVP_CipherUpdate(context, None, ctypes.byref(length), bound, len(bound)) == 1
        )
        if not is_ready:
            raise RuntimeError("libcrypto refused AES-CCM")
        if library.EVP_CipherUpdate(context, out, ctypes.byref(length), data, len(data)) != 1:
            raise SignatureError
        made = ctypes.create_string_buffer(SIGNATURE_BYTES)
        if tag is None:
            library.EVP_CIPHER_CTX_ctrl(context, _GET_TAG, SIGNATURE_BYTES, made)
        return out.raw, tag or made.raw
    finally:
        library.EVP_CIPHER_CTX_free(context)
