"""The blueprint: registers every row of the table, and answers errors in the API's one shape."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from firmware.client import Refused, Unavailable
from webui.access import Permission, requires
from webui.api import errors
from webui.api.identity import client, close_client
from webui.api.route import Route, ask
from webui.api.table import ROUTES

bp = Blueprint("api", __name__, url_prefix="/api/v1")
bp.teardown_request(close_client)
bp.register_error_handler(Refused, errors.of_refusal)
bp.register_error_handler(Unavailable, errors.of_absence)
bp.register_error_handler(HTTPException, errors.of_http)
bp.register_error_handler(Exception, errors.of_fault)

_PERMISSIONS: dict[str | None, Permission] = {
    None: "public",
    "worker": "login",
    "auditor": "read",
    "admin": "change",
    "owner": "own",
}


def _register(route: Route) -> None:
    def view(**arguments: Any) -> ResponseReturnValue:
        if route.role is not None:
            client()  # nobody's body is read before it is known who sends it
        if route.body_max_bytes is not None:
            request.max_content_length = route.body_max_bytes
        result = route.handler(route, **arguments) if route.handler else ask(route, **arguments)
        return result if isinstance(result, Response) else (jsonify(result), route.status)

    view.__name__ = route.name
    bp.add_url_rule(route.rule, route.name, requires(_PERMISSIONS[route.role])(view), methods=[route.method])


for _route in ROUTES:
    _register(_route)
