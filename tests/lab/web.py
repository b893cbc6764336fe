"""The web of the lab: a small HTTP/1.1 server whose every site has the same pages.

``/`` greets; ``/address`` tells the client's address as the internet sees it; ``/bytes/N`` is N bytes; ``/video`` is a
long file for requests by range; ``/stream`` sends for as long as it is listened to; what is posted is read and counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import dataclass, field

_BLOCK = bytes(range(256)) * 256
_VIDEO_BYTES = 256 << 20
_HEAD_LIMIT_BYTES = 32 << 10
_STREAM_PAUSE_S = 0.05
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)


class BadRequestError(Exception):
    """What came is no HTTP request."""


class WebServer:
    """Answers the connections of one or more listening sockets."""

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection until its client leaves."""
        with contextlib.suppress(ConnectionError, TimeoutError, asyncio.IncompleteReadError, BadRequestError, OSError):
            while (request := await _read_request(reader)) is not None:
                received = await _discard(reader, int(request.headers.get("content-length", "0")))
                await _answer(request, received, writer)
                if request.headers.get("connection", "").lower() == "close":
                    break
        writer.close()
        with contextlib.suppress(ConnectionError, TimeoutError, OSError):
            await writer.wait_closed()


async def _read_request(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return None
    first, *lines = head[:_HEAD_LIMIT_BYTES].decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3:
        raise BadRequestError(first)
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return Request(words[0], words[1], headers)


async def _discard(reader: asyncio.StreamReader, length: int) -> int:
    left = length
    while left and (data := await reader.read(min(left, 1 << 16))):
        left -= len(data)
    return length - left


async def _answer(request: Request, received: int, writer: asyncio.StreamWriter) -> None:
    if request.path == "/stream":
        await _stream(writer)
    elif request.path == "/video":
        await _send_bytes(request, writer, _VIDEO_BYTES)
    elif match := re.fullmatch(r"/bytes/(\d{1,11})", request.path):
        await _send_bytes(request, writer, int(match[1]))
    elif request.path == "/address":
        await _send_text(writer, writer.get_extra_info("peername")[0].removeprefix("::ffff:") + "\n")
    elif request.method == "POST":
        await _send_text(writer, f"{received}\n")
    else:
        await _send_text(writer, f"Welcome to {request.headers.get('host', 'the internet')}\n")


async def _send_text(writer: asyncio.StreamWriter, text: str) -> None:
    body = text.encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


async def _send_bytes(request: Request, writer: asyncio.StreamWriter, size: int) -> None:
    match = _RANGE.fullmatch(request.headers.get("range", ""))
    first = int(match[1]) if match else 0
    last = min(int(match[2]), size - 1) if match and match[2] else size - 1
    if match and first > last:
        writer.write(
            b"HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */%d\r\nContent-Length: 0\r\n\r\n" % size
        )
        return
    status = f"206 Partial Content\r\nContent-Range: bytes {first}-{last}/{size}" if match else "200 OK"
    length = last - first + 1
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/octet-stream\r\nAccept-Ranges: bytes\r\n"
    writer.write(f"{head}Content-Length: {length}\r\n\r\n".encode())
    if request.method == "HEAD":
        return
    while length > 0:
        writer.write(_BLOCK[: min(length, len(_BLOCK))])
        length -= len(_BLOCK)
        await writer.drain()


async def _stream(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"1000\r\n" + _BLOCK[:4096] + b"\r\n"
    while True:
        writer.write(chunk)
        await writer.drain()
        await asyncio.sleep(_STREAM_PAUSE_S)
