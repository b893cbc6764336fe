"""The file of a backup: what is written comes back, and whatever else is done to it is noticed."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.daemon import backup_cipher, backup_file
from firmware.daemon.backup_cipher import CHUNK_BYTES, TAG_BYTES, Cipher, CipherError, Derivation
from firmware.daemon.backup_file import BackupPort, FileError, Header

PASSPHRASE = "correct horse"
CHEAP = {"n": 2, "r": 1, "p": 1}
HEADER = Header(
    product="1.2.3",
    board="x86_64",
    hostname="rs-router",
    time=1_795_000_000.0,
    parts=("configuration",),
    ports=(BackupPort(name="eth0", mac="02:00:00:00:00:01"),),
    config_format=1,
    salt="11" * 16,
    file_salt="22" * 16,
    **CHEAP,
)
SIZES = (0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES + 5)


def made(body: bytes) -> bytes:
    target = io.BytesIO()
    sealer = backup_file.begin(target, HEADER, HEADER.derivation.key(PASSPHRASE))
    for start in range(0, len(body), 50_000):
        sealer.write(body[start : start + 50_000])
    sealer.close()
    return target.getvalue()


def read(data: bytes, passphrase: str = PASSPHRASE) -> bytes:
    source = io.BytesIO(data)
    preamble = backup_file.read_preamble(source)
    opener = backup_file.open_body(source, preamble, passphrase)
    text = opener.read()
    opener.drain()
    return text


BODY = bytes(range(256)) * (CHUNK_BYTES * 5 // 512)  # two and a half chunks
WHOLE = made(BODY)
HEAD_BYTES = len(WHOLE) - len(BODY) - 3 * TAG_BYTES


@pytest.mark.parametrize("size", SIZES)
def test_what_is_written_comes_back(size: int) -> None:
    body = hashlib.shake_128(b"body").digest(size)
    data = made(body)
    assert read(data) == body
    assert len(data) == HEAD_BYTES + size + TAG_BYTES * max(1, -(-size // CHUNK_BYTES))


class _Nonce:
    """The one of the vector, whatever is asked for."""

    @staticmethod
    def pack(*_: object) -> bytes:
        return bytes.fromhex("070000004041424344454647")


def test_the_cipher_is_the_standard_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 8439, 2.8.2."""
    text = (
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would "
        b"be it."
    )
    cipher = Cipher(bytes(range(0x80, 0xA0)), bytes.fromhex("50515253c0c1c2c3c4c5c6c7"))
    assert cipher.open(8, False, cipher.seal(7, False, text)) is None
    monkeypatch.setattr(backup_cipher, "_NONCE", _Nonce)
    sealed = cipher.seal(0, False, text)
    assert sealed[:16].hex() == "d31a8d34648e60db7b86afbc53ef7ec2"
    assert sealed[-16:].hex() == "1ae10b594f09e26a7e902ecbd0600691"
    assert cipher.open(0, False, sealed) == text


def test_every_chunk_has_its_own_nonce_and_every_file_its_own_key() -> None:
    chunks = [WHOLE[HEAD_BYTES + i * (CHUNK_BYTES + TAG_BYTES) :][:CHUNK_BYTES] for i in range(2)]
    assert BODY[:CHUNK_BYTES] == BODY[CHUNK_BYTES : 2 * CHUNK_BYTES]
    assert chunks[0] != chunks[1]
    keys = {backup_cipher.subkey(b"k" * 32, *what) for what in ((b"body", b"1"), (b"body", b"2"), (b"header", b"1"))}
    assert len(keys) == 3


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.integers(0, HEAD_BYTES * 8 - 1), st.integers(0, len(WHOLE) * 8 - 1)))
def test_a_flipped_bit_is_noticed(bit: int) -> None:
    data = bytearray(WHOLE)
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises((FileError, CipherError)):
        read(bytes(data))


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.integers(0, len(WHOLE) - 1), st.sampled_from([HEAD_BYTES, HEAD_BYTES + CHUNK_BYTES + TAG_BYTES])))
def test_a_cut_is_noticed(length: int) -> None:
    with pytest.raises((FileError, CipherError)):
        read(WHOLE[:length])


def _chunks(order: tuple[int, ...]) -> bytes:
    size = CHUNK_BYTES + TAG_BYTES
    return WHOLE[:HEAD_BYTES] + b"".join(WHOLE[HEAD_BYTES + i * size :][:size] for i in order)


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 2), (0, 1), (0, 0, 1, 2), (0, 1, 2, 2), (2,), ()])
def test_chunks_in_another_order_are_noticed(order: tuple[int, ...]) -> None:
    assert _chunks((0, 1, 2)) == WHOLE
    with pytest.raises((FileError, CipherError)):
        read(_chunks(order))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: b"PK" + data, "no backup"),
        (lambda data: b"", "no backup"),
        (lambda data: data[:10], "ends too early"),
        (lambda data: data[: HEAD_BYTES - 1], "ends too early"),
        (lambda data: data[:9] + b"\2" + data[10:], "Update the router first"),
        (lambda data: data[:40] + b"\0" + data[41:], "damaged at its beginning"),
        (lambda data: _chunks((0, 1)), "ends too early"),
        (lambda data: data[:-1], "at its end"),
        (lambda data: data + b"x", "damaged"),
        (lambda data: data[:HEAD_BYTES] + b"\0\0\0" + data[HEAD_BYTES + 3 :], "The file is damaged."),
    ],
)
def test_what_is_wrong_is_said_in_words(change: Callable[[bytes], bytes], words: str) -> None:
    with pytest.raises((FileError, CipherError), match=words):
        read(change(WHOLE))


def test_another_passphrase_is_refused_before_anything_is_read() -> None:
    with pytest.raises(FileError, match="passphrase is wrong"):
        read(WHOLE, "correct horsf")


def test_costs_that_a_stranger_wrote_are_bounded() -> None:
    for costs in ((1 << 20, 8, 1), (1 << 14, 8, 1000), (0, 8, 1)):
        with pytest.raises(ValueError, match="scrypt"):
            Derivation(b"salt", *costs).key("x")
