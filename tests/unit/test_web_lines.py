"""The page of a line with a stand-in for rsd: what a form becomes, where the password goes, how a state is said."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from firmware.model import codec
from firmware.model.config import Config, Wan, Zone
from webui.app import create_app

WANS = {
    "telecom": Wan(
        interface="eth0", number=1, protocol="pppoe", username="a@163.gd", service_name="internet", mtu=1480
    ),
    "unicom": Wan(interface="eth1", number=2, vlan=41),
}
LINE = {
    "address": None, "gateway": None, "since": None, "rtt_ms": None, "loss_percent": None, "up_bps": 0, "down_bps": 0,
    "streak": 0, "needed": 3, "targets": [],
}  # fmt: skip
REFUSED = "The provider refused the account: check user name and password."
TARGET = {"target": "tcp://1.2.3.4:443", "kind": "tcp", "answered": False, "last": None, "delay_ms": None}
LINES = [
    {**LINE, "name": "telecom", "up": False, "state": "down", "reason": REFUSED},
    {
        **LINE, "name": "unicom", "up": True, "state": "failing", "streak": 2, "reason": "",
        "targets": [{**TARGET, "loss_percent": 100.0, "trouble": "The connection was refused."}],
    },
]  # fmt: skip
STATUS = {"lines": LINES, "ports": [{"name": f"eth{n}", "mac": "", "carrier": True} for n in range(3)], "pending": None}
PASSWORD = ' top "secret" '


class Rsd(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    asked: list[tuple[str, dict[str, Any]]]


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        config = codec.to_plain(Config(wans=WANS, zones={"wan": Zone()}))
        answers = {
            "whoami": {"user": "x", "role": "admin", "language": "en", "kind": "session"},
            "config.get": config, "status": STATUS, "config.set": {"problems": []}, "config.check": {"problems": []},
            "series": {"step_s": 2, "t": [], "up_bps": [], "down_bps": []}, "applications": {"applications": []},
            "config.diff": [], "prefixes.list": [],
        }  # fmt: skip
        for line in self.rfile:
            call = json.loads(line)
            self.server.asked.append((call["verb"], call["args"]))  # type: ignore[attr-defined]
            reply = {"id": call["id"], "ok": True, "result": answers.get(call["verb"], {})}
            self.wfile.write(json.dumps(reply).encode() + b"\n")


@pytest.fixture
def rsd(tmp_path: Path) -> Iterator[Rsd]:
    server = Rsd(str(tmp_path / "rsd.sock"), _Handler)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def client(rsd: Rsd, tmp_path: Path) -> FlaskClient:
    app = create_app({"RUN_DIR": tmp_path, "TESTING": True})
    client = app.test_client()
    client.set_cookie("rs", "somebody")
    client.set_cookie("lang", "en")
    return client


def send(client: FlaskClient, path: str, **fields: str) -> int:
    with client.application.test_request_context(headers={"Cookie": "rs=somebody"}):
        token = client.application.jinja_env.globals["csrf_token"]()  # type: ignore[operator]
    return client.post(path, data={"csrf": token, **fields}).status_code


def saved(rsd: Rsd) -> dict[str, Any]:
    (value,) = [args["value"] for verb, args in rsd.asked if verb == "config.set"]
    return dict(value)


def test_the_password_goes_to_its_verb_only(client: FlaskClient, rsd: Rsd) -> None:
    fields = {"interface": "eth0", "protocol": "pppoe", "username": "b@163.gd", "vlan": "41", "mtu": "", "dns": ""}
    assert send(client, "/lines/telecom", **fields, password=PASSWORD) == 303
    value = saved(rsd)
    assert (value["username"], value["vlan"], value["mtu"]) == ("b@163.gd", 41, None)
    assert [args for verb, args in rsd.asked if verb == "line.password"] == [{"line": "telecom", "password": PASSWORD}]
    assert "secret" not in json.dumps(value)


def test_an_empty_password_stays_and_is_never_shown(client: FlaskClient, rsd: Rsd) -> None:
    page = client.get("/lines/telecom?lang=en").get_data(as_text=True)
    assert 'type="password"' in page
    assert REFUSED in page
    assert send(client, "/lines/telecom", interface="eth0", protocol="pppoe", username="a@163.gd", password="") == 303
    assert "line.password" not in [verb for verb, _ in rsd.asked]
    assert saved(rsd)["service_name"] == "internet", "what the form did not show stays"


def test_another_way_takes_what_only_dialling_needs_away(client: FlaskClient, rsd: Rsd) -> None:
    assert send(client, "/setup/lines", line="telecom", protocol="dhcp") == 303
    value = saved(rsd)
    assert [value[key] for key in ("username", "service_name", "ac_name", "mtu")] == [None] * 4
    assert codec.set_path(Config(), "wans.telecom", value).wans["telecom"].protocol == "dhcp"


def test_targets_and_what_is_required_are_saved(client: FlaskClient, rsd: Rsd) -> None:
    fields = {"interface": "eth1", "protocol": "dhcp", "weight": "1", "ipv6": "off"}
    targets = "223.5.5.5\ntcp://1.2.3.4:443"
    assert send(client, "/lines/unicom", **fields, health_targets=targets, **{"health.require": "all_kinds"}) == 303
    value = saved(rsd)
    assert value["health_targets"] == ["223.5.5.5", "tcp://1.2.3.4:443"]
    assert value["health"]["require"] == "all_kinds"


def test_states_are_said_with_their_rounds(client: FlaskClient) -> None:
    page = client.get("/lines/?lang=en").get_data(as_text=True)
    assert "works, but round 2 of 3 without an answer" in page
    assert REFUSED in page
    assert "The connection was refused." in page
    assert "eth1, VLAN 41, address by DHCP" in page


def test_ports_of_other_lines_are_offered_with_their_users(client: FlaskClient) -> None:
    page = client.get("/lines/new?lang=en").get_data(as_text=True)
    places = [page.index(f'<option value="{port}"') for port in ("eth2", "eth0", "eth1")]
    assert places == sorted(places), "free ports come first"
    assert "used by unicom" in page
