"""Takes one bundle that the page's front hands on, as it comes: what sits between (waitress) would keep it in memory.

The front passes ``/update/bundle/TOKEN`` to ``RUN/update.sock``, which is there only while an upload is awaited.
Who has the token was allowed to upload by rsd, once. A form is answered by going back to the page, PUT by JSON.
"""

from __future__ import annotations

import hmac
import json
import socketserver
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from firmware.daemon.bundle import Read
from firmware.daemon.update_state import UPLOAD, UPLOAD_SOCKET, State

PAGE = "/system/update"
WAIT_S = 900.0
_SILENT_S = 60
_FORM_BYTES = 4096  # what stands before the file in a form


class UploadError(OSError):
    """Nothing came in time, or it was no upload."""


def receive(run_dir: Path, token: str, install: Callable[[Read], State]) -> State:
    """Wait for the upload and install it. Raises UploadError."""
    path = run_dir / UPLOAD_SOCKET
    path.unlink(missing_ok=True)
    found: list[State] = []

    class Handler(BaseHTTPRequestHandler):
        timeout = _SILENT_S

        def _take(self) -> None:
            if not hmac.compare_digest(self.path.encode(), f"{UPLOAD}{token}".encode()) or found:
                self.send_error(403)
                return
            body = _Body(self.rfile.read, int(self.headers.get("Content-Length") or 0))
            if "multipart/form-data" in self.headers.get("Content-Type", ""):
                body.skip_form_header()
            found.append(install(body.read))
            body.drain()
            self._answer(found[0])

        do_POST = do_PUT = _take  # noqa: N815 (the names that http.server calls)

        def _answer(self, state: State) -> None:
            if self.command == "POST":
                self.send_response(303)
                self.send_header("Location", PAGE)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            data = json.dumps({"phase": state.phase, "version": state.version, "reason": _words(state)}).encode()
            self.send_response(200 if state.phase == "ready" else 422)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *arguments: object) -> None:
            """The state says what happened."""

    with socketserver.UnixStreamServer(str(path), Handler) as server:
        path.chmod(0o600)
        server.timeout = 1.0
        deadline_s = time.monotonic() + WAIT_S
        try:
            while not found:
                if time.monotonic() > deadline_s:
                    raise UploadError("no file was sent within a quarter of an hour")
                server.handle_request()
        finally:
            path.unlink(missing_ok=True)
    return found[0]


class _Body:
    """A request's body of known length, read as a stream."""

    def __init__(self, read: Read, size_bytes: int) -> None:
        self._read, self._left = read, size_bytes

    def read(self, size: int) -> bytes:
        piece = self._read(min(size, self._left))
        self._left -= len(piece)
        return piece

    def skip_form_header(self) -> None:
        """Go to where the form's only field, the file, begins. What follows it is not looked at."""
        seen = b""
        while not seen.endswith(b"\r\n\r\n") and len(seen) < _FORM_BYTES and (byte := self.read(1)):
            seen += byte

    def drain(self) -> None:
        """Whoever sends gets his answer only when he has sent everything."""
        while self._left and self.read(1 << 16):
            pass


def _words(state: State) -> str:
    return state.reason % state.params if state.params else state.reason
