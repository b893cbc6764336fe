"""What pages take while they are open: the event stream and the points of the curves."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, jsonify, make_response, request

from webui.access import requires
from webui.live import Hub, TooManyReadersError
from webui.router import router
from webui.security import session_cookie

bp = Blueprint("live", __name__)

KINDS = frozenset({"line", "host", "application"})
WINDOW_MAX_S = 366 * 86_400


@bp.get("/events")
@requires("read")
def events() -> Response:
    """rsd's events as text/event-stream, as long as there is a place."""
    hub: Hub = current_app.extensions["live"]
    try:
        reader = hub.subscribe(request.cookies[session_cookie()])
    except TooManyReadersError:
        return make_response(("too many live pages are open", 503, {"Retry-After": "30"}))
    stream = Response(hub.stream(reader), mimetype="text/event-stream")
    stream.headers["X-Accel-Buffering"] = "no"
    stream.call_on_close(lambda: hub.leave(reader))
    return stream


@bp.get("/series/<kind>/<key>")
@requires("read")
def series(kind: str, key: str) -> Any:
    """Points of one curve: ``{step_s, t, up_bps, down_bps}``."""
    window_s = min(max(request.args.get("window_s", 600, int), 60), WINDOW_MAX_S)
    if kind not in KINDS:
        return jsonify(error="no such kind"), 404
    return jsonify(router().call("series", kind=kind, key=key, window_s=window_s))
