"""The business pages before the tests' login: the name of whoever asks is the role, or no one."""

from __future__ import annotations

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
