"""The OpenAPI 3.1 document, made from the table of routes and the types of the model."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import msgspec

from firmware.model.config import Config
from webui.api import schemas
from webui.api.route import MERGE_PATCH, Route
from webui.api.table import ROUTES

JSON = "application/json"
_REFERENCE = "#/components/schemas/{name}"
# What can go wrong with any route.
_ERRORS = {
    "401": "No token, or one that is not valid",
    "403": "The role does not permit it",
    "422": "The values cannot be used; problems says where and why",
    "503": "The daemon does not answer or is busy; see Retry-After",
}


_BINARY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


@cache
def document() -> dict[str, Any]:
    """The document; the same for everybody."""
    types = [route.answer for route in ROUTES] + [route.body for route in ROUTES] + [Config, schemas.Error]
    wanted = [kind for kind in types if kind is not None and kind is not Any]
    shapes, components = msgspec.json.schema_components(wanted, ref_template=_REFERENCE)
    by_type = {str(kind): shape for kind, shape in zip(wanted, shapes, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        place = paths.setdefault(_plain_path(route.path), {})
        place[route.method.lower()] = _operation(route, by_type)
    whole = {
        "openapi": "3.1.0",
        "info": {
            "title": "R-series router",
            "version": "1",
            "description": (
                "Everything the page can do. Changes go to a candidate that is yours alone; a commit puts it in force. "
                "Messages follow Accept-Language (zh, en)."
            ),
            "license": {"name": "GPL-2.0-or-later", "identifier": "GPL-2.0-or-later"},
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}, {"session": [], "csrf": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "rsctl token create NAME ROLE"},
                "session": {"type": "apiKey", "in": "cookie", "name": "__Host-rs"},
                "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"},
            },
        },
    }
    # Defaults of the model are tuples; in a document they are lists.
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(whole))
    return plain


def _operation(route: Route, by_type: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "responses": {str(route.status): _response(route, by_type), **_errors(route)},
    }
    if route.role is None:
        operation["security"] = []
    else:
        operation["description"] = f"Least role: {route.role}."
    if parameters := [*_path_parameters(route), *_query_parameters(route)]:
        operation["parameters"] = parameters
    if route.binary == "body":
        operation["requestBody"] = {"required": True, "content": _BINARY}
    if route.body is not None:
        types = (JSON, MERGE_PATCH) if route.method == "PATCH" else (JSON,)
        content = {"schema": {} if route.body is Any else by_type[str(route.body)]}
        operation["requestBody"] = {"required": True, "content": dict.fromkeys(types, content)}
    return operation


def _response(route: Route, by_type: dict[str, Any]) -> dict[str, Any]:
    if route.status == 204:
        return {"description": "Done"}
    if route.name == "events":
        return {"description": "Server-sent events", "content": {"text/event-stream": {"schema": {"type": "string"}}}}
    if route.binary == "answer":
        return {"description": "The file", "content": _BINARY}
    schema = {} if route.answer is Any else by_type[str(route.answer)]
    return {"description": "Done", "content": {JSON: {"schema": schema}}}


def _errors(route: Route) -> dict[str, Any]:
    codes = {} if route.role is None else dict(_ERRORS)
    if "{" in route.path:
        codes["404"] = "There is no such thing"
    if route.verb in {"config.commit", "config.rollback", "config.confirm"}:
        codes["409"] = "Somebody else has changed the configuration, or a change waits for confirmation"
    schema = {"$ref": _REFERENCE.format(name="Error")}
    return {
        status: {"description": words, "content": {JSON: {"schema": schema}}} for status, words in sorted(codes.items())
    }


def _plain_path(path: str) -> str:
    return path.replace("{int:", "{")


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "integer" if kind else "string"},
        }
        for kind, name in re.findall(r"{(int:)?(\w+)}", route.path)
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    (_, components) = msgspec.json.schema_components([route.query], ref_template=_REFERENCE)
    shape = components[route.query.__name__]
    required = set(shape.get("required", ()))
    parameters = []
    for name, schema in shape["properties"].items():
        words = schema.pop("description", None)
        item = {"name": name, "in": "query", "required": name in required, "schema": schema}
        parameters.append({**item, "description": words} if words else item)
    return parameters
