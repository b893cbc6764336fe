"""The speed test's process against a small server: rates it can know, delays, and servers that are no good for it."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from firmware.daemon import speedtest
from firmware.daemon.speedtest import NOTHING, TOO_SMALL, best_half, main

RATE_BPS = 40_000_000  # of each connection, both ways
BLOCK = bytes(20_000)
SECONDS = "2"  # a busy machine may stand still for most of one


class Paced(BaseHTTPRequestHandler):
    """Sends and takes at a known rate; keeps its connections as public servers do."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        size = 10_000 if self.path == "/small" else 200_000_000
        if self.path == "/rubbish":
            self.wfile.write(b"no such protocol\r\n\r\n")
            return
        self.send_response(404 if self.path == "/nothing" else 200)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        begun_s = time.monotonic()
        for sent in range(0, size, len(BLOCK)):
            self.wfile.write(BLOCK)
            time.sleep(max(0.0, begun_s + sent * 8 / RATE_BPS - time.monotonic()))

    def do_POST(self) -> None:
        left, taken, begun_s = int(self.headers["Content-Length"]), 0, time.monotonic()
        if self.path == "/forbidden":
            self.close_connection = True
            self.send_response(403)
            self.end_headers()
            return
        while left and (data := self.rfile.read(min(left, len(BLOCK)))):
            left, taken = left - len(data), taken + len(data)
            time.sleep(max(0.0, begun_s + taken * 8 / RATE_BPS - time.monotonic()))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):
            super().handle()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Paced)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.socket.close()


@pytest.fixture(autouse=True)
def without_privileges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speedtest, "PAST_THE_TREE", 6)  # what anybody may set
    monkeypatch.setattr(speedtest, "SETTLE_S", 0.25)
    monkeypatch.setattr(speedtest, "IDLE_PAUSE_S", 0.0)


def measured(capsys: pytest.CaptureFixture[str], down: str, up: str, *options: str) -> dict[str, object]:
    assert main([down, up, "127.0.0.1", "lo", "0", SECONDS, *options]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    found: dict[str, object] = json.loads(line)
    return found


def test_rates_and_delays_are_measured(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = measured(capsys, f"{address}/big", f"{address}/up")
    assert found["errors"] == {}
    # A busy machine paces slower, never faster.
    assert 0.1 < float(str(found["down_bps"])) / (speedtest.DOWNLOADS * RATE_BPS) < 1.2
    assert 0.1 < float(str(found["up_bps"])) / (speedtest.UPLOADS * RATE_BPS) < 1.3
    assert all(isinstance(found[key], float) for key in ("idle_ms", "down_ms", "up_ms"))


def test_through_the_shaper_only_uploads_are_measured(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = measured(capsys, "http://127.0.0.1:1/", f"{address}/up", "shaped")
    assert found["errors"] == {}
    assert (found["down_bps"], found["down_ms"]) == (None, None)
    assert found["up_bps"]


@pytest.mark.parametrize(
    ("path", "reason"), [("small", TOO_SMALL), ("nothing", "HTTP 404 Not Found"), ("rubbish", "no such protocol")]
)
def test_a_server_that_is_no_good_for_downloads_is_told(
    path: str, reason: str, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = measured(capsys, f"{address}/{path}", f"{address}/up")
    assert found["errors"] == {"down": reason}
    assert found["down_bps"] is None
    assert found["up_bps"]


def test_a_server_that_takes_no_uploads_is_told(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = measured(capsys, f"{address}/big", f"{address}/forbidden")
    assert list(found["errors"]) == ["up"]  # type: ignore[call-overload]
    assert found["up_bps"] is None
    assert found["down_bps"]


@pytest.mark.parametrize(
    ("url", "reason"), [("http://127.0.0.1:1/", "refused"), ("http://a.invalid/", ""), ("http://[::1", "Invalid IPv6")]
)
def test_a_server_that_does_not_answer_is_told_for_both(
    url: str, reason: str, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = measured(capsys, url, f"{address}/up")
    errors = found["errors"]
    assert isinstance(errors, dict)
    assert set(errors) == {"down", "up"}
    assert reason in errors["down"]
    assert found["idle_ms"] is None


def test_a_server_that_says_nothing_carries_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert measured(capsys, url, url)["errors"]["down"] == NOTHING  # type: ignore[index]


def test_the_better_half_counts() -> None:
    assert best_half([]) == 0
    assert best_half([1.0]) == 1
    assert best_half([4.0, 0.0, 8.0]) == 6
    assert best_half([4.0, 0.0, 8.0, 1.0]) == 6
