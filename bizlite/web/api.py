"""REST of every resource: the same declarations, commands and rights as the pages; values instead of texts."""

from __future__ import annotations

from functools import partial
from inspect import Parameter, signature
from typing import Any

from flask import Blueprint, Response, jsonify, request, url_for

from bizlite.core.errors import Forbidden, Missing, Refused, Stale, refuse
from bizlite.web import listing, reading
from bizlite.web.guard import requires, session
from bizlite.web.pages import may, own_values
from bizlite.web.resource import Action, Command, Resource, of_row, permission, raw, takes
from bizlite.web.texts import gettext, said

ROOT = "/api/biz/v1"
STATUS = {Forbidden: 403, Missing: 404, Stale: 409}


def register(bp: Blueprint, resource: Resource) -> None:
    """Gives a resource its addresses."""
    base = f"/{resource.module}/{resource.noun}"

    def add(rule: str, name: str, view: Any, needed: str, method: str) -> None:
        endpoint = f"{resource.module}-{resource.noun}-{name}"
        bp.add_url_rule(
            base + rule, endpoint, requires(needed, resource.module)(partial(view, resource)), methods=(method,)
        )

    add("", "list", index, resource.view, "GET")
    add("/<key>", "show", show, resource.view, "GET")
    if resource.create:
        add("", "create", create, permission(resource.create), "POST")
    if resource.change:
        add("/<key>", "change", change, permission(resource.change), "PATCH")
    for action in resource.actions:
        add(f"/<key>/{action.name}", f"do-{action.name}", partial(_swap, action), permission(action.command), "POST")


def _swap(action: Action, resource: Resource, key: str) -> Response:
    return act(resource, action, key)


def index(resource: Resource) -> Response:
    """A part of the list; ``next`` is the address of the next one."""
    asked = request.args.to_dict()
    limit = asked.pop("limit", str(listing.ROWS))
    if not limit.isdecimal() or not 1 <= int(limit) <= listing.MOST_ROWS:
        raise refuse("limit", "is out of bounds", "Give 1 to %(most)s.", limit[:100], most=listing.MOST_ROWS)
    part = listing.page(resource, asked, rows=int(limit))
    place: dict[str, Any] = {**asked, "limit": limit, "after": part.after}
    follows = url_for(f"api.{resource.module}-{resource.noun}-list", **place)
    return jsonify(
        items=[body_of(resource, row, with_lines=False) for row in part.rows],
        next=follows if part.after else None,
        totals=part.totals,
    )


def show(resource: Resource, key: str) -> Response:
    """One row with its lines and what may be done with it."""
    return jsonify(body_of(resource, resource.get(key)))


def create(resource: Resource) -> tuple[Response, int]:
    """Makes a row."""
    values = reading.of_json(_body(), reading.open_fields(resource, is_new=True), resource.lines)
    row = _call(resource.create, values)
    return jsonify(body_of(resource, row)), 201


def change(resource: Resource, key: str) -> Response:
    """Changes the fields that are sent; ``version`` is the one that was read."""
    row = resource.get(key)
    body = _body()
    version = _version(resource.change, body)
    values = reading.of_json(body, reading.open_fields(resource, is_new=False), resource.lines, is_part=True)
    _call(resource.change, {**_as_it_is(resource, row, values), **values, **version}, row._pk)
    return jsonify(body_of(resource, resource.get(key)))


def _as_it_is(resource: Resource, row: Any, sent: dict[str, Any]) -> dict[str, Any]:
    """What the command takes and was not sent, as the row has it: its own defaults are those of a new row. A command
    that takes any names changes only what it is given."""
    parameters = signature(resource.change).parameters.values()  # type: ignore[arg-type]
    lacking = {p.name: p for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in sent}
    fields = reading.open_fields(resource, is_new=False)
    values = {entry.name: raw(row, entry.name) for entry in fields if entry.name in lacking}
    lines = resource.lines
    if lines is not None and lines.argument in lacking and lacking[lines.argument].default is Parameter.empty:
        values[lines.argument] = [
            lines.make(**{entry.name: raw(line, entry.name) for entry in lines.fields}) for line in lines.rows(row)
        ]
    return values


def act(resource: Resource, action: Action, key: str) -> Response:
    """Runs an action; the answer is the row that it made or changed."""
    row = resource.get(key)
    body = _body() if request.content_length else {}
    version = _version(action.command, body)
    lines = action.lines
    if lines and lines.name not in body and _has_default(action.command, lines.argument):
        lines = None  # what the command does itself
    result = _call(action.command, {**reading.of_json(body, action.fields, lines), **version}, row._pk)
    made = of_row(result) if hasattr(result, "_meta") else None
    if made is None:
        made, result = resource, resource.get(key)
    return jsonify(body_of(made, result))


def _has_default(command: Command, name: str) -> bool:
    return signature(command).parameters[name].default is not Parameter.empty


def body_of(resource: Resource, row: Any, *, with_lines: bool = True) -> dict[str, Any]:
    """A row as JSON holds it."""
    names = type(row)._meta.fields
    body: dict[str, Any] = {"id": row._pk}
    for name in ("number", "version"):
        if name in names:
            body[name] = raw(row, name)
    entries = [resource.field(n) for n in ("date", "posted", "posted_by") if n in names] + list(resource.fields)
    for entry in entries:
        body[entry.name] = entry.plain(raw(row, entry.name))
    for column in (*resource.all_columns(), *resource.shows):
        body.setdefault(column.name, column.kind.plain(column.of(row)))
    if resource.custom:
        body["custom"] = {f.name.removeprefix("custom."): "" for f in reading.own_fields(resource)} | own_values(row)
    if with_lines and resource.lines is not None:
        table = resource.lines
        body[table.name] = [
            {entry.name: entry.plain(raw(line, entry.name)) for entry in table.fields}
            | {column.name: column.kind.plain(column.of(line)) for column in table.shows}
            for line in table.rows(row)
        ]
    if with_lines:
        body["actions"] = [a.name for a in resource.actions if may(a.command) and a.when(row)]
    return body


def refused(error: Refused) -> tuple[Response, int]:
    """A refusal, in the one error shape of the router's API."""
    status = STATUS.get(type(error), 422)
    return jsonify(_error({403: "forbidden", 404: "not_found", 409: "conflict"}.get(status, "invalid"),
                          gettext("Nothing was changed."), [said(p) for p in error.problems])), status  # fmt: skip


def failed(status: int, message: str) -> tuple[Response, int]:
    """An error that concerns no field."""
    codes = {401: "unauthenticated", 403: "forbidden", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}
    return jsonify(_error(codes.get(status, "internal" if status >= 500 else "invalid"), message, [])), status


def _error(code: str, message: str, problems: list[dict[str, str]]) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "problems": problems}}


def _body() -> Any:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise refuse("body", "is not an object", "Send a JSON object with the fields.")
    return body


def _version(command: Command | None, body: dict[str, Any]) -> dict[str, int]:
    if command is None or not takes(command, "version"):
        return {}
    version = body.pop("version", None)
    if isinstance(version, bool) or not isinstance(version, int):
        raise refuse("version", "is missing", "Send the version that you read.", version)
    return {"version": version}


def _call(command: Command | None, values: dict[str, Any], *args: Any) -> Any:
    assert command is not None  # registered only where there is one
    return command(session(), *args, key=request.headers.get("Idempotency-Key"), **values)
