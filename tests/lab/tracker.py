"""A BitTorrent tracker over HTTP (BEP 3, compact answers of BEP 23) and the making of a torrent file."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
from pathlib import Path
from urllib.parse import unquote_to_bytes

Bencodable = int | bytes | list["Bencodable"] | dict[bytes, "Bencodable"]

_PIECE_BYTES = 1 << 18
_INTERVAL_S = 30


def bencode(value: Bencodable) -> bytes:
    """The value in BitTorrent's encoding."""
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, list):
        return b"l%se" % b"".join(bencode(item) for item in value)
    return b"d%se" % b"".join(bencode(key) + bencode(value[key]) for key in sorted(value))


def torrent(content: Path, announce: str) -> bytes:
    """The torrent file of one content file."""
    data = content.read_bytes()
    pieces = b"".join(hashlib.sha1(data[i : i + _PIECE_BYTES]).digest() for i in range(0, len(data), _PIECE_BYTES))
    info: dict[bytes, Bencodable] = {
        b"length": len(data),
        b"name": content.name.encode(),
        b"piece length": _PIECE_BYTES,
        b"pieces": pieces,
    }
    return bencode({b"announce": announce.encode(), b"info": info})


class Tracker:
    """Knows who has which torrent; a peer is the address it came from and the port it names."""

    def __init__(self) -> None:
        self._swarms: dict[bytes, set[bytes]] = {}

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one announce."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = await reader.readuntil(b"\r\n\r\n")
            body = self.announce(head.split(b" ")[1].decode("latin-1"), writer.get_extra_info("peername")[0])
            writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            await writer.drain()
        writer.close()

    def announce(self, path: str, address: str) -> bytes:
        """Takes a peer into the swarm, or out of it, and returns the bencoded list of the others."""
        pairs = [pair.partition("=") for pair in path.partition("?")[2].split("&")]
        query = {name: unquote_to_bytes(value) for name, _, value in pairs}
        if "info_hash" not in query or not query.get("port", b"").isdigit():
            return bencode({b"failure reason": b"info_hash and port are needed"})
        swarm = self._swarms.setdefault(query["info_hash"], set())
        peer = socket.inet_aton(address) + int(query["port"]).to_bytes(2, "big")
        others = sorted(swarm - {peer})[:50]
        if query.get("event") == b"stopped":
            swarm.discard(peer)
        else:
            swarm.add(peer)
        counts: dict[bytes, Bencodable] = {b"complete": len(swarm), b"incomplete": 0}
        return bencode({**counts, b"interval": _INTERVAL_S, b"peers": b"".join(others)})
