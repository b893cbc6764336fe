"""Routes that are more than one verb's call."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from flask import Response, abort, current_app, jsonify, request
from werkzeug.exceptions import MethodNotAllowed

from firmware.client import Forbidden, Invalid, NotFound
from webui import download
from webui.access import allows
from webui.api.errors import problem_row
from webui.api.identity import client, identify
from webui.api.route import MERGE_PATCH, Route, ask, convert, read_json, read_query
from webui.i18n import language
from webui.live import Hub, TooManyReadersError
from webui.uploads import BACKUP_BYTES, receive, ticket_bytes, uploads


def read_config(route: Route, path: str = "") -> Any:
    query = read_query(route.query) if route.query else {}
    try:
        return client().call("config.get", path=path, **_revision(query, "which"))
    except Invalid as error:
        if not error.problems:  # it is the revision that is wrong, not the path
            raise
        raise _absent(error) from None


def put_config(route: Route, path: str = "") -> Any:
    value = read_json()
    if not path:
        return changed(client().call("config.import", text=json.dumps(value, ensure_ascii=False)))
    return changed(client().call("config.set", path=path, value=value))


def patch_config(route: Route, path: str = "") -> Any:
    patch = read_json("application/json", MERGE_PATCH)
    try:
        before = client().call("config.get", path=path, which="candidate")
    except Invalid:  # it is made; a path that cannot be is refused below
        before = {}
    value = merge(before, patch)
    if not path:
        return changed(client().call("config.import", text=json.dumps(value, ensure_ascii=False)))
    return changed(client().call("config.set", path=path, value=value))


def delete_config(route: Route, path: str) -> Any:
    try:
        return changed(client().call("config.delete", path=path))
    except Invalid as error:
        try:
            client().call("config.get", path=path, which="candidate")
        except Invalid:
            raise _absent(error) from None
        raise


def check_config(route: Route) -> Any:
    query = read_query(route.query) if route.query else {}
    return changed(client().call("config.check", **_revision(query, "which")))


def put_user(route: Route, name: str) -> Any:
    _require_owner()
    return put_config(route, f"users.{name}")


def delete_user(route: Route, name: str) -> Any:
    _require_owner()
    return delete_config(route, f"users.{name}")


def read_users(route: Route) -> Any:
    return client().call("config.get", path="users", which="running")


def read_diff(route: Route) -> Any:
    query = read_query(route.query) if route.query else {}
    return client().call("config.diff", **_revision(_revision(query, "old"), "new"))


def read_plan(route: Route) -> Any:
    query = read_query(route.query) if route.query else {}
    return {"text": client().call("config.plan", **_revision({"which": "candidate", **query}, "which"))}


def import_text(route: Route) -> Any:
    return changed(ask(route))


def export_text(route: Route) -> Any:
    return {"text": ask(route)}


def why(route: Route) -> Any:
    return ask(route, language=language())


def read_applications(route: Route) -> Any:
    found = ask(route)
    return found if isinstance(found, dict) else {"applications": found}


def put_line_password(route: Route, name: str) -> Any:
    return done(route, line=name)


def put_backup_login(route: Route, name: str) -> Any:
    return done(route, destination=name)


def start_speed_test(route: Route, name: str) -> Any:
    return done(route, line=name)


def new_upload(route: Route) -> Any:
    """Where a file may be sent to. :raise Forbidden: only owners send files."""
    _require_owner()
    address = "/api/v1/uploads/file"
    return {"address": f"{address}?ticket={uploads().ticket(address, BACKUP_BYTES)}", "max_bytes": BACKUP_BYTES}


def put_upload(route: Route) -> Any:
    _require_owner()
    max_bytes = ticket_bytes(request)
    if max_bytes is None:
        raise Invalid("Ask for an address to send the file to: POST /api/v1/uploads.")
    request.max_content_length = max_bytes
    return {"upload": receive()}


def _require_owner() -> None:
    role = client().call("whoami")["role"]
    if not allows(role, "own"):
        raise Forbidden("The role %(role)s may not do this.", params={"role": role})


def read_backup(route: Route, name: str) -> Response:
    return download.backup_file(client(), name)


def restore_backup(route: Route) -> Any:
    result = ask(route)
    return {**result, **changed(result)}


def start_tool(route: Route) -> Any:
    """The body tells by its ``tool`` which it is."""
    wanted = convert(read_json(), route.body)
    return client().call("tools.start", request=msgspec.to_builtins(wanted))


def tool_file(route: Route, id: int) -> Response:
    if request.method == "HEAD":  # to read it is to take it away
        raise MethodNotAllowed(["GET"])
    return download.tool_file(client(), id)


def of_list(route: Route, name: str) -> Any:
    return ask(route, name=name)


def done(route: Route, **arguments: Any) -> Any:
    """A verb whose result says nothing: 204."""
    ask(route, **arguments)
    return Response(status=204)


def events(route: Route) -> Response:
    """rsd's events as text/event-stream; the places are shared with the page."""
    role = client().call("whoami")["role"]
    if not allows(role, "read"):
        raise Forbidden("The role %(role)s may not do this.", params={"role": role})
    who = identify()
    hub: Hub = current_app.extensions["live"]
    try:
        reader = hub.subscribe(who.session, token=who.token)
    except TooManyReadersError:
        abort(503)
    stream = Response(hub.stream(reader), mimetype="text/event-stream")
    stream.headers["X-Accel-Buffering"] = "no"
    stream.call_on_close(lambda: hub.leave(reader))
    return stream


def openapi(route: Route) -> Response:
    from webui.api.openapi import document

    business = current_app.extensions.get("business")
    response = jsonify(business.describe(document(), request.environ) if business else document())
    response.headers["Cache-Control"] = "private, max-age=60"  # the business's part is for those who have it
    return response


def changed(result: Any) -> Any:
    """What a commit would still refuse, in the reader's language."""
    from firmware.model.problem import Problem

    problems = [Problem(**problem) for problem in (result or {}).get("problems") or ()]
    return {"problems": [problem_row(problem) for problem in problems]}


def merge(target: Any, patch: Any) -> Any:
    """RFC 7396: objects are merged, ``null`` removes, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def _absent(error: Invalid) -> NotFound:
    return NotFound("There is no such value.", problems=error.problems)


def _revision(query: dict[str, Any], name: str) -> dict[str, Any]:
    """A revision's number is a number for rsd."""
    value = query.get(name)
    return {**query, name: int(value)} if isinstance(value, str) and value.isdecimal() else query
