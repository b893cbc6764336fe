"""The page of updates with a stand-in for rsd: each state in words, and what its buttons ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from firmware.model import codec
from firmware.model.config import Config
from tests.unit.stand_in import Rsd, browser, send, serving
from webui.app import create_app
from webui.views.update import PHASES, STAGES

STATE = {
    "available": True, "running": "0.1.0", "running_slot": "A", "phase": "idle", "version": None, "slot": None,
    "percent": 0, "reason": "", "params": {}, "waits_for": None, "time": None,
    "published": None,
}  # fmt: skip


class Updates(Rsd):
    def __init__(self, run_dir: Path) -> None:
        super().__init__(run_dir, {
            "whoami": {"user": "x", "role": "admin", "language": "en", "kind": "session"},
            "config.get": codec.to_plain(Config()), "status": {"pending": None}, "config.diff": [],
            "config.check": {"problems": []}, "config.set": {"problems": ()},
        })  # fmt: skip
        self.state: dict[str, Any] = dict(STATE)

    def answer(self, verb: str, args: dict[str, Any], session: str | None) -> Any:
        states = {"update.state": self.state, "update.install": {**self.state, "upload": "/update/bundle/token"}}
        return states.get(verb) or super().answer(verb, args, session)


@pytest.fixture
def rsd(tmp_path: Path) -> Iterator[Updates]:
    server = Updates(tmp_path)
    with serving(server):
        yield server


@pytest.fixture
def client(rsd: Updates, tmp_path: Path) -> FlaskClient:
    return browser(create_app({"RUN_DIR": tmp_path, "TESTING": True}))


@pytest.mark.parametrize("phase", PHASES)
def test_every_state_has_its_words(client: FlaskClient, rsd: Updates, phase: str) -> None:
    rsd.state |= {"phase": phase, "version": "0.2.0", "percent": 40}
    if phase == "fell_back":
        rsd.state |= {
            "reason": "Version %(version)s was taken back, %(before)s is running again. %(reason)s",
            "params": {"version": "0.2.0", "before": "0.1.0", "reason": "Its page did not answer."},
        }
    page = client.get("/system/update/").get_data(as_text=True)
    assert PHASES[phase][1] in page
    assert "Version 0.2.0" in page
    assert ("taken back, 0.1.0 is running again. Its page did not answer." in page) == (phase == "fell_back")
    assert ("40 %" in page) == (phase in ("writing", "verifying"))
    assert ("Restart into the new version" in page) == (phase == "ready")


def test_a_trial_says_what_it_waits_for(client: FlaskClient, rsd: Updates) -> None:
    for stage, words in STAGES.items():
        rsd.state |= {"phase": "trying", "waits_for": stage}
        assert words in client.get("/system/update/progress").get_data(as_text=True)


def test_a_file_is_asked_for_only_after_rsd_awaits_it(client: FlaskClient, rsd: Updates) -> None:
    page = send(client, "/system/update/", source="upload", downgrade="1").get_data(as_text=True)
    assert 'action="/update/bundle/token"' in page
    assert ("update.install", {"source": "upload", "url": "", "downgrade": True}) in rsd.asked
    assert send(client, "/system/update/", source="usb").status_code == 200
    assert send(client, "/system/update/restart").status_code == 303


def test_a_box_without_slots_says_so(client: FlaskClient, rsd: Updates) -> None:
    rsd.state |= {"available": False, "running_slot": None}
    page = client.get("/system/update/").get_data(as_text=True)
    assert "not started from an image" in page
    assert "From a file" not in page


NEWER = {
    "version": "0.2.0", "board": "x86_64", "file": "rs-0.2.0-x86_64.swu", "size_bytes": 36_000_000, "sha256": "0" * 64,
    "notes": {"zh": "修正 <时钟>", "en": "Mends the <clock>"}, "first": ["SN1"], "others_from": 1_900_000_000,
}  # fmt: skip


def test_what_is_published_is_told_and_fetched(client: FlaskClient, rsd: Updates) -> None:
    rsd.state["published"] = {"time": 1.8e9, "issued": 1.8e9, "reason": "", "params": {}, "newer": NEWER}
    page = client.get("/system/update/").get_data(as_text=True)
    for words in (
        "Version 0.2.0",
        "36.0\u202fMB",
        "Mends the &lt;clock&gt;",
        "tried first on: SN1",
        "Fetch the published",
    ):
        assert words in page
    send(client, "/system/update/", source="url")
    assert ("update.install", {"source": "url", "url": "", "downgrade": False}) in rsd.asked
    assert send(client, "/system/update/check").status_code == 303
    rsd.state["published"] |= {"newer": None}
    page = client.get("/system/update/").get_data(as_text=True)
    assert "Nothing newer" in page
    assert "Fetch the published" not in page
    reason = "%(url)s cannot be fetched: %(reason)s."
    rsd.state["published"] |= {"reason": reason, "params": {"url": "https://x/y.json", "reason": "timed out"}}
    page = client.get("/system/update/").get_data(as_text=True)
    assert "https://x/y.json cannot be fetched: timed out." in page
    assert "Nothing newer" not in page


def test_the_settings_are_saved(client: FlaskClient, rsd: Updates) -> None:
    fields = {"url": "https://a.example/x.swu", "daily": "1", "restart_from": "02:00", "restart_until": "04:00"}
    assert send(client, "/system/update/settings", **fields).status_code == 303
    (saved,) = [args for verb, args in rsd.asked if verb == "config.set"]
    assert saved == {"path": "update", "value": {**fields, "daily": True}}
