"""REST against the real daemon: each route with each role, answers as documented, the life of a change, events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest
from flask import Flask
from flask.testing import FlaskClient

from firmware.client import Unauthenticated
from firmware.model.config import Role
from tests.kernel.engine_box import CLIENT, Box, config
from webui.api import schemas
from webui.api.route import Route
from webui.api.table import ROUTES
from webui.app import create_app

pytestmark = pytest.mark.kernel
ROLES: tuple[Role, ...] = get_args(Role)
RANK = {"owner": 3, "admin": 2, "auditor": 1}
NEEDED: dict[str | None, int] = {None: 0, "worker": 0, "auditor": 1, "admin": 2, "owner": 3}
PASSWORD = "a long enough password"

# What a route is asked with: enough to be understood, nothing that changes the box for the other tests.
PLACES = {"{path}": "groups.walk", "{name}": "walker", "{int:id}": "999"}
QUERIES = {
    "usage": {"by": "host"},
    "series": {"kind": "line", "key": "line1"},
    "why": {"ip": CLIENT, "host": "www.qq.com"},
}
BODIES: dict[str, Any] = {
    "tryApplication": {"application": {"name_zh": "x", "name_en": "x", "category": "im", "ports": ["7000"]}},
    "updateDatabase": {"content": "eA=="},
    "previewPrefixes": {"content": "192.0.2.0/24\n"},
    "importPrefixes": {"content": "192.0.2.0/24\n"},
    "startSpeedTest": {"shaped": True},
    "startTool": {"tool": "cable"},
    "installUpdate": {"source": "usb"},
    "replaceConfig": {"users": {"admin": {"role": "owner"}}},
    "patchConfig": {},
    "setValue": {"members": []},
    "patchValue": {"description": "walked"},
    "commit": {"base": 999_999},
    "rollback": {"revision": 999_999},
    "importConfig": {"text": ""},
    "password": {"new": "short"},
    "setLinePassword": {"password": ""},
    "putUser": {"role": "clerk"},
    "makeBackup": {"parts": ["configuration"], "passphrase": "short"},
    "setBackupPassphrase": {"passphrase": "short"},
    "setBackupLogin": {"secret": ""},
    "openBackup": {"upload": "0" * 32, "passphrase": "x"},
    "restoreBackup": {"id": "0" * 16, "parts": ["configuration"]},
    "createToken": {"name": "Not An Identifier", "role": "auditor"},
}


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    with Box("api") as box:
        box.start()
        box.commit(config())
        yield box


@pytest.fixture(scope="module")
def tokens(box: Box) -> dict[str, str]:
    """A token of every role."""
    return {role: box.call("token.create", name=f"walk-{role.replace('_', '-')}", role=role)["token"] for role in ROLES}


@pytest.fixture(scope="module")
def app(box: Box) -> Flask:
    return create_app({"RUN_DIR": box.run})


class Asker:
    """One identity's way to ask, with messages in English."""

    def __init__(self, app: Flask, token: str) -> None:
        self._client = app.test_client()
        self._headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}

    def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        if body is not None:
            options["json"] = body
        return self._client.open(f"/api/v1{path}", method=method, headers=self._headers, **options)

    def route(self, route: Route) -> Any:
        path = route.path
        for place, value in PLACES.items():
            path = path.replace(place, value)
        return self(route.method, path, BODIES.get(route.name), query_string=QUERIES.get(route.name, {}))


@pytest.fixture
def ask(app: Flask, tokens: dict[str, str], box: Box) -> Iterator[Asker]:
    asker = Asker(app, tokens["admin"])
    yield asker
    asker("POST", "/confirm")
    asker("POST", "/discard")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_each_route_with_each_role(app: Flask, tokens: dict[str, str], route: Route, role: Role) -> None:
    response = Asker(app, tokens[role]).route(route)
    is_permitted = RANK.get(role, 0) >= NEEDED[route.role]
    assert response.status_code != 401
    assert (response.status_code != 403) == is_permitted, response.get_data(as_text=True)
    assert response.status_code < 500, response.get_data(as_text=True)
    if response.status_code >= 400:
        msgspec.json.decode(response.get_data(), type=schemas.Error)
    response.close()


@pytest.mark.parametrize(
    "route",
    [
        r
        for r in ROUTES
        if r.method == "GET" and not r.binary and r.name not in {"events", "readValue", "revision", "tool"}
    ],
    ids=lambda route: route.name,
)  # fmt: skip
def test_answers_are_as_the_document_says(ask: Asker, route: Route) -> None:
    response = ask.route(route)
    assert response.status_code == 200, response.get_data(as_text=True)
    msgspec.json.decode(response.get_data(), type=route.answer)


def test_a_change_from_put_to_rollback(ask: Asker) -> None:
    before = ask("GET", "/revisions?limit=1").json[0]["id"]
    assert ask("PUT", "/config/groups.sales", {"members": ["192.168.8.20"]}).json == {"problems": []}
    assert ask("PATCH", "/config/groups.sales", {"description": "Sales"}).status_code == 200
    assert ask("GET", "/config/groups.sales").json == {"members": ["192.168.8.20"], "description": "Sales"}
    assert ask("GET", "/config/groups.sales?which=running").status_code == 404
    assert ask("GET", "/config/groups.sales?which=yesterday").status_code == 422
    assert [change["path"] for change in ask("GET", "/diff").json] == ["groups.sales"]
    assert ask("GET", "/check").json == {"problems": []}
    assert ask("GET", "/plan").json["text"] == "", "a group that nothing uses changes nothing on the box"
    committed = ask("POST", "/commit", {"message": "by REST", "confirm_s": 60})
    assert committed.status_code == 200, committed.json
    assert ask("GET", "/status").json["pending"]["revision"] == committed.json["revision"]
    assert ask("POST", "/confirm").status_code == 200
    full = ask("GET", f"/revisions/{committed.json['revision']}").json
    assert (full["message"], full["confirmed"]) == ("by REST", True)
    assert full["config"]["groups"]["sales"]["description"] == "Sales"
    old = ask("GET", f"/config/groups.sales?which={committed.json['revision']}")
    assert old.json["members"] == ["192.168.8.20"]
    assert ask("DELETE", "/config/groups.sales").status_code == 200
    for method in ("GET", "DELETE"):
        gone = ask(method, "/config/groups.sales")
        assert (gone.status_code, gone.json["error"]["problems"][0]["path"]) == (404, "groups.sales")
    assert ask("DELETE", "/config/lans.office.address").status_code == 422, "a LAN needs one"
    assert ask("PATCH", "/config/groups.made", {"members": []}).status_code == 200
    assert ask("POST", "/discard").status_code == 204
    assert ask("POST", "/rollback", {"revision": before}).status_code == 200
    assert ask("GET", "/config?which=running").json.get("groups") is None


def test_refusal_names_every_problem_in_the_readers_language(app: Flask, tokens: dict[str, str], ask: Asker) -> None:
    policy = {"position": 1, "action": "block", "groups": ["nobody"], "schedule": "never"}
    told = ask("PUT", "/config/policies.x", policy).json["problems"]
    refused = ask("POST", "/commit", {})
    assert refused.status_code == 422
    error = refused.json["error"]
    assert error["code"] == "invalid"
    assert {problem["path"] for problem in error["problems"]} == {"policies.x.groups.0", "policies.x.schedule"}
    assert error["problems"] == told
    assert all(problem["message"] and problem["remedy"] for problem in told)
    headers = {"Authorization": f"Bearer {tokens['admin']}", "Accept-Language": "zh-CN"}
    chinese = app.test_client().get("/api/v1/check", headers=headers).json["problems"]
    assert any("没有" in problem["message"] for problem in chinese)
    wrong = ask("PUT", "/config/policies.x.action", "forbid")
    assert wrong.status_code == 422
    assert wrong.json["error"]["problems"][0]["path"] == "policies.x.action"


def test_whole_configuration_by_get_and_put(ask: Asker) -> None:
    whole = ask("GET", "/config").json
    assert ask("PUT", "/config", {**whole, "system": {**whole["system"], "hostname": "renamed"}}).status_code == 200
    assert ask("GET", "/config/system.hostname").json == "renamed"
    assert ask("PATCH", "/config", {"system": {"hostname": None}}).status_code == 200
    assert ask("GET", "/config/system.hostname").json == "rs-router"
    exported = ask("GET", "/export").json["text"]
    assert ask("POST", "/import", {"text": exported}).status_code == 200
    assert ask("GET", "/diff").json == []
    assert ask("POST", "/import", {"text": exported[:100]}).status_code == 422
    assert ask("PUT", "/config", {"colour": "red"}).status_code == 422


def test_somebody_elses_commit_is_a_conflict(ask: Asker) -> None:
    assert ask("POST", "/commit", {"base": 999_999}).status_code == 409


def test_only_an_owner_changes_users_whatever_way_he_comes(
    app: Flask, box: Box, tokens: dict[str, str], ask: Asker
) -> None:
    before = ask("GET", "/revisions?limit=1").json[0]["id"]
    whole = ask("GET", "/config").json
    mine = {"role": "owner"}
    ways: list[tuple[str, str, Any]] = [
        ("PUT", "/users/me", mine),
        ("DELETE", "/users/admin", None),
        ("PUT", "/config/users.me", mine),
        ("PUT", "/config/users.admin.enabled", False),
        ("PATCH", "/config", {"users": {"me": mine}}),
        ("PUT", "/config", {**whole, "users": {"me": mine}}),
        ("DELETE", "/config/users.admin", None),
        ("POST", "/import", {"text": json.dumps({**whole, "users": {"me": mine}})}),
    ]
    for method, path, body in ways:
        refused = ask(method, path, body)
        assert (refused.status_code, refused.json["error"]["code"]) == (403, "forbidden"), (method, path)
    assert ask("GET", "/diff").json == []
    assert ask("PUT", "/config", whole).status_code == 200, "users as they are are no change"
    owner = Asker(app, tokens["owner"])
    assert owner("PUT", "/users/li", {"role": "auditor"}).status_code == 200
    assert owner("POST", "/commit", {}).status_code == 200
    assert ask("POST", "/rollback", {"revision": before}).status_code == 403
    assert ask("PUT", "/config/system.hostname", "by-admin").status_code == 200
    assert ask("POST", "/commit", {}).status_code == 200, "what is not about users"
    assert owner("POST", "/rollback", {"revision": before}).status_code == 200


def test_who_is_being_made_gets_his_password_along_with_him(
    app: Flask, box: Box, tokens: dict[str, str], ask: Asker
) -> None:
    def set_password(user: str) -> int:
        return int(owner("POST", "/password", {"user": user, "new": PASSWORD}).status_code)

    def somebody_else_commits(name: str) -> None:
        assert ask("PUT", "/config/system.hostname", name).status_code == 200
        assert ask("POST", "/commit", {}).status_code == 200

    owner = Asker(app, tokens["owner"])
    assert set_password("wu") == 404
    assert owner("PUT", "/users/wu", {"role": "clerk"}).status_code == 200
    assert ask("POST", "/password", {"user": "wu", "new": PASSWORD}).status_code == 404, "in another's draft only"
    assert set_password("wu") == 204
    somebody_else_commits("meanwhile")
    assert owner("POST", "/commit", {}).status_code == 200
    assert box.call("login", user="wu", password=PASSWORD)["role"] == "clerk"
    # One who was not made after all leaves no password to a later one of his name.
    assert owner("PUT", "/users/sun", {"role": "clerk"}).status_code == 200
    assert set_password("sun") == 204
    assert owner("POST", "/discard").status_code == 204
    somebody_else_commits("later")
    assert owner("PUT", "/users/sun", {"role": "clerk"}).status_code == 200
    assert owner("POST", "/commit", {}).status_code == 200
    with pytest.raises(Unauthenticated):
        box.call("login", user="sun", password=PASSWORD)
    for name in ("wu", "sun"):
        assert owner("DELETE", f"/users/{name}").status_code == 200
    assert owner("POST", "/commit", {}).status_code == 200


def test_users_and_tokens(app: Flask, tokens: dict[str, str]) -> None:
    ask = Asker(app, tokens["owner"])
    assert ask("PUT", "/users/li", {"role": "auditor", "full_name": "李"}).status_code == 200
    assert ask("POST", "/commit", {"message": "li"}).status_code == 200
    assert ask("GET", "/users").json["li"]["role"] == "auditor"
    assert ask("DELETE", "/users/li").status_code == 200
    assert ask("POST", "/commit", {"message": "no li"}).status_code == 200
    assert "li" not in ask("GET", "/users").json
    made = ask("POST", "/tokens", {"name": "reader", "role": "auditor"})
    assert made.status_code == 201
    assert [token["name"] for token in ask("GET", "/tokens").json if token["id"] == made.json["id"]] == ["reader"]
    reader = Asker(app, made.json["token"])
    assert reader("GET", "/whoami").json["role"] == "auditor"
    assert ask("DELETE", f"/tokens/{made.json['id']}").status_code == 204
    assert reader("GET", "/whoami").status_code == 401
    assert ask("DELETE", f"/tokens/{made.json['id']}").status_code == 404


def test_session_of_the_page_with_its_proof(app: Flask, box: Box) -> None:
    from webui.security import csrf_token

    box.call("password.change", user="admin", new=PASSWORD)
    session = box.call("login", user="admin", password=PASSWORD)["session"]
    client: FlaskClient = app.test_client()
    client.set_cookie("rs", session)
    assert client.get("/api/v1/whoami").json["user"] == "admin"
    assert client.put("/api/v1/config/system.hostname", json="x").status_code == 403
    with app.test_request_context(headers={"Cookie": f"rs={session}"}):
        proof = {"X-CSRF-Token": csrf_token()}
    assert client.put("/api/v1/config/system.hostname", json="x", headers=proof).status_code == 200
    foreign = {**proof, "Origin": "https://evil.example"}
    assert client.put("/api/v1/config/system.hostname", json="x", headers=foreign).status_code == 403
    wrong = client.post("/api/v1/password", json={"old": "wrong", "new": "another long password"}, headers=proof)
    assert wrong.status_code == 403
    right = client.post("/api/v1/password", json={"old": PASSWORD, "new": "another long password"}, headers=proof)
    assert right.status_code == 204


def test_events_begin_with_the_status(ask: Asker) -> None:
    response = ask("GET", "/events", buffered=False)
    assert response.mimetype == "text/event-stream"
    text = ""
    for chunk in response.response:
        text += chunk if isinstance(chunk, str) else chunk.decode()
        if "event: status" in text:
            break
    response.close()
    assert '"hostname"' in text


def test_away_daemon_is_503_and_comes_back(ask: Asker, box: Box) -> None:
    box.stop()
    response = ask("GET", "/status")
    assert (response.status_code, response.json["error"]["code"]) == (503, "unavailable")
    assert response.headers["Retry-After"]
    box.start()
    assert ask("GET", "/status").status_code == 200
