"""Every route, of page and REST, with every permission: who lacks the right one is refused, and nobody is let in."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from bizlite.core import registry, rights
from bizlite.web.app import create_app
from bizlite.web.guard import ANYBODY, PUBLIC, routes
from tests.bizlite.conftest import Fresh, leave
from tests.bizlite.web_site import OWNER, asker, call, content, identify

# Routes for all resources also ask for the permission to see the one that is named; here it is the party's.
NAMES_A_RESOURCE = ("/business/log/<name>/<key>", "/business/files/<name>/<key>")
SEEN = "finance.party.view"
NUMBERS = itertools.count()


@pytest.fixture
def app(sqlite: Fresh, tmp_path: Path) -> Iterator[Flask]:
    yield create_app(sqlite(), identify, folder=tmp_path)
    leave()


def example(rule: str) -> str:
    rule = rule.replace("<name>", "finance.party").replace("<path:filename>", "biz.css")
    return re.sub(r"<(\w+:)?\w+>", "1", rule)


def by_permission(app: Flask) -> dict[str, list[tuple[str, str]]]:
    """Method and address of the routes of each permission."""
    found: dict[str, list[tuple[str, str]]] = {}
    for method, rule, permission in routes(app):
        if permission not in (PUBLIC, ANYBODY):
            found.setdefault(permission, []).append((method, rule))
    return found


def user_with(*held: str) -> str:
    user = f"user-{next(NUMBERS)}"
    give(user, *held)
    return user


def give(user: str, *held: str) -> None:
    for right in held:
        rights.grant(OWNER, user, right)
    rights.assign(OWNER, user, user)


def test_every_route_names_a_permission_that_exists(app: Flask) -> None:
    known = {ANYBODY, PUBLIC, *rights.permissions()}
    assert [route for route in routes(app) if route[2] not in known] == []


def test_nobody_is_let_in_without_a_login(app: Flask) -> None:
    client = asker(app, None)
    for method, rule, permission in routes(app):
        with call(client, method, example(rule)) as answer:
            assert (answer.status_code != 401) == (permission == PUBLIC), (method, rule)


def test_a_user_without_any_right_is_refused_everywhere(app: Flask) -> None:
    client, before = asker(app, "stranger"), content()
    for method, rule, permission in routes(app):
        if permission != PUBLIC:
            assert call(client, method, example(rule)).status_code == 403, (method, rule)
    assert content() == before


def test_a_route_opens_with_its_own_permission(app: Flask) -> None:
    for held, own in by_permission(app).items():
        client = asker(app, user_with(held))
        for method, rule in own:
            with call(client, method, example(rule)) as answer:
                is_open = rule not in NAMES_A_RESOURCE  # which ask for another besides
                assert answer.status_code < 500, (method, rule)
                assert (answer.status_code not in (401, 403)) == is_open, (method, rule, held, answer.status_code)


def test_a_route_is_shut_to_whoever_has_every_permission_but_its_own(app: Flask) -> None:
    for held, own in by_permission(app).items():
        client = asker(app, user_with(*(other for other in rights.permissions() if other != held)))
        for method, rule in own:
            with call(client, method, example(rule)) as answer:
                assert answer.status_code == 403, (method, rule, held)


def test_routes_that_name_a_resource_open_with_both_permissions(app: Flask) -> None:
    give("both", "core.audit.view", "core.attachment.add", SEEN)
    client = asker(app, "both")
    for method, rule, _ in routes(app):
        if rule in NAMES_A_RESOURCE:
            assert call(client, method, example(rule)).status_code == 404, rule  # there is no party yet


@pytest.mark.parametrize(("sent", "field"), [
    ({"what": "grant", "holder": " ", "right": SEEN}, "holder"),
    ({"what": "grant", "holder": "sales", "right": "all"}, "right"),
    ({"what": "assign", "user": "", "holder": "sales"}, "user"),
    ({"what": "assign", "user": "zhao", "holder": "x" * 101}, "holder"),
])  # fmt: skip
def test_roles_and_users_have_names(app: Flask, sent: dict[str, str], field: str) -> None:
    client, before = asker(app), content()
    answer = client.post("/business/rights", data=sent, headers={"Authorization": "Bearer x"})
    assert answer.status_code == 422
    assert f"<code>{field}</code>" in answer.text
    assert content() == before


@pytest.mark.parametrize("name", registry.NAMES)
def test_a_module_that_is_off_is_nowhere_and_says_who_may_switch_it_on(app: Flask, name: str) -> None:
    give("switcher", "core.module.switch")
    below = [module.name for module in registry.modules() if name in _depends(module.name)]
    for other in [*reversed(below), name]:
        registry.switch(OWNER, other, False)
    client = asker(app)
    own = [route for route in routes(app) if f"/{name}/" in f"{route[1]}/"]
    assert own
    for method, rule, _ in own:
        answer = call(client, method, example(rule))
        assert answer.status_code == 404, (method, rule)
        assert "is off" in answer.text, (method, rule)
        assert "switcher" in answer.text, (method, rule)
    assert f"/business/{name}/" not in client.get("/business/").text


def _depends(name: str) -> set[str]:
    """What a module stands on, through others too."""
    direct = next(module.depends for module in registry.modules() if module.name == name)
    return {*direct, *(deeper for other in direct for deeper in _depends(other))}
