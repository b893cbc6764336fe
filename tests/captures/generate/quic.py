"""QUIC Initial packets (RFC 9000, RFC 9001, RFC 9369), sealed here by the openssl program and GHASH of our own."""

from __future__ import annotations

import hashlib
import hmac
import subprocess

from tests.captures.generate.case import Case, Truth
from tests.captures.generate.tls import client_hello, extension, noise

# version: salt, prefix of the labels, type of an Initial
VERSIONS = {
    1: (bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"), "quic", 0),
    0x6B3343CF: (bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9"), "quicv2", 1),
}
DATAGRAM = 1200
POLYNOMIAL = 0xE1 << 120


def _expand(secret: bytes, label: str, size: int) -> bytes:
    """HKDF-Expand-Label of RFC 8446 for at most 32 bytes."""
    name = b"tls13 " + label.encode()
    info = size.to_bytes(2, "big") + bytes([len(name)]) + name + b"\0"
    return hmac.digest(secret, info + b"\x01", hashlib.sha256)[:size]


def client_keys(version: int, connection: bytes) -> tuple[bytes, bytes, bytes]:
    """Key, initialisation vector and header protection key (RFC 9001 5.2)."""
    salt, prefix, _ = VERSIONS[version]
    secret = _expand(hmac.digest(salt, connection, hashlib.sha256), "client in", 32)
    return (
        _expand(secret, f"{prefix} key", 16),
        _expand(secret, f"{prefix} iv", 12),
        _expand(secret, f"{prefix} hp", 16),
    )


def _ecb(key: bytes, blocks: bytes) -> bytes:
    argv = ["openssl", "enc", "-aes-128-ecb", "-nopad", "-K", key.hex()]
    return subprocess.run(argv, input=blocks, capture_output=True, check=True).stdout


def _multiply(x: int, y: int) -> int:
    z = 0
    for bit in range(127, -1, -1):
        if x >> bit & 1:
            z ^= y
        y = y >> 1 ^ (POLYNOMIAL if y & 1 else 0)
    return z


def seal(key: bytes, nonce: bytes, header: bytes, clear: bytes) -> bytes:
    """AES-128-GCM (NIST SP 800-38D): the sealed bytes and the tag behind."""
    count = (len(clear) + 15) // 16
    counters = b"".join(nonce + (number + 1).to_bytes(4, "big") for number in range(count + 1))
    stream = _ecb(key, bytes(16) + counters)
    secret = int.from_bytes(stream[:16], "big")
    sealed = bytes(a ^ b for a, b in zip(clear, stream[32:], strict=False))
    total = 0
    lengths = (len(header) * 8).to_bytes(8, "big") + (len(sealed) * 8).to_bytes(8, "big")
    for part in (header, sealed, lengths):
        for at in range(0, len(part), 16):
            block = int.from_bytes(part[at : at + 16].ljust(16, b"\0"), "big")
            total = _multiply(total ^ block, secret)
    tag = total ^ int.from_bytes(stream[16:32], "big")
    return sealed + tag.to_bytes(16, "big")


def crypto(offset: int, data: bytes) -> bytes:
    """A CRYPTO frame with both numbers in two bytes."""
    return b"\x06" + (0x4000 | offset).to_bytes(2, "big") + (0x4000 | len(data)).to_bytes(2, "big") + data


def initial(version: int, connection: bytes, frames: bytes, number: int = 0) -> bytes:
    """A client's Initial, padded to a datagram of 1,200 bytes."""
    key, vector, protection = client_keys(version, connection)
    kind = VERSIONS[version][2]
    head = bytes([0xC3 | kind << 4]) + version.to_bytes(4, "big") + bytes([len(connection)]) + connection + b"\0\0"
    clear = frames + bytes(max(0, DATAGRAM - len(head) - 2 - 4 - 16 - len(frames)))
    head += (0x4000 | 4 + len(clear) + 16).to_bytes(2, "big") + number.to_bytes(4, "big")
    nonce = (int.from_bytes(vector, "big") ^ number).to_bytes(12, "big")
    sealed = seal(key, nonce, head, clear)
    mask = _ecb(protection, sealed[:16])
    hidden = bytes(a ^ b for a, b in zip(head[-4:], mask[1:5], strict=True))
    return bytes([head[0] ^ mask[0] & 0x0F]) + head[1:-4] + hidden + sealed


def _reply(version: int) -> bytes:
    """The server's long header with what only the client can open."""
    kind = VERSIONS[version][2]
    head = bytes([0xC0 | kind << 4]) + version.to_bytes(4, "big") + b"\0\x08" + noise("server id", 8)
    return head + b"\0\x44\xb0" + noise("server initial", 1200)


def _hello(host: str, size: int = 0) -> bytes:
    extra = extension(0x0039, bytes.fromhex("01048000ea60")) + (
        extension(0x0033, noise("share", size)) if size else b""
    )
    return client_hello(host, alpn=("h3",), extra=extra, session=0)


def whole() -> Case:
    case = Case(
        "quic-whole", "The ClientHello in one Initial: versions 1 and 2, IPv4 and IPv6; in frames out of order."
    )
    for version in VERSIONS:
        name = f"{version:08x}"
        flow = case.udp(443, Truth("youtube", "quic", "video", "www.youtube.com"))
        flow.say(initial(version, noise(name, 8), crypto(0, _hello("www.youtube.com")))).hear(_reply(version))
        flow = case.udp6(443, Truth("bilibili", "quic", "video", "data.bilibili.com"))
        flow.say(initial(version, noise(name + "6", 20), crypto(0, _hello("data.bilibili.com")))).hear(_reply(version))
    hello = _hello("www.douyin.com")
    frames = b"\x01" + crypto(90, hello[90:]) + bytes(3) + crypto(0, hello[:90])
    case.udp(443, Truth("douyin", "quic", "video", "www.douyin.com")).say(initial(1, noise("mixed", 8), frames))
    return case


def split() -> Case:
    case = Case(
        "quic-split",
        "A ClientHello with a post-quantum key share over two Initial datagrams, in order and reversed, versions 1 "
        "and 2, IPv4 and IPv6.",
    )
    for version in VERSIONS:
        for turned in (False, True):
            host = "www.youtube.com"
            hello, name = _hello(host, 1200), noise(f"{version} {turned}", 8)
            parts = [
                initial(version, name, crypto(0, hello[:1000])),
                initial(version, name, crypto(1000, hello[1000:]), 1),
            ]
            flow = (case.udp6 if turned else case.udp)(443, Truth("youtube", "quic", "video", host, after=2))
            flow.say(*(reversed(parts) if turned else parts)).hear(_reply(version))
    return case


CASES = [whole, split]
