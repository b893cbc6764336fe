"""The business pages (bizlite) below ``/business`` and ``/api/biz``: nothing of them is loaded before they are on and
somebody comes.

rsd says who asks, by the router's session or a token, and whether they are on. The router's owner and administrators
may everything there; all others, whatever their role here, may what they are given under "Who may what".

A job card is scanned by phones that nobody has taught our certificate, and scanners of chat programs stop at it without
a word. So its printed address is the LAN's own, without TLS, and it alone is answered so (``features/web.py``), on the
LANs only: what goes over it is one card's token and a worker's PIN, never a login of the router.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterable
from ipaddress import ip_address, ip_interface
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flask import Flask, Request, redirect, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from firmware.client import Client, Refused, Unavailable
from firmware.model.zone import site_zone
from webui import errors
from webui.api.errors import of_absence, of_status
from webui.rules import LateRule
from webui.security import csrf_token
from webui.turns import Turns
from webui.views.session import keep_form

PLACES = ("/business", "/api/biz")
# Answers made at once; Python computes one at a time anyway, while each takes the memory of a page or of a long list.
AT_WORK_MAX = 3
ADMINS = frozenset({"owner", "admin"})
_CLOSED = 507  # Insufficient Storage
Answer = Callable[..., Any]
Wsgi = Callable[[dict[str, Any], Answer], Iterable[bytes]]


class ClosedError(Exception):
    """The disk that holds the business's data cannot be written: whatever is entered would be lost."""


class Business:
    """Stands before the page's own WSGI application."""

    def __init__(self, app: Flask, folder: Path) -> None:
        self._app = app
        self._page: Wsgi = app.wsgi_app
        self._socket = app.config["RSD_SOCKET"]
        self._folder = folder
        self._uploads = app.extensions["uploads"]
        self._lock = threading.Lock()
        self._at_work = Turns(AT_WORK_MAX)
        self._opened: tuple[tuple[str, str, int], Flask] | None = None
        app.extensions["business"] = self

    def __call__(self, environ: dict[str, Any], answer: Answer) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if not any(path == place or path.startswith(f"{place}/") for place in PLACES):
            return self._page(environ, answer)
        try:
            return self._answer(environ, answer)
        except ClosedError:
            return self._failed(environ, _CLOSED)(environ, answer)
        except Unavailable as error:
            with self._app.request_context(environ):
                away = of_absence(error) if path.startswith("/api/") else errors.away(error)
                return self._app.process_response(away)(environ, answer)

    def _answer(self, environ: dict[str, Any], answer: Answer) -> Iterable[bytes]:
        """:raise ClosedError: the data cannot be written. :raise Unavailable: rsd does not answer."""
        if self._is_plain_from_outside(environ):
            return redirect(Request(environ).url.replace("http", "https", 1), 308)(environ, answer)
        who = self._who(environ)
        place = self._place()["business"] if who is None else who.get("business")
        if place is None:
            return self._failed(environ, 404)(environ, answer)
        if who is None and not self._is_public(environ, place):
            return self._log_in(environ)(environ, answer)
        environ["rs.who"] = who
        with self._at_work:  # what is sent in parts (CSV) goes on without it: a slow reader keeps nobody waiting
            return self._open(place).wsgi_app(environ, answer)

    def _failed(self, environ: dict[str, Any], status: int) -> BaseResponse:
        """An error as the router's own: a page, or what programs read."""
        with self._app.request_context(environ):
            is_api = environ.get("PATH_INFO", "").startswith("/api/")
            return self._app.process_response(of_status(status) if is_api else errors.page(status))

    def describe(self, document: dict[str, Any], environ: dict[str, Any]) -> dict[str, Any]:
        """The OpenAPI document with what the business adds, for those who have it; a copy, addresses being whole."""
        try:
            who = self._who(environ)
            if who is None or who.get("business") is None:
                return document
            self._open(who["business"])
        except (ClosedError, Unavailable):
            return document
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
        """Who asks; ``None`` is nobody. :raise Unavailable: rsd does not answer."""
        client = self._client(environ)
        if client is not None:
            with contextlib.suppress(Refused), client as rsd:
                return dict(rsd.call("whoami"))
        return None

    def _client(self, environ: dict[str, Any]) -> Client | None:
        """A client for whoever sent the request; ``None``: it shows neither a session nor a token."""
        asked = Request(environ)
        session = asked.cookies.get("__Host-rs" if asked.is_secure else "rs")
        scheme, _, token = asked.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token.strip():
            return Client(self._socket, None, token=token.strip())
        # Without one nothing is asked at all: rsd would take a page that runs as root for the local owner.
        return Client(self._socket, session) if session else None

    def _log_in(self, environ: dict[str, Any]) -> BaseResponse:
        """What whoever is not logged in gets; a form that was sent is sent again after the login, nothing is lost."""
        asked = Request(environ)
        if asked.path.startswith("/api/"):
            return self._failed(environ, 401)
        if asked.method == "POST" and asked.mimetype == "application/x-www-form-urlencoded":
            with self._app.request_context(environ):
                try:
                    return self._app.process_response(keep_form())
                except HTTPException as error:  # from another site, or more than a form may be
                    return error.get_response(environ)
        here = asked.full_path.rstrip("?") if asked.method == "GET" else "/business/"
        return redirect(f"/login?next={quote(here)}", 303)

    def _is_plain_from_outside(self, environ: dict[str, Any]) -> bool:
        """Whether it came without TLS from elsewhere than a LAN or this box."""
        asked = Request(environ)
        if asked.is_secure:
            return False
        try:
            address = ip_address(asked.remote_addr or "")
        except ValueError:
            return True
        return not (address.is_loopback or any(address in ip_interface(lan).network for lan in self._place()["lans"]))

    def _phones(self) -> str:
        """The address at which a phone in the works finds us, however whoever prints it came here."""
        addresses = [str(ip_interface(lan).ip) for lan in self._place()["lans"]]
        if not addresses:
            return request.host_url.rstrip("/")
        return f"http://{request.host if request.host in addresses else addresses[0]}"

    def _is_public(self, environ: dict[str, Any], place: dict[str, str]) -> bool:
        """Whether it is a page for whoever is not logged in: a job card that is scanned, its style sheet."""
        opened = self._open(place)
        from bizlite.web.guard import is_public

        return bool(is_public(opened, environ))

    def _place(self) -> dict[str, Any]:
        """Where the data lies and the zone (``None``: the business is off), and the box's addresses on its LANs.

        :raise Unavailable: rsd does not answer. Nothing may be said then: to a phone with a job card, "off" is final.
        """
        with Client(self._socket) as rsd:
            try:
                return dict(rsd.call("business.place"))
            except Refused as error:  # a fault of rsd's: everybody may ask
                raise Unavailable(str(error)) from error

    def _open(self, place: dict[str, str]) -> Flask:
        """:raise ClosedError: when the box's own disk holds the data and does not take what is written."""
        if not place["database"] and os.statvfs(self._folder).f_flag & os.ST_RDONLY:
            raise ClosedError
        with self._lock:
            url = place["database"] or f"sqlite://{self._folder}/company.db"
            key = (url, place["timezone"], self._restored_ns())
            if self._opened is None or self._opened[0] != key:
                from bizlite.web.app import create_app

                self._opened = (
                    key,
                    create_app(
                        url,
                        _identify,
                        folder=self._folder,
                        zone=site_zone(place["timezone"]),
                        large=self._large,
                        logout=("/logout", csrf_token),
                        account="/users/",
                        people=self._people,
                        phones=self._phones,
                        rule=LateRule,
                    ),
                )
            return self._opened[1]

    def _large(self, address: str, max_bytes: int) -> str:
        return f"{address}?ticket={self._uploads.ticket(address, max_bytes)}"

    def _people(self) -> list[str]:
        """The router's users, where who asks may read its settings."""
        client = self._client(request.environ)
        if client is not None:
            with contextlib.suppress(Refused, Unavailable), client as rsd:
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
