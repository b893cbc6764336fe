"""Files of many megabytes that people send: straight to the disk, bounded, and only from who has a ticket.

waitress reads a body before anybody has looked at who sends it, and the front streams to it what goes to ``/upload``.
So a page that awaits a file puts a ticket into its form's address (``?ticket=``), which names how much may come and
until when; only with one of ours does waitress take more than from everybody. Tickets are proved by an HMAC under a
key of this process: nothing is kept of them. rsd is told the name of the file, never its content.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import re
import secrets
import time
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import parse_qs

from flask import Flask, Request, current_app, request

from firmware.model.config import PREFIX_BYTES_MAX

TICKET_S = 3600
STALE_S = 3600.0
PIECE_BYTES = 1 << 18
FORM_BYTES = 64 << 10  # what a form has beside its file
BACKUP_BYTES = 256 << 20
_NAME = re.compile(r"[a-z0-9]{32}")
# Prefix lists may be larger than what everybody may send, and come without a ticket.
LISTS = re.compile(r"^/(?:lines/lists/[^/]+/preview|api/v1/prefixes/[^/]+(?:/preview)?)$")
LIST_BYTES = PREFIX_BYTES_MAX * 5 // 4  # JSON writes a line's end as two bytes
# The front streams what goes to these places; features/web.py has the same expression.
PLACES = re.compile(r"^/(?:api/v1/uploads/file|system/[a-z]+/upload|business/files/[a-z_.]+/[^/]+)$")


class Uploads:
    """The folder that what is sent lies in, and the tickets for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = secrets.token_bytes(32)

    def ticket(self, path: str, max_bytes: int) -> str:
        """A ticket for one place and so many bytes, for an hour."""
        until = int(time.time()) + TICKET_S
        return f"{max_bytes}.{until}.{self._proof(path, max_bytes, until)}"

    def allowed_bytes(self, path: str, query: str) -> int | None:
        """How much a request may send by its ticket; ``None`` without a valid one."""
        given = parse_qs(query, max_num_fields=8).get("ticket", [""])[0].split(".") if PLACES.match(path) else []
        if len(given) != 3 or not all(part.isascii() and part.isdecimal() and len(part) < 16 for part in given[:2]):
            return None
        max_bytes, until = int(given[0]), int(given[1])
        is_ours = hmac.compare_digest(given[2].encode(), self._proof(path, max_bytes, until).encode())
        return max_bytes if is_ours and until >= time.time() else None

    def new(self) -> tuple[str, IO[bytes]]:
        """A new file, and the name that rsd is told. What was left for an hour is removed."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in self.folder.iterdir():
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < time.time() - STALE_S:
                    path.unlink()
        name = secrets.token_hex(16)
        return name, (self.folder / name).open("x+b")

    def forget(self, name: str) -> None:
        """Remove a file, where rsd has not taken it."""
        if _NAME.fullmatch(name):
            (self.folder / name).unlink(missing_ok=True)

    def _proof(self, path: str, max_bytes: int, until: int) -> str:
        return hmac.new(self._key, f"{path} {max_bytes} {until}".encode(), hashlib.sha256).hexdigest()


class PageRequest(Request):
    """A request whose file, where the form has a ticket, goes to the folder and not to memory; ``upload`` is its name
    then. It is removed with the request, unless rsd has taken it."""

    upload = ""

    def _get_file_stream(self, *args: Any, **kwargs: Any) -> IO[bytes]:
        if not ticket_bytes(self):
            return super()._get_file_stream(*args, **kwargs)
        self.upload, file = uploads().new()
        return file


def install(app: Flask, folder: Path) -> None:
    """Let views take large files."""
    app.request_class = PageRequest
    app.extensions["uploads"] = Uploads(folder)
    app.teardown_request(_forget)


def uploads() -> Uploads:
    found: Uploads = current_app.extensions["uploads"]
    return found


def ticket_bytes(asked: Request) -> int | None:
    """How much this request may send by its ticket."""
    return uploads().allowed_bytes(asked.path, asked.query_string.decode("latin-1"))


def file_name(field: str) -> str:
    """The name that rsd is told of a form's file; ``""`` where none was chosen. The file is closed, so it is whole."""
    sent = request.files.get(field)
    if sent is None or not sent.filename or not cast(PageRequest, request).upload:
        return ""
    sent.stream.close()
    return cast(PageRequest, request).upload


def receive() -> str:
    """The request's whole body into a file that stays until rsd takes it. :raise 413: more than its ticket allows."""
    name, file = uploads().new()
    try:
        with file:
            while data := request.stream.read(PIECE_BYTES):
                file.write(data)
    except BaseException:
        uploads().forget(name)
        raise
    return name


def _forget(_error: BaseException | None = None) -> None:
    uploads().forget(cast(PageRequest, request).upload)


def parser_class(found: Uploads) -> type:
    """waitress's parser, for which a ticket lifts the limit and has the body buffered in our folder."""
    from tempfile import TemporaryFile

    from waitress.buffers import TempfileBasedBuffer
    from waitress.parser import HTTPRequestParser
    from waitress.utilities import RequestEntityTooLarge

    class TooLarge(RequestEntityTooLarge):  # type: ignore[misc]
        """Said as the page and REST say it: Flask never sees such a request."""

        def to_response(self, ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
            megabytes, is_api = self.body
            said = f"That is too much at once; the router takes up to {megabytes} MB."
            if is_api:
                kind, text = (
                    "application/json",
                    json.dumps({"error": {"code": "too_large", "message": said, "problems": []}}),
                )
            else:
                kind, text = (
                    "text/plain; charset=utf-8",
                    f"一次发送的内容太多，路由器一次最多收 {megabytes} MB。\n\n{said}\n",
                )
            return f"{self.code} {self.reason}", [("Content-Type", kind)], text.encode()

    class Buffer(TempfileBasedBuffer):  # type: ignore[misc]
        def newfile(self) -> Any:
            return TemporaryFile("w+b", dir=found.folder)

    class Wider:
        """waitress's settings with another limit."""

        def __init__(self, settings: Any, max_bytes: int) -> None:
            self._settings, self.max_request_body_size = settings, max_bytes + FORM_BYTES

        def __getattr__(self, name: str) -> Any:
            return getattr(self._settings, name)

    class Parser(HTTPRequestParser):  # type: ignore[misc]
        adj: Any
        error: Any

        def received(self, data: bytes) -> int:
            consumed: int = super().received(data)
            if isinstance(self.error, RequestEntityTooLarge):
                max_bytes = PREFIX_BYTES_MAX if LISTS.match(self.path) else self.adj.max_request_body_size
                self.error = TooLarge((max_bytes >> 20, self.path.startswith("/api/")))
            return consumed

        def parse_header(self, header_plus: bytes) -> None:
            super().parse_header(header_plus)
            max_bytes = found.allowed_bytes(self.path, self.query) if self.body_rcv is not None else None
            if self.body_rcv is not None and LISTS.match(self.path):
                max_bytes = LIST_BYTES
            if max_bytes is not None:
                self.adj = Wider(self.adj, max_bytes)
                self.body_rcv.buf = Buffer()

    return Parser
