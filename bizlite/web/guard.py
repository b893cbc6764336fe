"""What every request passes: who asks, from where, with which permission, and whether the module is on."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, g, request
from werkzeug.exceptions import HTTPException

from bizlite.core import registry, rights
from bizlite.core.session import EVERYTHING, Session

View = TypeVar("View", bound=Callable[..., Any])
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
ADMIN = "admin"  # the role that may everything here
ANYBODY = "login"  # whoever has any right in bizlite
PUBLIC = "public"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "media-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=(), payment=(), usb=()",
}


@dataclass(frozen=True, kw_only=True)
class Who:
    """Whoever asks, as the login knows them."""

    name: str
    roles: frozenset[str] = frozenset()
    language: str = ""


Identify = Callable[[dict[str, Any]], Who | None]


class Unknown(HTTPException):
    """Nobody is logged in."""

    code = 401


class Off(HTTPException):
    """The module of the address is off: there is nothing, and somebody can change that."""

    code = 404

    def __init__(self, module: registry.Module) -> None:
        super().__init__(f"{module.name} is off")
        self.module = module


def requires(permission: str, module: str = "") -> Callable[[View], View]:
    """Names the permission that a view needs; the module is the permission's unless it is said."""

    def mark(view: View) -> View:
        view.permission, view.module = permission, module or permission.partition(".")[0]  # type: ignore[attr-defined]
        return view

    return mark


def routes(app: Flask) -> list[tuple[str, str, str]]:
    """Every route: method, address, permission; what has none stands there with an empty one and is always refused."""
    found = []
    for rule in app.url_map.iter_rules():
        permission = getattr(app.view_functions[rule.endpoint], "permission", "")
        found += [(method, rule.rule, permission) for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})]
    return found


def is_public(app: Flask, environ: dict[str, Any]) -> bool:
    """Whether what is asked for is open to everybody, logged in or not."""
    try:
        endpoint, _ = app.url_map.bind_to_environ(environ).match()
    except HTTPException:
        return False
    return getattr(app.view_functions[endpoint], "permission", "") == PUBLIC


def install(app: Flask, identify: Identify) -> None:
    """Puts the guard before and the headers behind every view."""

    def guard() -> None:
        g.who = None
        if request.endpoint is None:
            return
        view = current_app.view_functions[request.endpoint]
        permission = getattr(view, "permission", None)
        if permission is None:
            abort(500, f"the route {request.endpoint} names no permission")
        if permission == PUBLIC:
            check_on(view.module)  # type: ignore[attr-defined]
            return
        g.who = identify(request.environ)
        if g.who is None:
            raise Unknown
        if request.method not in SAFE_METHODS:
            check_origin()
        g.session = _session_of(g.who)
        if not g.session.rights or (permission != ANYBODY and not g.session.may(permission)):
            abort(403)
        check_on(view.module)  # type: ignore[attr-defined]

    app.extensions["identify"] = identify
    app.before_request(guard)
    app.after_request(_add_headers)


def check_on(module: str) -> None:
    """:raise Off: while the module is off."""
    if module in registry.NAMES and not registry.is_on(module):
        raise Off(next(entry for entry in registry.modules() if entry.name == module))


def visitor() -> Session | None:
    """Who is logged in at a page that is open to all, if anybody is."""
    who = current_app.extensions["identify"](request.environ)
    return None if who is None else _session_of(who)


def _session_of(who: Who) -> Session:
    held = frozenset({EVERYTHING}) if ADMIN in who.roles else rights.rights_of(who.name)
    return acting(who.name, held)


def acting(user: str, held: frozenset[str]) -> Session:
    """A session at this site, whose business day it has."""
    return Session(user=user, rights=held, zone=current_app.config["ZONE"])


def is_api() -> bool:
    """Whether a program asks, which wants JSON."""
    return request.path.startswith("/api/")


def session() -> Session:
    """Who acts in this request."""
    return g.session  # type: ignore[no-any-return]


def today() -> datetime.date:
    """The business day: what a form begins with."""
    return session().today()


def _cookie() -> str:
    return "__Host-biz" if request.is_secure else "biz"


def csrf_token() -> str:
    """What every form carries: an HMAC keyed by a random cookie, so that nothing is stored here."""
    key = request.cookies.get(_cookie()) or g.get("cookie")
    if not key:
        key = g.cookie = secrets.token_urlsafe(24)
    return hmac.new(key.encode(), b"csrf", hashlib.sha256).hexdigest()


def check_origin() -> None:
    """:raise HTTPException: when a change does not come from a form of ours."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        abort(403)
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        abort(403)
    if request.headers.get("Authorization", "").startswith("Bearer "):
        return  # no browser sends that by itself
    given = request.form.get("csrf", "") or request.headers.get("X-CSRF-Token", "")
    if not hmac.compare_digest(given.encode(), csrf_token().encode()):
        abort(400)


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure:  # a browser complains of it where it does not apply, as at a job card without TLS
        response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    if "cookie" in g:
        response.set_cookie(_cookie(), g.cookie, path="/", httponly=True, secure=request.is_secure, samesite="Strict")
    return response
