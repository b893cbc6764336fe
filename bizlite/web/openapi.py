"""The part of the OpenAPI document that is bizlite's, made from the declarations."""

from __future__ import annotations

import re
from typing import Any

from bizlite.web import calls
from bizlite.web.api import ROOT
from bizlite.web.calls import Call
from bizlite.web.fields import Field
from bizlite.web.resource import Command, Lines, Resource, every, permission, takes

JSON = "application/json"
ERRORS = {
    "401": "No token, or one that is not valid",
    "403": "The permission is missing",
    "404": "There is no such row, or the module is off",
    "409": "Somebody else changed it since it was read",
    "422": "The values cannot be used; problems says where, why and what to do",
}
ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "problems": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {name: {"type": "string"} for name in ("field", "message", "remedy", "value")},
                    },
                },
            },
        }
    },
}
FIGURES = {
    "type": "object",
    "properties": {
        "tables": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "title": {"type": "string"},
                    "columns": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {name: {"type": "string"} for name in ("name", "label", "kind")},
                        },
                    },
                    "rows": {
                        "type": "array",
                        "description": "Values by name of column: money in fen, percent in basis points, a quantity as"
                        " decimal text, a month as 202611, a date as ISO text",
                        "items": {"type": "object", "additionalProperties": {"type": ["string", "integer", "null"]}},
                    },
                    "totals": {"type": "object", "additionalProperties": {"type": "integer"}},
                },
            },
        }
    },
}
KEY = {"name": "key", "in": "path", "required": True, "schema": {"type": "string"}}
ONCE = {
    "name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "maxLength": 100},
    "description": "The second call with the same key gives what the first one made.",
}  # fmt: skip


def fragment() -> tuple[dict[str, Any], dict[str, Any]]:
    """Paths and schemas of every resource, to be merged into the router's document; addresses are whole."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {"biz.Error": ERROR, calls.FIGURES: FIGURES}
    for resource in every().values():
        schemas[resource.name] = _row(resource)
        schemas[f"{resource.name}.new"] = _body(resource.fields, resource)
        base = f"{ROOT}/{resource.module}/{resource.noun}"
        paths[base] = {"get": _list(resource)}
        if resource.create:
            body = f"{resource.name}.new"
            paths[base]["post"] = _change(resource, "create", resource.create, "Make one", _reference(body), "201")
        paths[f"{base}/{{key}}"] = {"get": _of_row(resource, "show", resource.view, "Read one", [KEY])}
        if resource.change:
            fields = [field for field in resource.fields if not field.fixed]
            shape = _body(fields, resource, is_part=True, command=resource.change)
            paths[f"{base}/{{key}}"]["patch"] = _change(resource, "change", resource.change, "Change one", shape)
        for action in resource.actions:
            shape = _body(action.fields, command=action.command, lines=action.lines)
            paths[f"{base}/{{key}}/{action.name}"] = {
                "post": _change(resource, action.name, action.command, action.label, shape)
            }
    for module, call in calls.every():
        place = re.sub("<(.*?)>", r"{\1}", call.path)
        paths.setdefault(f"{ROOT}/{module}/{place}", {})[call.method.lower()] = _call(module, call)
    return paths, schemas


def _call(module: str, call: Call) -> dict[str, Any]:
    """A call that is no document's."""
    places = [{**KEY, "name": name} for name in re.findall("<(.*?)>", call.path)]
    operation = _operation(
        f"{module}.{call.name}.{call.method.lower()}", module, call.view.permission, call.label, call.answer, places
    )
    if call.method == "GET":
        operation["parameters"] += [
            {"name": entry.name, "in": "query", "schema": _property(entry), "description": entry.label}
            for entry in call.fields
        ]
    else:
        operation["parameters"].append(ONCE)
        operation["requestBody"] = {"content": {JSON: {"schema": _body(call.fields, lines=call.lines)}}}
    return operation


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _operation(
    name: str, module: str, needed: str, summary: str, shape: Any, parameters: list[Any], status: str = "200"
) -> dict[str, Any]:
    """What every operation says; ``shape`` is the schema of its answer."""
    answers = {code: {"description": text, "content": {JSON: {"schema": _reference("biz.Error")}}}
               for code, text in ERRORS.items()}  # fmt: skip
    return {
        "operationId": name,
        "tags": [module],
        "summary": summary,
        "description": f"Permission: {needed}.",
        "parameters": parameters,
        "responses": {
            status: {"description": "The answer", "content": {JSON: {"schema": shape}}},
            **answers,
        },
    }


def _of_row(
    resource: Resource, name: str, needed: str, summary: str, parameters: list[Any], status: str = "200"
) -> dict[str, Any]:
    """An operation that answers with a row of the resource."""
    words = f"{resource.label}: {summary}"
    shape = _reference(resource.name)
    return _operation(f"{resource.name}.{name}", resource.module, needed, words, shape, parameters, status)


def _list(resource: Resource) -> dict[str, Any]:
    names = ["q", "sort", "after", "limit"]
    for name in resource.filters:
        names += [f"{name}_from", f"{name}_to"] if resource.field(name).widget == "date" else [name]
    parameters = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names]
    operation = _of_row(resource, "list", resource.view, "List", parameters)
    operation["responses"]["200"] = {
        "description": "A part of the list; next is the address of the next one",
        "content": {
            JSON: {
                "schema": {
                    "type": "object",
                    "properties": {
                        "items": {"type": "array", "items": _reference(resource.name)},
                        "next": {"type": ["string", "null"]},
                        "totals": {"type": "object", "additionalProperties": {"type": "integer"}},
                    },
                }
            }
        },
    }
    return operation


def _change(
    resource: Resource, name: str, command: Command, summary: str, shape: dict[str, Any], status: str = "200"
) -> dict[str, Any]:
    parameters = [ONCE] if name == "create" else [KEY, ONCE]
    operation = _of_row(resource, name, permission(command), summary, parameters, status)
    operation["requestBody"] = {"content": {JSON: {"schema": shape}}}
    return operation


def _body(
    fields: Any,
    resource: Resource | None = None,
    *,
    is_part: bool = False,
    command: Command | None = None,
    lines: Lines | None = None,
) -> dict[str, Any]:
    """What is sent. ``resource`` adds its lines and the firm's own fields."""
    shape = _object(fields)
    if command is not None and takes(command, "version"):
        shape["properties"]["version"] = {"type": "integer"}
        shape["required"] = ["version"]
    if not is_part:
        shape["required"] = [
            *shape.get("required", []),
            *(f.name for f in fields if f.required and f.default is None and f.widget != "yesno"),
        ]  # fmt: skip
    table = resource.lines if resource is not None else lines
    if table is not None:
        shape["properties"][table.name] = {"type": "array", "items": _object(table.fields)}
    if resource is not None and resource.custom:
        shape["properties"]["custom"] = {"type": "object", "additionalProperties": {"type": "string"}}
    return shape


def _row(resource: Resource) -> dict[str, Any]:
    """What is answered."""
    shape = _object(resource.fields)
    shape["properties"] = {"id": {"type": ["integer", "string"]}, **shape["properties"]}
    for column in (*resource.all_columns(), *resource.shows):
        shape["properties"].setdefault(column.name, _property(column.kind))
    if resource.lines is not None:
        table = resource.lines
        shown = [column.kind for column in table.shows]
        shape["properties"][table.name] = {"type": "array", "items": _object((*table.fields, *shown))}
    shape["properties"]["actions"] = {"type": "array", "items": {"type": "string"}}
    return shape


def _object(fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {field.name: _property(field) for field in fields}}


def _property(field: Field) -> dict[str, Any]:
    shape = field.schema()
    kinds = shape["type"] if isinstance(shape["type"], tuple) else (shape["type"],)
    may_be_null = field.empty is None
    types = [*kinds, "null"] if may_be_null else list(kinds)
    return {**shape, "type": types if len(types) > 1 else types[0]}
