"""Files that rsd has, handed on piece by piece: neither rsd nor the page ever holds one whole."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from itertools import chain

from flask import Response

from firmware.client import Client

Read = Callable[[int], tuple[bytes, bool]]  # from an offset: a piece, and whether it is the last


def tool_file(client: Client, number: int) -> Response:
    """The file of a field tool's job. :raise NotFound: it is no more."""
    first = client.call("tools.file", id=number, offset=0)
    size_bytes = first["size_bytes"]

    def read(offset: int) -> tuple[bytes, bool]:
        piece = first if offset == 0 else client.call("tools.file", id=number, offset=offset)
        content = base64.b64decode(piece["content"])
        return content, not content or offset + len(content) >= size_bytes

    return _answer(client, read, first["name"], size_bytes)


def backup_file(client: Client, number: str, name: str = "", size_bytes: int | None = None) -> Response:
    """A backup that was made. :raise NotFound: it is no more."""

    def read(offset: int) -> tuple[bytes, bool]:
        piece = client.call("backup.read", id=number, offset=offset)
        return base64.b64decode(piece["data"]), piece["is_last"]

    return _answer(client, read, name, size_bytes)


def _answer(client: Client, read: Read, name: str, size_bytes: int | None) -> Response:
    """The first piece is asked for at once, so that a refusal can be told."""
    content = _pieces(client, read)
    response = Response(chain((next(content),), content), mimetype="application/octet-stream")
    if name:
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    if size_bytes is not None:
        response.headers["Content-Length"] = str(size_bytes)
    return response


def _pieces(client: Client, read: Read) -> Iterator[bytes]:
    """They outlive the request, whose end closes the client: it opens itself again, and is closed with the last."""
    offset, is_last = 0, False
    try:
        while not is_last:
            content, is_last = read(offset)
            offset += len(content)
            yield content
    finally:
        client.close()
