"""The page of the field tools with a stand-in for rsd: what a form asks for, its mistakes, each result, the file."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from firmware.model import codec
from firmware.model.config import Config, Lan, Wan
from tests.unit import stand_in
from tests.unit.stand_in import Refusal, Rsd, browser, serving
from tests.unit.test_cli_tools import RESULTS, SAID
from webui.app import create_app

CONFIG = Config(
    wans={"telecom": Wan(interface="eth0", number=1)}, lans={"office": Lan(ports=(), address="10.0.0.1/24")}
)
STATUS = {"lines": [], "ports": [{"name": "eth0"}], "pending": None, "hosts_active": 0}
FILE = bytes(range(256)) * 40
RESULT = {
    **RESULTS, "port": {"address": "192.0.2.1", "took_ms": 3.5}, "diagnosis": {"files": ["README.txt"]},
    "capture": {"packets": 3, "dropped": 1},
}  # fmt: skip
JOB = {"id": 7, "who": "wang", "begun": 1e9, "running": False, "trouble": None, "result": None, "file": None,
       "file_bytes": 0}  # fmt: skip


class ToolBox(Rsd):
    """Has one job, and is busy when a test says so."""

    def __init__(self, run_dir: Path) -> None:
        super().__init__(run_dir, {
            "whoami": {"user": "x", "role": "admin", "language": None, "kind": "session"},
            "config.get": codec.to_plain(CONFIG), "status": STATUS, "config.check": {"problems": []},
            "config.diff": [], "tools.start": {"id": 7},
        })  # fmt: skip
        self.job: dict[str, Any] = {}
        self.busy = False

    def answer(self, verb: str, args: dict[str, Any], session: str | None) -> Any:
        if verb == "tools.start" and self.busy:
            raise Refusal(code="busy", message="Other tools are at work; wait for them, or stop one.")
        if verb == "tools.file":
            content = base64.b64encode(FILE[args["offset"] : args["offset"] + 4000]).decode()
            return {"name": "box-capture.pcap", "size_bytes": len(FILE), "content": content}
        if verb in ("tools.job", "tools.jobs"):
            return self.job if verb == "tools.job" else [self.job]
        return super().answer(verb, args, session)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ToolBox, Flask]]:
    """Rsd and the page: making it takes as long as all tests."""
    run_dir = tmp_path_factory.mktemp("run")
    server = ToolBox(run_dir)
    with serving(server):
        yield server, create_app({"RUN_DIR": run_dir, "TESTING": True})


@pytest.fixture
def rsd(served: tuple[ToolBox, Flask]) -> ToolBox:
    rsd = served[0]
    rsd.asked, rsd.job, rsd.busy = [], {**JOB, "request": {"tool": "cable"}}, False
    return rsd


@pytest.fixture
def client(served: tuple[ToolBox, Flask]) -> FlaskClient:
    return browser(served[1], language=None)


def send(client: FlaskClient, path: str, **fields: str) -> Any:
    return stand_in.send(client, f"/system/tools/{path}", **fields)


def started(rsd: ToolBox) -> list[dict[str, Any]]:
    return [args["request"] for verb, args in rsd.asked if verb == "tools.start"]


def test_a_form_asks_for_what_it_says(client: FlaskClient, rsd: ToolBox) -> None:
    page = client.get("/system/tools/").get_data(as_text=True)
    for value in ("lan:office", "line:telecom", "port:eth0"):
        assert f'value="{value}"' in page
    answer = send(client, "capture", where="lan:office", host="", port="53", protocol="udp", seconds="5", whole="1")
    assert (answer.status_code, answer.location) == (303, "/system/tools/results/7")
    assert send(client, "ping", host="www.example.com", line="telecom", family="ipv4", count="").status_code == 303
    assert send(client, "cable").status_code == 303
    assert started(rsd) == [
        {"tool": "capture", "where": "lan:office", "port": 53, "protocol": "udp", "seconds": 5, "whole": True},
        {"tool": "ping", "host": "www.example.com", "line": "telecom", "family": "ipv4"},
        {"tool": "cable"},
    ]


@pytest.mark.parametrize(
    ("tool", "fields", "wrong"),
    [
        ("ping", {"host": "-f", "family": "any"}, "ping-host"),
        ("ping", {"host": "", "family": "any"}, "ping-host"),
        ("ping", {"host": "a.example", "family": "any", "count": "99"}, "ping-count"),
        ("port", {"host": "a.example", "family": "any", "port": "many"}, "port-port"),
        ("lookup", {"name": "a b", "type": "A"}, "lookup-name"),
        ("capture", {"where": "/etc/passwd", "protocol": "any"}, "capture-where"),
    ],
)
def test_a_mistake_is_told_at_its_field(
    client: FlaskClient, rsd: ToolBox, tool: str, fields: dict[str, str], wrong: str
) -> None:
    answer = send(client, tool, **fields)
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert f'id="{wrong}-error"' in page
    assert started(rsd) == []


def test_what_rsd_refuses_is_told_in_words(client: FlaskClient, rsd: ToolBox) -> None:
    rsd.busy = True
    answer = send(client, "cable")
    assert answer.status_code == 422
    assert "别的工具正在运行" in answer.get_data(as_text=True)
    assert send(client, "nothing").status_code == 404


def test_each_result_has_its_page(client: FlaskClient, rsd: ToolBox) -> None:
    for tool, result in RESULT.items():
        rsd.job = {**JOB, "request": {"tool": tool}, "result": {**result, "said": SAID}}
        page = client.get("/system/tools/results/7?lang=zh").get_data(as_text=True)
        assert "第 2 跳 192.0.2.1 不让通过：主机不可达" in page
        page = client.get("/system/tools/results/7?lang=en").get_data(as_text=True)
        assert "lets nothing pass: host unreachable" in page
        assert "http-equiv" not in page


def test_while_it_works_the_page_asks_again(client: FlaskClient, rsd: ToolBox) -> None:
    rsd.job = {**rsd.job, "running": True}
    page = client.get("/system/tools/results/7").get_data(as_text=True)
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in page
    assert 'data-refresh="/system/tools/results/7/part"' in page
    assert send(client, "results/7/stop").location == "/system/tools/results/7"
    rsd.job = {**rsd.job, "running": False}
    assert send(client, "results/7/stop").location == "/system/tools/"


def test_the_file_comes_in_pieces_over_page_and_rest(client: FlaskClient, rsd: ToolBox) -> None:
    answer = send(client, "results/7/file")
    assert answer.data == FILE
    assert answer.headers["Content-Disposition"] == 'attachment; filename="box-capture.pcap"'
    answer = client.get("/api/v1/tools/7/file", headers={"Authorization": "Bearer x"})
    assert (answer.status_code, answer.data) == (200, FILE)
    assert [args["offset"] for verb, args in rsd.asked if verb == "tools.file"] == [0, 4000, 8000] * 2


def test_rest_starts_what_it_is_told_and_nothing_else(client: FlaskClient, rsd: ToolBox) -> None:
    bearer = {"Authorization": "Bearer x"}
    answer = client.post("/api/v1/tools", headers=bearer, json={"tool": "port", "host": "a.example", "port": 25})
    assert (answer.status_code, answer.get_json()) == (201, {"id": 7})
    for body in ({"tool": "rm"}, {"tool": "ping", "host": "a.example", "shell": "x"}, {"host": "a.example"}):
        assert client.post("/api/v1/tools", headers=bearer, json=body).status_code == 422
    assert [request["port"] for request in started(rsd)] == [25]


def test_to_ask_about_a_file_by_rest_takes_nothing_away(client: FlaskClient, rsd: ToolBox) -> None:
    asked = client.head("/api/v1/tools/7/file")
    assert (asked.status_code, asked.headers["Allow"]) == (405, "GET")
    assert "tools.file" not in [verb for verb, _ in rsd.asked]
    with client.get("/api/v1/tools/7/file") as answer:
        assert answer.data == FILE
