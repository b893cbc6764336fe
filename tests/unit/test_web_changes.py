"""The life of a change on the page when two things happen at once: pressed twice, too late, or after somebody else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from firmware.model import codec
from firmware.model.config import Config
from tests.unit.stand_in import Refusal, Rsd, browser, send, serving
from webui.app import create_app

CHANGE = {"path": "system.hostname", "kind": "change", "before": "a", "after": "b"}
CONFLICT = {"code": "conflict", "message": "Somebody was faster.", "problems": []}


class Revisions(Rsd):
    """Revision 6 is in force, 7 was made from it; ``pending`` and ``confirmed`` say what became of that."""

    def __init__(self, run_dir: Path) -> None:
        super().__init__(run_dir, {
            "whoami": {"user": "x", "role": "admin", "language": "en", "kind": "session"},
            "config.get": codec.to_plain(Config()), "config.check": {"problems": []},
            "applications": {"applications": []},
            "config.commit": {"revision": 8, "deadline_s": None, "warnings": []},
            "hosts": [], "blocked": [], "alarms": [], "usage": [], "token.list": [],
        })  # fmt: skip
        self.in_force, self.pending, self.confirmed = 6, False, False
        self.rows: list[dict[str, Any]] = []
        self.refused: dict[str, dict[str, Any]] = {}

    def answer(self, verb: str, args: dict[str, Any], session: str | None) -> Any:
        if verb in self.refused:
            self.rows = []  # whoever was first has taken the draft along
            raise Refusal(**self.refused[verb])
        if verb == "status":
            last = {"revision": self.in_force, "message": "", "author": "x", "time": 0}
            waiting = {"revision": 7, "deadline_s": 30.0} if self.pending else None
            state = {"lines": [], "ports": [], "hosts_active": 0, "blocked_today": 0, "flows": 0, "cpu_percent": 1,
                     "memory": {"available": 1}, "uptime_s": 1, "fastpath": {"alive": True}}  # fmt: skip
            return {**state, "last_change": last, "pending": waiting}
        if verb == "config.revision":
            return {"id": args["id"], "parent": args["id"] - 1, "confirmed": args["id"] != 7 or self.confirmed}
        if verb == "config.revisions":
            return [{"id": self.in_force, "confirmed": True, "time": 0}]
        return self.rows if verb == "config.diff" else super().answer(verb, args, session)

    @property
    def rolled_back_to(self) -> list[int]:
        return [args["revision"] for verb, args in self.asked if verb == "config.rollback"]


@pytest.fixture
def rsd(tmp_path: Path) -> Iterator[Revisions]:
    server = Revisions(tmp_path)
    with serving(server):
        yield server


@pytest.fixture
def client(rsd: Revisions, tmp_path: Path) -> FlaskClient:
    return browser(create_app({"RUN_DIR": tmp_path, "TESTING": True}))


def undo_of(page: str) -> dict[str, str]:
    """The fields of the button that takes something back."""
    found = re.search(r'action="/changes/undo".*?</form>', page, re.DOTALL)
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', found[0])) if found else {}


def test_a_change_that_waits_is_taken_back_once(client: FlaskClient, rsd: Revisions) -> None:
    rsd.pending = True
    fields = undo_of(client.get("/").text)
    assert send(client, "/changes/undo", **fields).location == "/?said=taken-back"
    assert rsd.rolled_back_to == [6]
    rsd.pending = False  # it comes back by itself while somebody reaches for the same button
    assert send(client, "/changes/undo", **fields).location == "/?said=taken-back"
    assert rsd.rolled_back_to == [6], "what was in force before stays in force"


def test_undo_is_of_ones_own_change(client: FlaskClient, rsd: Revisions) -> None:
    rsd.in_force, rsd.confirmed = 7, True
    assert undo_of(client.get("/?said=applied").text) == {}
    page = client.get("/?said=applied&revision=7").text
    fields = undo_of(page)
    rsd.in_force = 8  # somebody else's
    assert undo_of(client.get("/?said=applied&revision=7").text) == {}
    assert send(client, "/changes/undo", **fields).status_code == 409
    assert rsd.rolled_back_to == []
    rsd.in_force = 7
    assert send(client, "/changes/undo", **fields).status_code == 303
    assert rsd.rolled_back_to == [6]


def test_apply_leads_to_its_own_undo(client: FlaskClient, rsd: Revisions) -> None:
    rsd.rows = [CHANGE]
    assert send(client, "/changes/apply", back="/hosts/").location == "/hosts/?said=applied&revision=8"


def test_apply_pressed_twice_is_no_conflict(client: FlaskClient, rsd: Revisions) -> None:
    rsd.rows, rsd.refused["config.commit"] = [CHANGE], CONFLICT
    answer = send(client, "/changes/apply", base="6", back="/hosts/")
    assert (answer.status_code, answer.location) == (303, "/hosts/")


def test_a_true_conflict_is_told(client: FlaskClient, rsd: Revisions, monkeypatch: pytest.MonkeyPatch) -> None:
    rsd.rows = [CHANGE]
    usual = rsd.answer

    def answer(verb: str, args: dict[str, Any], session: str | None) -> Any:
        if verb == "config.commit":
            raise Refusal(**CONFLICT)
        return usual(verb, args, session)

    monkeypatch.setattr(rsd, "answer", answer)
    assert send(client, "/changes/apply", base="6").status_code == 409


def test_keep_that_comes_too_late_leads_to_the_page_that_says_so(client: FlaskClient, rsd: Revisions) -> None:
    rsd.refused["config.confirm"] = {"code": "not_found", "message": "No change waits.", "problems": []}
    answer = send(client, "/changes/keep", back="/lines/")
    assert (answer.status_code, answer.location) == (303, "/lines/")


def test_the_note_of_many_long_changes_is_one_that_rsd_takes(client: FlaskClient, rsd: Revisions) -> None:
    from firmware.daemon.verbs import configuration

    long = {"path": "system.ntp_servers", "kind": "change", "before": [], "after": [f"{'n' * 60}.example"] * 8}
    rsd.rows = [long] * 5
    assert send(client, "/changes/apply").status_code == 303
    (message,) = [args["message"] for verb, args in rsd.asked if verb == "config.commit"]
    (limit,) = configuration.Message.__metadata__  # type: ignore[attr-defined]
    assert 300 < len(message) <= limit.max_length


@pytest.mark.parametrize("path", ["/users/password", "/lines/balance", "/changes/apply"])
def test_a_button_leads_back_to_what_can_be_opened(client: FlaskClient, rsd: Revisions, path: str) -> None:
    """The bar stands on a page that came by a form, too; its address alone is another page, or none."""
    rsd.rows = [CHANGE]
    rsd.refused["config.commit"] = {
        "code": "invalid", "message": "Wrong.", "problems": [{"path": "dns.domain", "message": "Wrong.", "value": ""}],
    }  # fmt: skip
    rsd.answers["config.set"] = {"problems": [{"path": "balance.by", "message": "Wrong.", "value": "", "remedy": ""}]}
    answer = send(client, path, new="a", new_again="b", by="free")
    rsd.refused.clear()
    rsd.rows = [CHANGE]
    assert answer.status_code == 422
    places = set(re.findall(r'(?:name="back" value="|href="(?=[^"]*\?(?:lang|theme|print)=))([^"?]*)', answer.text))
    assert places
    assert {client.get(place).status_code for place in places if not place.startswith("/business/")} == {200}
