"""What every request to the page passes: permission, origin, token, headers, limits. No rsd is needed to refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.unit.stand_in import Refusal, Rsd, serving
from webui.access import allows, permission_of
from webui.app import BODY_MAX_BYTES, create_app

ROLES = ("owner", "admin", "auditor", "department_manager", "clerk", "worker", "hq")
TEMPLATES = Path(__file__).parents[2] / "webui" / "templates"


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    return create_app({"RUN_DIR": tmp_path, "TESTING": True})


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


class KnowsWho(Rsd):
    """The least of rsd that the guard asks: who somebody is. The session is the role's name."""

    def answer(self, verb: str, args: dict[str, Any], session: str | None) -> Any:
        if verb == "whoami":
            return {"user": "x", "role": session, "language": None}
        raise Refusal(code="busy", message="reached", problems=[])


@pytest.fixture
def door(tmp_path: Path) -> Iterator[None]:
    with serving(KnowsWho(tmp_path)):
        yield


def routes(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Endpoint, method and an address for every way into the page."""
    adapter = app.url_map.bind("router")
    for rule in app.url_map.iter_rules():
        if rule.endpoint.partition(".")[0] in ("api", "static"):
            continue
        values = {name: (rule.defaults or {}).get(name, 1) for name in rule.arguments}
        url = adapter.build(rule.endpoint, values)
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            yield rule.endpoint, method, url


def test_every_route_names_its_permission(app: Flask) -> None:
    nameless = [
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if not rule.endpoint.startswith("api.") and permission_of(app.view_functions[rule.endpoint]) is None
    ]
    assert nameless == []


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.usefixtures("door")
def test_every_route_refuses_who_lacks_the_permission(app: Flask, role: str) -> None:
    client = app.test_client()
    client.set_cookie("rs", role)
    with app.test_request_context(headers={"Cookie": f"rs={role}"}):
        token = app.jinja_env.globals["csrf_token"]()  # type: ignore[operator]
    for endpoint, method, url in routes(app):
        permission = permission_of(app.view_functions[endpoint])
        assert permission is not None
        answer = client.open(url, method=method, data={"csrf": token} if method == "POST" else None)
        expected = not allows(role, permission)
        assert (answer.status_code == 403) == expected, (endpoint, method, role, answer.status_code)


def test_without_a_session_every_page_leads_to_the_login(app: Flask) -> None:
    client = app.test_client()
    for endpoint, method, url in routes(app):
        if method != "GET" or permission_of(app.view_functions[endpoint]) == "public":
            continue
        answer = client.get(url)
        if endpoint.startswith("live."):
            assert answer.status_code == 401
        else:
            assert answer.status_code == 303, endpoint
            assert answer.location.startswith("/login")


def test_a_change_without_the_token_is_refused(client: FlaskClient) -> None:
    client.set_cookie("rs", "somebody")
    for data in ({}, {"csrf": ""}, {"csrf": "0" * 64}):
        assert client.post("/changes/apply", data=data).status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_change_from_another_site_is_refused(app: Flask, client: FlaskClient, headers: dict[str, str]) -> None:
    client.set_cookie("rs", "somebody")
    with app.test_request_context(headers={"Cookie": "rs=somebody"}):
        token = app.jinja_env.globals["csrf_token"]()  # type: ignore[operator]
    assert client.post("/changes/apply", data={"csrf": token}, headers=headers).status_code == 403


def test_the_token_of_one_session_is_none_for_another(app: Flask, client: FlaskClient) -> None:
    with app.test_request_context(headers={"Cookie": "rs=somebody"}):
        token = app.jinja_env.globals["csrf_token"]()  # type: ignore[operator]
    client.set_cookie("rs", "another")
    assert client.post("/changes/apply", data={"csrf": token}).status_code == 400


def test_every_answer_carries_the_headers(client: FlaskClient) -> None:
    for path in ("/", "/login", "/nowhere", "/static/rs.css"):
        with client.get(path) as answer:
            headers = answer.headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert "same-origin" in headers["Referrer-Policy"]


def test_the_session_cookie_is_bound_tightly_behind_tls(app: Flask) -> None:
    from webui.security import clear_session, set_session

    with app.test_request_context(base_url="https://router/"):
        response = app.make_response("")
        set_session(response, "token", 60)
        cookie = response.headers["Set-Cookie"]
        assert cookie.startswith("__Host-rs=token")
        for word in ("Secure", "HttpOnly", "SameSite=Strict", "Path=/"):
            assert word in cookie
        clear_session(response)
        assert "Max-Age=0" in response.headers.getlist("Set-Cookie")[1]


def test_no_way_out_by_the_login_redirect() -> None:
    from webui.security import local_path

    for target in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x", "/a\r\nb", "", None,
                   "/\t/evil.example", "/\n/evil.example", "/\t\\evil.example"):  # fmt: skip
        assert local_path(target, "/home") == "/home"
    assert local_path("/business/?q=抖音", "/home") == "/business/?q=抖音"
    assert local_path("/hosts/?q=1", "/home") == "/hosts/?q=1"


def test_too_much_at_once_is_refused(app: Flask, client: FlaskClient) -> None:
    answer = client.post("/login", data={"user": "x" * (BODY_MAX_BYTES + 1)})
    assert answer.status_code == 413
    assert "1 MB" in answer.get_data(as_text=True)


def test_a_router_that_is_away_gives_a_calm_page_that_tries_again(client: FlaskClient) -> None:
    answer = client.get("/login?lang=en")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "3"
    page = answer.get_data(as_text=True)
    assert 'http-equiv="refresh"' in page
    assert "One moment, please" in page


def test_unknown_addresses_get_a_page_and_below_api_json(client: FlaskClient) -> None:
    assert "<h1>" in client.get("/nowhere").get_data(as_text=True)
    answer = client.get("/api/nowhere")
    assert answer.status_code == 404
    assert answer.get_json()["error"]["code"] == "not_found"


def test_language_comes_from_choice_then_browser(client: FlaskClient) -> None:
    def language(path: str, **headers: str) -> str:
        found = re.search(r'<html lang="([^"]+)"', client.get(path, headers=headers).get_data(as_text=True))
        assert found
        return found[1]

    assert language("/nowhere") == "zh-Hans"
    assert language("/nowhere", **{"Accept-Language": "en-GB,en;q=0.9"}) == "en"
    assert language("/nowhere?lang=zh", **{"Accept-Language": "en"}) == "zh-Hans"
    assert language("/nowhere", **{"Accept-Language": "en"}) == "zh-Hans"


def test_templates_hold_no_inline_code_no_style_no_outside_address() -> None:
    for path in TEMPLATES.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=\"|\|\s*safe\b|hx-on", text), path
        assert not re.search(r"(?:src|href|action|hx-get)=\"(?:https?:)?//", text), path


def test_the_block_page_is_public_and_repeats_only_identifiers(client: FlaskClient) -> None:
    page = client.get("/blocked?application=douyin&lang=zh").get_data(as_text=True)
    assert "“douyin”已被阻断" in page
    hostile = client.get("/blocked?application=%3Cscript%3Ealert(1)%3C/script%3E")
    assert hostile.status_code == 200
    assert "alert(1)" not in hostile.get_data(as_text=True)
