"""The API without a daemon: its document, its one error shape, who is let through to rsd at all."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from webui.api import schemas
from webui.api.handlers import merge
from webui.api.openapi import document
from webui.api.table import ROUTES
from webui.app import create_app

BEARER = {"Authorization": "Bearer some-token"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return create_app({"RUN_DIR": tmp_path_factory.mktemp("run")})


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def error(response: Any) -> schemas.ErrorBody:
    """The error, checked against the shape that the document promises."""
    return msgspec.json.decode(response.get_data(), type=schemas.Error).error


def test_document_is_valid_openapi() -> None:
    validate(document())


def test_document_is_served_without_login_and_names_every_route(client: FlaskClient) -> None:
    response = client.get("/api/v1/openapi.json")
    assert response.status_code == 200
    paths = response.get_json()["paths"]
    routes = {
        (rule.rule.removeprefix("/api/v1"), method)
        for rule in client.application.url_map.iter_rules()
        if rule.endpoint.startswith("api.")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    described = {
        (re.sub(r"{(\w+)}", r"<\1>", path).replace("<id>", "<int:id>"), method.upper())
        for path, methods in paths.items()
        for method in methods
    }
    assert described == routes


def test_document_holds_the_whole_model() -> None:
    shapes = document()["components"]["schemas"]
    assert shapes["Policy"]["properties"]["action"] == {"enum": ["allow", "block"]}
    assert shapes["Config"]["properties"]["policies"]["additionalProperties"] == {"$ref": "#/components/schemas/Policy"}
    assert not [name for name in shapes if "." in name], "two types share a name"


def example(path: str) -> str:
    return "/api/v1" + path.replace("{int:id}", "1").replace("{path}", "system.hostname").replace("{name}", "li")


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_nobody_is_let_through_without_credentials(client: FlaskClient, route: Any) -> None:
    """The page may run as root, whom rsd takes for the owner: so rsd must not even be asked."""
    for headers in ({}, {"Authorization": "Basic cm9vdDo="}, {"Authorization": "Bearer "}):
        response = client.open(example(route.path), method=route.method, headers=headers, json={})
        if route.role is None:
            assert response.status_code == 200
            continue
        assert (response.status_code, error(response).code) == (401, "unauthenticated")
        assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("route", [r for r in ROUTES if r.role and not r.body], ids=lambda route: route.name)
def test_cookie_needs_the_proof_that_our_page_asks(client: FlaskClient, route: Any) -> None:
    client.set_cookie("rs", "some-session")
    query = {"by": "host", "kind": "line", "key": "wan1", "ip": "192.0.2.1", "host": "x"}
    fields = set(route.query.__struct_fields__) if route.query else set()
    where = {"query_string": {name: value for name, value in query.items() if name in fields}}
    response = client.open(example(route.path), method=route.method, **where)
    if route.method == "GET":
        assert response.status_code == 503, "reading goes through to rsd, which is not there"
        return
    assert (response.status_code, error(response).code) == (403, "forbidden")
    for foreign in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        headers = {"X-CSRF-Token": csrf(client), **foreign}
        assert client.open(example(route.path), method=route.method, headers=headers).status_code == 403
    response = client.open(example(route.path), method=route.method, headers={"X-CSRF-Token": csrf(client)})
    assert (response.status_code, error(response).code) == (503, "unavailable")
    assert int(response.headers["Retry-After"]) > 0


def csrf(client: FlaskClient) -> str:
    from webui.security import csrf_token

    with client.application.test_request_context(headers={"Cookie": "rs=some-session"}):
        return csrf_token()


def test_errors_before_a_verb_have_the_one_shape(client: FlaskClient) -> None:
    cases = [
        (client.get("/api/v1/nothing", headers=BEARER), 404, "not_found"),
        (client.get("/api/v2/status", headers=BEARER), 404, "not_found"),
        (client.delete("/api/v1/status", headers=BEARER), 405, "method_not_allowed"),
        (client.post("/api/v1/commit", headers=BEARER, data="message=x"), 415, "unsupported_media_type"),
        (client.post("/api/v1/commit", headers=BEARER, json={"message": "x" * (1 << 20)}), 413, "too_large"),
        (client.post("/api/v1/commit", headers=BEARER, data="{", content_type="application/json"), 422, "invalid"),
        (client.post("/api/v1/commit", headers=BEARER, json={"confirm_s": "soon"}), 422, "invalid"),
        (client.get("/api/v1/flows?limit=0", headers=BEARER), 422, "invalid"),
        (client.get("/api/v1/flows?colour=red", headers=BEARER), 422, "invalid"),
        (client.get("/api/v1/status", headers=BEARER), 503, "unavailable"),
    ]
    for response, status, code in cases:
        assert (response.status_code, error(response).code) == (status, code), response.get_data(as_text=True)
    assert "GET" in cases[2][0].headers["Allow"]
    (problem,) = error(cases[6][0]).problems
    assert problem.path == "confirm_s"


def test_message_follows_accept_language(client: FlaskClient) -> None:
    assert "token" in error(client.get("/api/v1/status", headers={"Accept-Language": "en"})).message


def test_merge_patch_as_rfc_7396_says() -> None:
    """The examples of the RFC's appendix A."""
    cases = [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ]
    for target, patch, expected in cases:
        assert merge(target, patch) == expected
