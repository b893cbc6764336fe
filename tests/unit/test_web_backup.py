"""The page of backups with a stand-in for rsd: a download, an upload, and the choice of parts and ports."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from firmware.model import codec
from firmware.model.config import Config
from firmware.model.sections import SECTIONS
from tests.unit.stand_in import Refusal, Rsd, browser, send, serving
from webui.app import create_app

OPENED = {
    "id": "a" * 16, "product": "0.1.0", "board": "x86_64", "hostname": "old-router", "time": 1_795_000_000.0,
    "parts": ["configuration", "statistics"], "config_format": 1, "fits": False,
    "ports": [{"name": "eth0", "mac": "02:00:00:00:00:01"}, {"name": "eth1", "mac": ""}],
    "here": [{"name": "enp1s0", "mac": ""}, {"name": "enp2s0", "mac": ""}], "map": {"eth0": "enp2s0", "eth1": "enp1s0"},
}  # fmt: skip
DATA = bytes(range(256)) * 3
WRONG = {"message": "The passphrase is wrong. Try the one that was used when the backup was made.", "problems": []}
TWICE = {
    "path": "map.eth1", "message": "The port %(port)s is given to %(first)s and to %(second)s.",
    "remedy": "Give each port of this router once.", "params": {"port": "enp1s0", "first": "eth0", "second": "eth1"},
}  # fmt: skip
STATE = {
    "has_passphrase": True, "running": False, "destinations": [
        {"name": "usb", "wanted": True, "has_login": False, "time": 1_795_000_000.0, "file": "x.rsbackup",
         "tried": 1_795_000_001.0, "reason": "No USB stick is plugged in. Plug one in, or choose another place."},
        {"name": "share", "wanted": True, "has_login": True, "time": None, "file": "", "tried": None, "reason": ""},
        {"name": "hq", "wanted": False, "has_login": False, "time": None, "file": "", "tried": None, "reason": ""},
    ],
}  # fmt: skip
RESTORED = {"problems": [], "along": [], "waits": True}


class Backups(Rsd):
    """Hands out its file in pieces, takes what is sent, and refuses what a test names."""

    def __init__(self, run_dir: Path) -> None:
        super().__init__(run_dir, {
            "whoami": {"user": "x", "role": "owner", "language": "en", "kind": "session"}, "config.diff": [],
            "config.get": codec.to_plain(Config()), "config.check": {"problems": []},
            "status": {"lines": [], "ports": [], "pending": None, "hosts_active": 0},
            "applications": {"applications": []},
            "backup.make": {"id": "b" * 16, "name": "x.rsbackup", "bytes": len(DATA)}, "backup.open": OPENED,
            "backup.opened": OPENED, "backup.restore": RESTORED,
            "backup.state": STATE, "config.set": {"problems": []},
        })  # fmt: skip
        self.refused: dict[str, Any] = {}
        self.folder = run_dir / "web" / "uploads"
        self.folder.parent.mkdir()

    def answer(self, verb: str, args: dict[str, Any], session: str | None) -> Any:
        if verb == "backup.open":
            args["content"] = (self.folder / args["upload"]).read_bytes()
        if verb in self.refused:
            raise Refusal(code="invalid", **self.refused[verb])
        if verb == "backup.read":
            piece = DATA[args["offset"] : args["offset"] + 500]
            is_last = args["offset"] + 500 >= len(DATA)
            return {"data": base64.b64encode(piece).decode(), "is_last": is_last}
        return super().answer(verb, args, session)


@pytest.fixture
def rsd(tmp_path: Path) -> Iterator[Backups]:
    server = Backups(tmp_path)
    with serving(server):
        yield server


@pytest.fixture
def client(rsd: Backups, tmp_path: Path) -> FlaskClient:
    return browser(create_app({"RUN_DIR": tmp_path, "TESTING": True}))


def asked(rsd: Backups, verb: str) -> dict[str, Any]:
    (args,) = [args for name, args in rsd.asked if name == verb]
    return args


def test_a_backup_is_made_and_downloaded(client: FlaskClient, rsd: Backups) -> None:
    words = "three long words"
    answer = send(client, "/system/backup/make", parts=["configuration"], passphrase=words, again=words)
    assert answer.get_data() == DATA
    assert answer.headers["Content-Disposition"] == 'attachment; filename="x.rsbackup"'
    assert asked(rsd, "backup.make") == {"parts": ["configuration"], "passphrase": words}


def test_a_passphrase_that_was_mistyped_makes_nothing(client: FlaskClient, rsd: Backups) -> None:
    answer = send(client, "/system/backup/make", parts=["configuration"], passphrase="three long words", again="x")
    assert answer.status_code == 422
    assert "The two passphrases differ." in answer.get_data(as_text=True)
    assert "three long words" not in answer.get_data(as_text=True)
    assert "backup.make" not in [verb for verb, _ in rsd.asked]


def test_a_file_is_sent_by_the_address_of_the_form(client: FlaskClient, rsd: Backups) -> None:
    page = client.get("/system/backup/").get_data(as_text=True)
    (address,) = re.findall(r'action="(/system/backup/upload\?ticket=[0-9a-f.]+)"', page)
    answer = send(client, address, passphrase="p", file=(io.BytesIO(b"content"), "x.rsbackup"))
    assert (answer.status_code, answer.location) == (303, f"/system/backup/restore/{'a' * 16}")
    assert asked(rsd, "backup.open")["content"] == b"content"
    assert list(rsd.folder.iterdir()) == []
    rsd.refused = {"backup.open": WRONG}
    answer = send(client, address, passphrase="p", file=(io.BytesIO(b"content"), "x.rsbackup"))
    assert answer.status_code == 422
    assert "The passphrase is wrong." in answer.get_data(as_text=True)


def test_other_ports_are_chosen_on_the_page(client: FlaskClient, rsd: Backups) -> None:
    page = client.get(f"/system/backup/restore/{'a' * 16}").get_data(as_text=True)
    assert "old-router" in page
    assert re.search(r'name="map.eth0".*?<option value="enp2s0" selected', page, re.DOTALL)
    fields = {"parts": ["configuration"], "sections": list(SECTIONS), "map.eth0": "enp1s0", "map.eth1": ""}
    answer = send(client, f"/system/backup/restore/{'a' * 16}", **fields)
    assert answer.location == "/changes/?said=restored"
    given = asked(rsd, "backup.restore")
    assert (given["map"], given["sections"]) == ({"eth0": "enp1s0"}, list(SECTIONS))


def test_a_port_given_twice_is_said_at_its_field(client: FlaskClient, rsd: Backups) -> None:
    rsd.refused = {"backup.restore": {"message": "x", "problems": [TWICE]}}
    fields = {"parts": ["configuration"], "sections": ["lines"], "map.eth0": "enp1s0", "map.eth1": "enp1s0"}
    answer = send(client, f"/system/backup/restore/{'a' * 16}", **fields)
    assert answer.status_code == 422
    found = re.search(r'id="map.eth1-error">.*?</p>', answer.get_data(as_text=True), re.DOTALL)
    assert found is not None
    assert "given to eth0 and to eth1" in found[0]


def test_what_comes_along_is_told(client: FlaskClient, rsd: Backups) -> None:
    rsd.answers["backup.restore"] = {**RESTORED, "along": [{"path": "groups.sales", "because": "policies.p.groups.0"}]}
    fields = {"parts": ["configuration"], "sections": ["policies"]}
    answer = send(client, f"/system/backup/restore/{'a' * 16}", **fields)
    assert "groups.sales, because policies.p.groups.0 needs it" in answer.get_data(as_text=True)


def test_only_an_owner_sees_the_secrets_cards(client: FlaskClient, rsd: Backups) -> None:
    rsd.answers["whoami"] = {"user": "x", "role": "admin", "language": "en", "kind": "session"}
    page = client.get("/system/backup/").get_data(as_text=True)
    assert "Download the configuration" in page
    assert 'type="file" name="file" accept=".rsbackup"' not in page
    assert 'name="passphrase"' not in page
    assert send(client, "/system/backup/make").status_code == 403


def test_automatic_backups_are_set_and_their_secrets_go_to_their_verbs(client: FlaskClient, rsd: Backups) -> None:
    page = client.get("/system/backup/").get_data(as_text=True)
    assert "No USB stick is plugged in." in page
    assert "Last good one" in page
    assert '<option value="3" selected>03:00' in page
    fields = {"every": "weekly", "day": "mon", "hour": "4", "parts": ["configuration"], "keep": "5", "usb": "1"}
    more = {"share_url": "https://nas.example/backup", "share_user": "rs", "share_secret": "geheim", "hq_url": ""}
    answer = send(client, "/system/backup/automatic", **fields, **more)
    assert answer.status_code == 303
    assert asked(rsd, "config.set")["value"] == {
        "every": "weekly", "day": "mon", "hour": 4, "parts": ["configuration"], "keep": 5, "usb": True,
        "share_url": "https://nas.example/backup", "share_user": "rs", "hq_url": "",
    }  # fmt: skip
    assert asked(rsd, "backup.login") == {"destination": "share", "secret": "geheim"}


def test_the_passphrase_of_automatic_backups_is_the_owners(client: FlaskClient, rsd: Backups) -> None:
    words = "three long words"
    assert send(client, "/system/backup/passphrase", passphrase=words, again="other").status_code == 422
    assert send(client, "/system/backup/passphrase", passphrase=words, again=words).status_code == 303
    assert asked(rsd, "backup.passphrase") == {"passphrase": words}
