"""NTLMv2, by which a share knows who asks: the password itself is never sent (MS-NLMP).

Raw NTLMSSP as Linux' own client sends it, without SPNEGO around it. The key of the session is the base key: no second
key is exchanged, which would need RC4.
"""

from __future__ import annotations

import hmac
import os
import struct
from typing import NamedTuple

_SIGN = b"NTLMSSP\0"
# Unicode, target wanted, sign, NTLM, always sign, extended session security, target information, 128 bits.
_FLAGS = 0x1 | 0x4 | 0x10 | 0x200 | 0x8000 | 0x80000 | 0x800000 | 0x20000000
_AV_TIME = 7
_FIELDS_BYTES = 64  # of the answer: what stands before the texts


class NtlmError(Exception):
    """The server's challenge is none."""


class Answer(NamedTuple):
    """What is sent back, and the key that both sides then have."""

    message: bytes
    key: bytes


def hello() -> bytes:
    """The first message."""
    return _SIGN + struct.pack("<II", 1, _FLAGS) + bytes(16)


def answer(challenge: bytes, user: str, password: str, domain: str = "") -> Answer:
    """The answer to the server's challenge. Raises NtlmError."""
    try:
        sign, kind, of_server, length, offset = struct.unpack_from("<8sI12x8s8xH2xI", challenge)
    except struct.error:
        raise NtlmError from None
    information = challenge[offset : offset + length]
    if (sign, kind) != (_SIGN, 2) or len(information) != length:
        raise NtlmError
    name = user.encode("utf-16-le")
    where = domain.encode("utf-16-le")
    key = hmac.digest(md4(password.encode("utf-16-le")), user.upper().encode("utf-16-le") + where, "md5")
    own = b"\1\1" + bytes(6) + _time(information) + os.urandom(8) + bytes(4) + information + bytes(4)
    proof = hmac.digest(key, of_server + own, "md5")
    texts = [bytes(24), proof + own, where, name, b"", b""]  # LM, NT, domain, user, workstation, session key
    fields, offset = b"", _FIELDS_BYTES
    for text in texts:
        fields += struct.pack("<HHI", len(text), len(text), offset)
        offset += len(text)
    message = _SIGN + struct.pack("<I", 3) + fields + struct.pack("<I", _FLAGS) + b"".join(texts)
    return Answer(message, hmac.digest(key, proof, "md5"))


def _time(information: bytes) -> bytes:
    """The server's clock where it tells it: a box may not know yet what time it is."""
    at = 0
    while at + 4 <= len(information):
        kind, length = struct.unpack_from("<HH", information, at)
        if kind == _AV_TIME and length == 8:
            return information[at + 4 : at + 12]
        at += 4 + length
    return bytes(8)


def md4(data: bytes) -> bytes:
    """RFC 1320. OpenSSL 3 has it only in its legacy provider, which the image leaves out."""
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476]
    padded = data + b"\x80" + bytes((55 - len(data)) % 64) + struct.pack("<Q", 8 * len(data))
    for start in range(0, len(padded), 64):
        words = struct.unpack_from("<16I", padded, start)
        a, b, c, d = state
        for added, order, shifts in _ROUNDS:
            for step, index in enumerate(order):
                if added == 0:
                    mixed = (b & c) | (~b & d)
                elif added == 0x5A827999:
                    mixed = (b & c) | (b & d) | (c & d)
                else:
                    mixed = b ^ c ^ d
                total = (a + mixed + words[index] + added) & 0xFFFFFFFF
                turn = shifts[step % 4]
                a, b, c, d = d, (total << turn | total >> (32 - turn)) & 0xFFFFFFFF, b, c
        state = [(old + new) & 0xFFFFFFFF for old, new in zip(state, (a, b, c, d), strict=True)]
    return struct.pack("<4I", *state)


# What is added, which word comes when, and by how much is turned.
_ROUNDS = (
    (0, tuple(range(16)), (3, 7, 11, 19)),
    (0x5A827999, tuple(4 * low + high for high in range(4) for low in range(4)), (3, 5, 9, 13)),
    (0x6ED9EBA1, (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15), (3, 9, 11, 15)),
)
