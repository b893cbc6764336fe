"""What the fetching process refuses, each in one line: other schemes, redirections to them, rubbish, too much."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from firmware.daemon.fetch import main


class Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "ftp://127.0.0.1:1/file")
            self.end_headers()
        elif self.path == "/rubbish":
            self.wfile.write(b"no such protocol\r\n\r\n")
        elif self.path == "/here":
            self.send_response(302)
            self.send_header("Location", "/file")
            self.end_headers()
        else:
            self.send_response(200 if self.path == "/file" else 404)
            self.end_headers()
            self.wfile.write(b"content")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("path", ["/file", "/here"])
def test_a_file_is_fetched(address: str, path: str, tmp_path: Path) -> None:
    assert main([address + path, str(tmp_path / "file"), "100"]) == 0
    assert (tmp_path / "file").read_bytes() == b"content"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("{}/away", "neither http nor https"),
        ("{}/rubbish", "no such protocol"),
        ("{}/nothing", "Not Found"),
        ("file:///etc/passwd", "does not begin with http"),
        ("http://[::1", "Invalid IPv6"),
        ("http://127.0.0.1:abc/", "nonnumeric port"),
        ("http://127.0.0.1:1/", "refused"),
    ],
)
def test_everything_else_is_one_line(
    address: str, url: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([url.format(address), str(tmp_path / "file"), "100"]) == 1
    said = capsys.readouterr().err
    assert reason in said
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "file").exists()


def test_too_much_is_refused(address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"{address}/file", str(tmp_path / "file"), "6"]) == 1
    assert "larger than" in capsys.readouterr().err
