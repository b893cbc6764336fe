"""The page of a line with a stand-in for rsd: what a form becomes, where the password goes, how a state is said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from firmware.model import codec
from firmware.model.config import Config, Wan, Zone
from tests.unit import stand_in
from tests.unit.stand_in import Rsd, browser, serving
from webui.app import create_app

WANS = {
    "telecom": Wan(
        interface="eth0", number=1, protocol="pppoe", username="a@163.gd", service_name="internet", mtu=1480
    ),
    "unicom": Wan(interface="eth1", number=2, vlan=41),
}
LINE = {
    "address": None, "gateway": None, "since": None, "rtt_ms": None, "loss_percent": None, "up_bps": 0, "down_bps": 0,
    "streak": 0, "needed": 3, "targets": [], "month": None, "enabled": True, "role": "active", "draining": False,
    "share_percent": 0,
    "offload": {"obstacle": None, "connections": 0, "offloaded": 0, "share_percent": None},
}  # fmt: skip
REFUSED = "The provider refused the account: check user name and password."
TARGET = {"target": "tcp://1.2.3.4:443", "kind": "tcp", "answered": False, "last": None, "delay_ms": None}
MONTH = {"used_bytes": 200_000_000_000, "cap_bytes": 200_000_000_000, "since": 0, "until": 1e9, "spent": True}
LINES = [
    {**LINE, "name": "telecom", "up": False, "state": "down", "reason": REFUSED},
    {
        **LINE, "name": "unicom", "up": True, "month": MONTH, "state": "failing", "streak": 2, "reason": "",
        "targets": [{**TARGET, "loss_percent": 100.0, "trouble": "The connection was refused."}],
    },
]  # fmt: skip
PORTS = [{"name": f"eth{n}", "mac": "", "carrier": True} for n in range(3)]
STATUS = {"lines": LINES, "ports": PORTS, "pending": None, "hosts_active": 12}
RESULT = {
    "time": 0, "down_bps": 98_765_432, "up_bps": 19_876_543, "idle_ms": 5.0, "down_ms": 9.0, "up_ms": 300.0,
    "down_grade": "A+", "up_grade": "D", "grade": "D", "errors": {},
    "suggested": {"down_bps": 98_000_000, "up_bps": 19_000_000},
}  # fmt: skip
SPEED = [{"line": "unicom", "running": False, "result": RESULT, "shaped": None}]
PASSWORD = ' top "secret" '


class Lines(Rsd):
    def __init__(self, run_dir: Path) -> None:
        super().__init__(run_dir, {
            "whoami": {"user": "x", "role": "admin", "language": "en", "kind": "session"},
            "config.get": codec.to_plain(Config(wans=WANS, zones={"wan": Zone()})), "status": STATUS,
            "config.check": {"problems": []},
            "series": {"step_s": 2, "t": [], "up_bps": [], "down_bps": []}, "applications": {"applications": []},
            "config.diff": [], "prefixes.list": [], "speedtest.state": SPEED,
        })  # fmt: skip
        self.problems: tuple[Any, ...] = ()

    def answer(self, verb: str, args: dict[str, Any], session: str | None) -> Any:
        return {"problems": self.problems} if verb == "config.set" else super().answer(verb, args, session)


@pytest.fixture
def rsd(tmp_path: Path) -> Iterator[Lines]:
    server = Lines(tmp_path)
    with serving(server):
        yield server


@pytest.fixture
def client(rsd: Lines, tmp_path: Path) -> FlaskClient:
    return browser(create_app({"RUN_DIR": tmp_path, "TESTING": True}))


def send(client: FlaskClient, path: str, **fields: str) -> int:
    return int(stand_in.send(client, path, **fields).status_code)


def saved(rsd: Lines) -> dict[str, Any]:
    (value,) = [args["value"] for verb, args in rsd.asked if verb == "config.set"]
    return dict(value)


def test_the_password_goes_to_its_verb_only(client: FlaskClient, rsd: Lines) -> None:
    fields = {"interface": "eth0", "protocol": "pppoe", "username": "b@163.gd", "vlan": "41", "mtu": "", "dns": ""}
    assert send(client, "/lines/telecom", **fields, password=PASSWORD) == 303
    value = saved(rsd)
    assert (value["username"], value["vlan"], value["mtu"]) == ("b@163.gd", 41, None)
    assert [args for verb, args in rsd.asked if verb == "line.password"] == [{"line": "telecom", "password": PASSWORD}]
    assert "secret" not in json.dumps(value)


def test_an_empty_password_stays_and_is_never_shown(client: FlaskClient, rsd: Lines) -> None:
    page = client.get("/lines/telecom?lang=en").get_data(as_text=True)
    assert 'type="password"' in page
    assert REFUSED in page
    assert send(client, "/lines/telecom", interface="eth0", protocol="pppoe", username="a@163.gd", password="") == 303
    assert "line.password" not in [verb for verb, _ in rsd.asked]
    assert saved(rsd)["service_name"] == "internet", "what the form did not show stays"


def test_another_way_takes_what_only_dialling_needs_away(client: FlaskClient, rsd: Lines) -> None:
    assert send(client, "/setup/lines", line="telecom", protocol="dhcp") == 303
    value = saved(rsd)
    assert [value[key] for key in ("username", "service_name", "ac_name", "mtu")] == [None] * 4
    assert codec.set_path(Config(), "wans.telecom", value).wans["telecom"].protocol == "dhcp"


def test_targets_and_what_is_required_are_saved(client: FlaskClient, rsd: Lines) -> None:
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


def test_a_month_is_shown_and_saved_in_gigabytes(client: FlaskClient, rsd: Lines) -> None:
    page = client.get("/lines/?lang=en").get_data(as_text=True)
    assert "month is spent" in page
    assert "200\u202fGB of 200\u202fGB, until 9 September 2001" in page
    fields = {"interface": "eth1", "protocol": "dhcp", "weight": "1", "ipv6": "off", "billing_day": "28"}
    assert send(client, "/lines/unicom", **fields, monthly_bytes="0.5") == 303
    value = saved(rsd)
    assert (value["monthly_bytes"], value["billing_day"]) == (500_000_000, 28)
    assert send(client, "/lines/unicom", **fields, monthly_bytes="much") == 422


def test_how_connections_are_shared_is_saved(client: FlaskClient, rsd: Lines) -> None:
    page = client.get("/lines/?lang=en").get_data(as_text=True)
    assert 'id="by-weight" name="by" value="weight" checked' in page
    assert send(client, "/lines/balance", by="free") == 303
    assert saved(rsd) == {"by": "free", "sticky": "no"}


def test_why_it_cannot_be_shared_so_stands_at_the_choice(client: FlaskClient, rsd: Lines) -> None:
    message = "The rate down of %(lines)s is not known, so connections cannot be shared by it."
    problem = {"path": "balance.by", "message": message, "value": "rate", "remedy": "", "params": {"lines": "unicom"}}
    rsd.problems = (problem,)
    assert send(client, "/lines/balance", by="rate", sticky="no") == 422
    assert [args["value"] for verb, args in rsd.asked if verb == "config.set"][-1] == {}, "what was there before"


def test_ports_of_other_lines_are_offered_with_their_users(client: FlaskClient) -> None:
    page = client.get("/lines/new?lang=en").get_data(as_text=True)
    places = [page.index(f'<option value="{port}"') for port in ("eth2", "eth0", "eth1")]
    assert places == sorted(places), "free ports come first"
    assert "used by unicom" in page


def test_a_line_is_measured_and_its_rates_are_used(client: FlaskClient, rsd: Lines) -> None:
    page = client.get("/lines/unicom?lang=en").get_data(as_text=True)
    assert "D: bad" in page
    assert "98.8" in client.get("/lines/unicom/speed").get_data(as_text=True)
    assert "Speed test" not in client.get("/lines/telecom?lang=en").get_data(as_text=True), "it is not in force"
    assert send(client, "/lines/unicom/speed", shaped="1") == 303
    assert [args for verb, args in rsd.asked if verb == "speedtest.start"] == [{"line": "unicom", "shaped": True}]
    assert send(client, "/lines/unicom/rates") == 303
    sets = {args["path"]: args["value"] for verb, args in rsd.asked if verb == "config.set"}
    assert sets == {"wans.unicom.down_bps": 98_000_000, "wans.unicom.up_bps": 19_000_000}


def test_the_picture_is_on_the_page_and_alone_for_its_refresh(client: FlaskClient) -> None:
    page = client.get("/lines/?lang=en").get_data(as_text=True)
    assert 'data-refresh="/lines/picture"' in page
    part = client.get("/lines/picture?lang=en").get_data(as_text=True)
    assert "<html" not in part
    assert "12 active hosts" in part
    for text in (part, page):
        assert "No line takes new connections; unicom has spent its month; telecom does not work." in text
        assert 'class="pipe dead"' in text
        assert 'class="pipe waits"' in text
        assert " style=" not in text


def test_without_lines_there_is_no_picture(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STATUS, "lines", [])
    assert "data-refresh" not in client.get("/lines/?lang=en").get_data(as_text=True)


def test_a_line_is_not_called_as_a_part_of_the_page(client: FlaskClient, rsd: Lines) -> None:
    assert send(client, "/lines/new", title="picture", interface="eth2", protocol="dhcp") == 303
    assert [args["path"] for verb, args in rsd.asked if verb == "config.set"] == ["wans.picture-2"]
