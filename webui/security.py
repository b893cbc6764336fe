"""What every request passes: headers, origin, CSRF token, session cookie, permission.

The session cookie holds rsd's own session token and nothing else; rsweb keeps no state and no secret. The CSRF token
is an HMAC keyed by the session token (before login: by a random cookie), so it needs no store either.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, g, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from webui.access import allows, permission_of, takes_file
from webui.router import router
from webui.uploads import FORM_BYTES, ticket_bytes

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def install(app: Flask) -> None:
    """Put the guards before and the headers behind every view of ``app``."""
    app.before_request(guard)
    app.after_request(add_headers)
    app.jinja_env.globals.update(csrf_token=csrf_token, here=here)


def session_cookie() -> str:
    """Name of the session cookie; the ``__Host-`` prefix makes browsers insist on Secure and on this very host."""
    return "__Host-rs" if request.is_secure else "rs"


def _visitor_cookie() -> str:
    return "__Host-rs-visitor" if request.is_secure else "rs-visitor"


def set_session(response: BaseResponse, token: str, expires_s: int | None) -> None:
    """Hand the browser rsd's session token."""
    response.set_cookie(
        session_cookie(), token, max_age=expires_s, path="/", httponly=True, secure=request.is_secure, samesite="Strict"
    )


def clear_session(response: BaseResponse) -> None:
    response.delete_cookie(session_cookie(), path="/", httponly=True, secure=request.is_secure, samesite="Strict")


def csrf_token() -> str:
    """The token that every form carries; bound to the session, before login to a random cookie."""
    key = request.cookies.get(session_cookie()) or request.cookies.get(_visitor_cookie())
    if key is None:
        key = g.visitor = g.get("visitor") or secrets.token_urlsafe(24)
    return hmac.new(key.encode(), b"csrf", hashlib.sha256).hexdigest()


def guard() -> BaseResponse | None:
    """Refuse foreign and unauthorised requests; ``g.user`` is who asks (``None`` on public pages without a session)."""
    g.user = None
    if request.endpoint is None or _authorises_itself():
        return None
    usual = getattr(_view(), "body_max_bytes", current_app.config["MAX_CONTENT_LENGTH"])
    request.max_content_length = (ticket_bytes(request) or 0) + FORM_BYTES if takes_file(_view()) else usual
    if request.method not in SAFE_METHODS:
        check_origin()
        _check_token()
    permission = permission_of(_view())
    if permission is None:
        abort(500, f"the route {request.endpoint} names no permission")
    if permission == "public":
        return None
    if session_cookie() not in request.cookies:
        return login_redirect()
    g.user = router().whoami()
    if not allows(g.user["role"], permission):
        if request.endpoint == "dashboard.overview" and g.user.get("business") is not None:
            return redirect("/business/", 303)  # the place of whoever has nothing to do with the router
        abort(403)
    return None


def _view() -> Callable[..., object]:
    return current_app.view_functions[request.endpoint or ""]


def login_redirect() -> BaseResponse:
    """Send a person to the login page and back afterwards; scripts get a plain 401."""
    if request.headers.get("HX-Request") or request.blueprint == "live":
        abort(401)
    if request.method != "GET":
        return redirect(url_for("session.login"), 303)
    here = request.full_path.rstrip("?")
    return redirect(url_for("session.login", next=None if here == "/" else here), 303)


def here() -> str:
    """The address of this page, to which a button or link may come back: what only a form leads to cannot be opened."""
    asked = request.url_rule
    if "here" not in g:
        rules = current_app.url_map.iter_rules()
        is_page = asked and any(rule.rule == asked.rule and "GET" in (rule.methods or ()) for rule in rules)
        g.here = request.path if is_page else url_for("dashboard.overview")
    return str(g.here)


def local_path(target: str | None, default: str) -> str:
    """Return ``target`` when it is a path on this box, else ``default`` (no open redirect)."""
    # Browsers leave out tabs and line ends before they read an address: "/<tab>/evil.example" is another host's.
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")) or not target.isprintable():
        return default
    return target


def add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    if "visitor" in g:
        response.set_cookie(
            _visitor_cookie(), g.visitor, path="/", httponly=True, secure=request.is_secure, samesite="Strict"
        )
    return response


def _authorises_itself() -> bool:
    # The API goes by bearer tokens that no browser sends by itself, so neither cookies nor CSRF concern it.
    return request.endpoint == "static" or request.blueprint == "api"


def check_origin() -> None:
    """:raise HTTPException: when the request comes from another site."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        abort(403, "the request comes from another site")
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        abort(403, "the request comes from another site")


def _check_token() -> None:
    given = request.form.get("csrf", "") or request.headers.get("X-CSRF-Token", "")
    if not hmac.compare_digest(given.encode(), csrf_token().encode()):
        abort(400, "the form is too old or not ours")
