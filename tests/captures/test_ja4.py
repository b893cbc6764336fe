"""JA4 against the example that its specification spells out, cipher by cipher and extension by extension."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from fastpath.binding.classify import run_classify
from tests.captures.generate.case import Case, Truth
from tests.captures.generate.quic import crypto, initial
from tests.captures.generate.tls import noise, record


def _split(text: str) -> list[str]:
    return text.split()


# FoxIO, "JA4: TLS Client Fingerprinting": a Chrome of 2023, in the order in which it was sent.
CIPHERS = _split("1301 1302 1303 c02b c02f c02c c030 cca9 cca8 c013 c014 009c 009d 002f 0035")
EXTENSIONS = _split("001b 0000 0033 0010 4469 0017 002d 000d 0005 0023 0012 002b ff01 000b 000a 0015")
SIGNATURES = _split("0403 0804 0401 0503 0805 0501 0806 0601")
SPECIFIED = "t13d1516h2_8daaf6152771_e5627efa2ab1"
EMPTY = "000000000000"


def _list(body: bytes, width: int = 2) -> bytes:
    return len(body).to_bytes(width, "big") + body


def _codes(codes: list[str]) -> bytes:
    return bytes.fromhex("".join(codes))


def hello(
    extensions: list[str] = EXTENSIONS,
    *,
    ciphers: list[str] = CIPHERS,
    signatures: list[str] = SIGNATURES,
    alpn: bytes = b"h2",
    versions: str = "03040303",
) -> bytes:
    bodies = {
        "0000": _list(b"\0" + _list(b"example.com")),
        "0010": _list(_list(alpn, 1)),
        "000d": _list(_codes(signatures)),
        "002b": _list(bytes.fromhex(versions), 1),
    }
    body = b"\x03\x03" + noise("random", 32) + b"\0" + _list(_codes(ciphers)) + b"\x01\0"
    body += _list(b"".join(bytes.fromhex(code) + _list(bodies.get(code, b"")) for code in extensions))
    return b"\x01" + _list(body, 3)


def fingerprint(message: bytes, folder: Path, *, over_quic: bool = False) -> str:
    case = Case("ja4", "one hello")
    if over_quic:
        case.udp(443, Truth("", "", "")).say(initial(1, noise("id", 8), crypto(0, message)))
    else:
        case.tcp(443, Truth("", "", "")).say(record(message))
    case.write(str(folder / "ja4.pcap"))
    (flow,) = run_classify(folder / "ja4.pcap", use_ndpi=False)
    return str(flow["ja4"])


def test_the_specified_example(tmp_path: Path) -> None:
    assert fingerprint(hello(), tmp_path) == SPECIFIED


def test_a_browser_that_shuffles_keeps_its_own(tmp_path: Path) -> None:
    dice = Random(4)
    for _ in range(5):
        extensions, ciphers = EXTENSIONS[:], CIPHERS[:]
        dice.shuffle(extensions)
        dice.shuffle(ciphers)
        assert fingerprint(hello(["dada", *extensions, "caca"], ciphers=["0a0a", *ciphers]), tmp_path) == SPECIFIED


def test_over_quic(tmp_path: Path) -> None:
    assert fingerprint(hello(), tmp_path, over_quic=True) == "q" + SPECIFIED[1:]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (hello([code for code in EXTENSIONS if code != "0000"]), "t13i1515h2"),
        (hello([code for code in EXTENSIONS if code != "0010"]), "t13d151500"),
        (hello([code for code in EXTENSIONS if code != "002b"]), "t12d1515h2"),
        (hello(versions="3a3a03040303"), "t13d1516h2"),
        (hello(versions="0302"), "t12d1516h2"),
        (hello(alpn=b"http/1.1"), "t13d1516h1"),
        (hello(alpn=b"x"), "t13d1516xx"),
        (hello(alpn=b"\xab\xcd"), "t13d1516ad"),
        (hello(ciphers=["1301"] * 120), "t13d9916h2"),
    ],
)
def test_the_part_that_people_read(message: bytes, expected: str, tmp_path: Path) -> None:
    assert fingerprint(message, tmp_path).split("_")[0] == expected


def test_nothing_to_hash(tmp_path: Path) -> None:
    assert fingerprint(hello([], ciphers=[]), tmp_path) == f"t12i000000_{EMPTY}_{EMPTY}"


def test_no_signatures_leave_no_underscore(tmp_path: Path) -> None:
    import hashlib

    bare = ["0000", "002b", "000a"]
    expected = hashlib.sha256(b"000a,002b").hexdigest()[:12]
    assert fingerprint(hello(bare), tmp_path).split("_")[2] == expected


def test_a_hello_that_contradicts_itself_has_none(tmp_path: Path) -> None:
    message = bytearray(hello())
    message[38 + 1] ^= 0x40  # more cipher suites than there is room
    assert fingerprint(bytes(message), tmp_path) == ""
