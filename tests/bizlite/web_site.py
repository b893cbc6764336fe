"""The business pages before the tests' login: the name of whoever asks is the role, or no one."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from bizlite.core.database import database
from bizlite.core.session import Session
from bizlite.core.transfer import digest, tables
from bizlite.web.guard import Who

OWNER = Session(user="owner", rights=frozenset({"*"}))
USER = "REMOTE_USER"


def identify(environ: dict[str, Any]) -> Who | None:
    """The tests' login."""
    name = environ.get(USER)
    return Who(name=name, roles=frozenset({name})) if name else None


def asker(app: Flask, user: str | None = "admin") -> FlaskClient:
    """A client that somebody uses, who reads English."""
    client = app.test_client()
    if user:
        client.environ_base[USER] = user
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def call(client: FlaskClient, method: str, address: str, body: Any = None, **headers: str) -> Any:
    """A program with a token."""
    return client.open(address, method=method, json=body, headers={"Authorization": "Bearer x", **headers})


def content() -> dict[str, tuple[int, str]]:
    """Rows and digest of every table."""
    return {table.name: digest(database.obj, table) for table in tables()}


def hidden(page: str, name: str) -> str:
    """What stands in a hidden field."""
    found = re.search(f'name="{name}" value="([^"]*)"', page)
    assert found
    return found[1]


def send(client: FlaskClient, address: str, **values: str) -> Any:
    """Fills in a form as a browser does: with what is hidden in it."""
    page = client.get(address).text
    sent = {name: hidden(page, name) for name in ("csrf", "key", "version")}
    return client.post(address, data={**sent, **values})


def press(client: FlaskClient, page: str, action: str, **values: str) -> Any:
    """Fills in an action of a page and presses its button; what stands in its form is sent along."""
    text = client.get(page).text
    found = re.search(rf'<form method="post" action="{page}/{action}".*?</form>', text, re.S)
    assert found, f"{action} is not offered on {page}"
    stands = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*?value="([^"]*)"', found[0]))
    boxes = set(re.findall(r'name="([^"]+)" type="checkbox"', found[0]))
    sent = {name: value for name, value in stands.items() if name not in boxes}
    return client.post(f"{page}/{action}", data={**sent, **values})
