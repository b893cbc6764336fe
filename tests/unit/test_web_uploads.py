"""Large files on their way to rsd: only by a ticket, never through memory, and nothing is left lying about."""

from __future__ import annotations

import io
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from flask import Flask
from waitress.adjustments import Adjustments

from firmware.model.config import PREFIX_BYTES_MAX
from webui import uploads
from webui.access import requires, takes_files
from webui.api import schemas
from webui.app import BODY_MAX_BYTES, create_app
from webui.uploads import FORM_BYTES, Uploads, parser_class

PLACE = "/system/test/upload"
FILE_BYTES = 300 << 10


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    app = create_app({"RUN_DIR": tmp_path, "TESTING": True})

    @requires("public")
    @takes_files
    def view() -> str:
        name = uploads.file_name("file")
        return f"{name} {(uploads.uploads().folder / name).stat().st_size if name else 0}"

    app.add_url_rule(PLACE, "test_upload", view, methods=["POST"])
    return app


@pytest.fixture
def folder(app: Flask) -> Path:
    return Path(app.extensions["uploads"].folder)


def token(app: Flask) -> str:
    with app.test_request_context(headers={"Cookie": "rs=x"}):
        return str(app.jinja_env.globals["csrf_token"]())  # type: ignore[operator]


def send(app: Flask, size: int, *, max_bytes: int | None) -> Any:
    client = app.test_client()
    client.set_cookie("rs", "x")
    ticket = "" if max_bytes is None else f"?ticket={app.extensions['uploads'].ticket(PLACE, max_bytes)}"
    data = {"csrf": token(app), "file": (io.BytesIO(bytes(size)), "x.bin")}
    return client.post(PLACE + ticket, data=data)


def test_a_file_goes_to_the_folder_and_is_gone_with_the_request(app: Flask, folder: Path) -> None:
    answer = send(app, FILE_BYTES, max_bytes=FILE_BYTES)
    name, size = answer.get_data(as_text=True).split(" ")
    assert (len(name), int(size)) == (32, FILE_BYTES)
    assert list(folder.iterdir()) == []


def test_without_a_ticket_or_beyond_it_nothing_is_taken(app: Flask, folder: Path) -> None:
    assert send(app, FILE_BYTES, max_bytes=None).status_code == 413
    assert send(app, FILE_BYTES, max_bytes=FILE_BYTES // 2).status_code == 413
    assert not folder.exists() or list(folder.iterdir()) == []


def test_tickets_are_for_one_place_for_so_many_bytes_for_an_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Uploads(tmp_path)
    ticket = desk.ticket(PLACE, 5000)
    assert desk.allowed_bytes(PLACE, f"a=b&ticket={ticket}") == 5000
    assert Uploads(tmp_path).allowed_bytes(PLACE, f"ticket={ticket}") is None
    _, until, proof = ticket.split(".")
    for forged in (f"9000.{until}.{proof}", f"5000.{int(until) + 1}.{proof}", f"5000.{until}.", "", "x.y.z", "5000"):
        assert desk.allowed_bytes(PLACE, f"ticket={forged}") is None
    assert desk.allowed_bytes("/system/other/upload", f"ticket={ticket}") is None
    assert desk.allowed_bytes("/lines/x", f"ticket={desk.ticket('/lines/x', 5000)}") is None
    later = time.time() + uploads.TICKET_S + 2
    monkeypatch.setattr(uploads, "time", SimpleNamespace(time=lambda: later))
    assert desk.allowed_bytes(PLACE, f"ticket={ticket}") is None


def test_what_is_left_for_an_hour_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Uploads(tmp_path)
    _, file = desk.new()
    file.close()
    later = time.time() + uploads.STALE_S + 2
    monkeypatch.setattr(uploads, "time", SimpleNamespace(time=lambda: later))
    fresh, file = desk.new()
    file.close()
    assert [path.name for path in tmp_path.iterdir()] == [fresh]
    desk.forget("../x")
    desk.forget(fresh)
    assert list(tmp_path.iterdir()) == []


def test_waitress_takes_more_only_by_a_ticket(tmp_path: Path) -> None:
    desk = Uploads(tmp_path)
    settings = Adjustments(max_request_body_size=FILE_BYTES // 2)

    def parsed(query: str, size: int) -> Any:
        parser = parser_class(desk)(settings)
        parser.received(f"POST {PLACE}{query} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode())
        return parser

    ticket = f"?ticket={desk.ticket(PLACE, FILE_BYTES)}"
    for query, size in (("", FILE_BYTES), ("?ticket=1.2.3", FILE_BYTES), (ticket, FILE_BYTES + FORM_BYTES)):
        refused = parsed(query, size)
        assert (refused.completed, refused.error.code) == (True, 413), "before its body"
        refused.close()
    parser = parsed(ticket, FILE_BYTES)
    assert not parser.completed
    parser.received(bytes(FILE_BYTES))
    assert (parser.completed, parser.error) == (True, None)
    with parser.body_rcv.getfile() as file:
        assert len(file.read()) == FILE_BYTES
        assert str(tmp_path) in str(Path(f"/proc/self/fd/{file.fileno()}").readlink())


@pytest.mark.parametrize(
    "place", ["/lines/lists/unicom/preview", "/api/v1/prefixes/unicom", "/api/v1/prefixes/unicom/preview"]
)
def test_waitress_takes_a_prefix_list_as_large_as_is_promised(tmp_path: Path, place: str) -> None:
    def parsed(path: str) -> Any:
        parser = parser_class(Uploads(tmp_path))(Adjustments(max_request_body_size=BODY_MAX_BYTES))
        parser.received(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {PREFIX_BYTES_MAX}\r\n\r\n".encode())
        parser.close()
        return parser.error

    assert parsed(place) is None
    assert parsed(f"{place}/more") is not None


def test_what_the_server_refuses_is_said_as_the_page_and_rest_say_it(tmp_path: Path) -> None:
    def refused(path: str) -> tuple[str, dict[str, str], bytes]:
        parser = parser_class(Uploads(tmp_path))(Adjustments(max_request_body_size=BODY_MAX_BYTES + FORM_BYTES))
        parser.received(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n".encode())
        parser.close()
        status, headers, body = parser.error.to_response("")
        return status, dict(headers), body

    status, headers, body = refused("/api/v1/commit")
    error = msgspec.json.decode(body, type=schemas.Error).error
    assert (status[:3], headers["Content-Type"], error.code) == ("413", "application/json", "too_large")
    assert "up to 1 MB" in error.message
    assert "up to 4 MB" in refused("/api/v1/prefixes/unicom")[2].decode()
    assert "最多收 1 MB" in refused("/system/backup/import")[2].decode()
