"""Who asks: a bearer token, or the page's session cookie with the proof that the page itself asks."""

from __future__ import annotations

import hmac
from typing import NamedTuple
from urllib.parse import urlsplit

from flask import abort, current_app, g, request

from firmware.client import Client
from webui.security import SAFE_METHODS, csrf_token, session_cookie


class Identity(NamedTuple):
    """Exactly one of the two; rsd checks it with every verb."""

    session: str | None
    token: str | None


def identify() -> Identity:
    """The request's identity.

    Without one nothing is asked at all: rsd would take a page that runs as root for the local owner.

    :raise 401: no credentials. :raise 403: the cookie comes along with a request that another site made.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme:
        if scheme.lower() != "bearer" or not token.strip():
            abort(401)
        return Identity(None, token.strip())
    session = request.cookies.get(session_cookie())
    if not session:
        abort(401)
    if request.method not in SAFE_METHODS:
        _check_same_site()
    return Identity(session, None)


def client() -> Client:
    """This request's client, closed with the request."""
    if "api_client" not in g:
        who = identify()
        g.api_client = Client(current_app.config["RSD_SOCKET"], who.session, token=who.token)
    found: Client = g.api_client
    return found


def close_client(_error: BaseException | None = None) -> None:
    if "api_client" in g:
        g.pop("api_client").close()


def _check_same_site() -> None:
    """Browsers send cookies by themselves: a change also needs our origin and the token that our pages carry."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        abort(403)
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        abort(403)
    if not hmac.compare_digest(request.headers.get("X-CSRF-Token", "").encode(), csrf_token().encode()):
        abort(403)
