"""The parts of SMB that need no server: hashes, keys, and what a challenge may look like."""

from __future__ import annotations

import struct

import pytest

from firmware.daemon.smb import cipher, ntlm


@pytest.mark.parametrize(
    ("text", "digest"),
    [  # RFC 1320, A.5
        (b"", "31d6cfe0d16ae931b73c59d7e0c089c0"),
        (b"abc", "a448017aaf21d8525fc10ae87aa6729d"),
        (b"1234567890" * 8, "e33b4ddc9c38f2199c3e7b164fcc0536"),
    ],
)
def test_md4(text: bytes, digest: str) -> None:
    assert ntlm.md4(text).hex() == digest


def test_the_answer_to_a_challenge(monkeypatch: pytest.MonkeyPatch) -> None:
    """MS-NLMP 4.2.4: user ``User``, domain ``Domain``, password ``Password``."""
    information = bytes.fromhex("02000c0044006f006d00610069006e0001000c005300650072007600650072000000 0000")
    challenge = b"NTLMSSP\0" + struct.pack("<I", 2) + bytes(12) + bytes.fromhex("0123456789abcdef")
    challenge += bytes(8) + struct.pack("<HHI", len(information), len(information), 48) + information
    monkeypatch.setattr(ntlm.os, "urandom", lambda size: b"\xaa" * size)
    made = ntlm.answer(challenge, "User", "Password", "Domain")
    assert made.key.hex() == "8de40ccadbc14a82f15cb0ad0de95ca3"
    assert bytes.fromhex("68cd0ab851e51c96aabc927bebef6a1c") in made.message
    for end in range(len(challenge)):
        with pytest.raises(ntlm.NtlmError):
            ntlm.answer(challenge[:end], "User", "Password")


@pytest.mark.parametrize("dialect", [0x0210, 0x0302, 0x0311])
def test_a_signature_holds_for_one_message_and_key(dialect: int) -> None:
    keys = cipher.Keys(b"k" * 16, dialect, b"a" * 64)
    message = keys.signed(bytes(range(200)))
    keys.check(message)
    for index in (0, 47, 50, 199):
        changed = bytearray(message)
        changed[index] ^= 1
        with pytest.raises(cipher.SignatureError):
            keys.check(bytes(changed))
    with pytest.raises(cipher.SignatureError):
        cipher.Keys(b"x" * 16, dialect, b"a" * 64).check(message)


def test_what_was_agreed_is_in_the_keys_of_the_newest_dialect() -> None:
    message = cipher.Keys(b"k" * 16, 0x0311, b"a" * 64).signed(bytes(80))
    with pytest.raises(cipher.SignatureError):
        cipher.Keys(b"k" * 16, 0x0311, b"b" * 64).check(message)


def test_what_is_sealed_is_opened_by_the_other_side_only(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = cipher.Keys(b"k" * 16, 0x0302)
    sealed = keys.sealed(b"a message", 7)
    with pytest.raises(cipher.SignatureError):  # our own, sent back
        keys.opened(sealed)
    monkeypatch.setattr(keys, "_in", keys._out)  # as the server has them
    assert keys.opened(sealed) == b"a message"
    for index in (0, 4, 20, 44, len(sealed) - 1):
        changed = bytearray(sealed)
        changed[index] ^= 1
        with pytest.raises(cipher.SignatureError):
            keys.opened(bytes(changed))
