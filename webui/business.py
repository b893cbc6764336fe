"""The business pages (bizlite) below ``/business`` and ``/api/biz``: nothing of them is loaded before they are on and
somebody comes.

rsd says who asks, by the router's session or a token, and whether they are on. The router's owner and administrators
may everything there; all others, whatever their role here, may what they are given under "Who may what".
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from flask import Flask, Request, redirect, request
from werkzeug.exceptions import NotFound, Unauthorized

from firmware.client import Client, Refused, Unavailable
from webui.rules import LateRule
from webui.security import csrf_token
from webui.turns import Turns

PLACES = ("/business", "/api/biz")
# Answers made at once; Python computes one at a time anyway, while each takes the memory of a page or of a long list.
AT_WORK_MAX = 3
ADMINS = frozenset({"owner", "admin"})
Answer = Callable[..., Any]
Wsgi = Callable[[dict[str, Any], Answer], Iterable[bytes]]


class Business:
    """Stands before the page's own WSGI application."""

    def __init__(self, app: Flask, folder: Path) -> None:
        self._page: Wsgi = app.wsgi_app
        self._socket = app.config["RSD_SOCKET"]
        self._folder = folder
        self._uploads = app.extensions["uploads"]
        self._lock = threading.Lock()
        self._at_work = Turns(AT_WORK_MAX)
        self._opened: tuple[tuple[str, int], Flask] | None = None
        app.extensions["business"] = self

    def __call__(self, environ: dict[str, Any], answer: Answer) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if not any(path == place or path.startswith(f"{place}/") for place in PLACES):
            return self._page(environ, answer)
        who = self._who(environ)
        if who is None and not self._is_public(environ):
            if path.startswith("/api/"):
                return Unauthorized().get_response(environ)(environ, answer)
            return redirect(f"/login?next={path}", 303)(environ, answer)
        place = self._place() if who is None else who.get("business")
        if place is None:
            return NotFound().get_response(environ)(environ, answer)
        environ["rs.who"] = who
        with self._at_work:  # what is sent in parts (CSV) goes on without it: a slow reader keeps nobody waiting
            return self._open(place).wsgi_app(environ, answer)

    def describe(self, document: dict[str, Any], environ: dict[str, Any]) -> dict[str, Any]:
        """The OpenAPI document with what the business adds, for those who have it; a copy, addresses being whole."""
        who = self._who(environ)
        if who is None or who.get("business") is None:
            return document
        self._open(who["business"])
        from bizlite.web.openapi import fragment

        paths, schemas = fragment()
        here = [{"url": "/"}]
        parts = document["components"]
        return {
            **document,
            "paths": {**document["paths"], **{path: {"servers": here, **place} for path, place in paths.items()}},
            "components": {**parts, "schemas": {**parts["schemas"], **schemas}},
        }

    def _who(self, environ: dict[str, Any]) -> dict[str, Any] | None:
        with contextlib.suppress(Refused, Unavailable), self._client(environ) as rsd:
            return dict(rsd.call("whoami"))
        return None

    def _client(self, environ: dict[str, Any]) -> Client:
        """A client for whoever sent the request. :raise Unavailable: it shows neither a session nor a token."""
        asked = Request(environ)
        session = asked.cookies.get("__Host-rs" if asked.is_secure else "rs")
        scheme, _, token = asked.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token.strip():
            return Client(self._socket, None, token=token.strip())
        if not session:  # nothing is asked at all: rsd would take a page that runs as root for the local owner
            raise Unavailable
        return Client(self._socket, session)

    def _is_public(self, environ: dict[str, Any]) -> bool:
        """Whether it is a page for whoever is not logged in: a job card that is scanned, its style sheet."""
        place = self._place()
        if place is None:
            return False
        opened = self._open(place)
        from bizlite.web.guard import is_public

        return bool(is_public(opened, environ))

    def _place(self) -> str | None:
        with contextlib.suppress(Refused, Unavailable), Client(self._socket) as rsd:
            found: str | None = rsd.call("business.place")["database"]
            return found
        return None

    def _open(self, database: str) -> Flask:
        with self._lock:
            url = database or f"sqlite://{self._folder}/company.db"
            key = (url, self._restored_ns())
            if self._opened is None or self._opened[0] != key:
                from bizlite.web.app import create_app

                self._opened = (
                    key,
                    create_app(
                        url,
                        _identify,
                        folder=self._folder,
                        large=self._large,
                        logout=("/logout", csrf_token),
                        people=self._people,
                        rule=LateRule,
                    ),
                )
            return self._opened[1]

    def _large(self, address: str, max_bytes: int) -> str:
        return f"{address}?ticket={self._uploads.ticket(address, max_bytes)}"

    def _people(self) -> list[str]:
        """The router's users, where who asks may read its settings."""
        with contextlib.suppress(Refused, Unavailable), self._client(request.environ) as rsd:
            return sorted(rsd.call("config.get", path="users", which="running"))
        return []

    def _restored_ns(self) -> int:
        """When a backup was last put back, by rsd: it may be of an older release, so it is opened anew."""
        with contextlib.suppress(OSError):
            return (self._folder / "restored").stat().st_mtime_ns
        return 0


def _identify(environ: dict[str, Any]) -> Any:
    from bizlite.web.guard import ADMIN, Who

    who = environ["rs.who"]
    if who is None:
        return None
    roles = frozenset({ADMIN}) if who["role"] in ADMINS else frozenset()
    return Who(name=who["user"], roles=roles, language=who["language"] or "")
