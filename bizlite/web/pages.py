"""The pages that every resource has: list, form, document with its actions."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from functools import partial
from itertools import chain, islice
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, stream_with_context
from werkzeug.wrappers import Response as BaseResponse

from bizlite.core.errors import Forbidden, Missing, Problem, Refused, Stale
from bizlite.core.models import Audit
from bizlite.core.registry import is_on
from bizlite.core.session import Session
from bizlite.core.store import key_of, read
from bizlite.web import listing, reading
from bizlite.web.addresses import address, page_of
from bizlite.web.fields import Reference
from bizlite.web.guard import requires, session
from bizlite.web.reading import Form
from bizlite.web.resource import (
    Action,
    Command,
    Lines,
    Resource,
    every,
    find,
    permission,
    raw,
    takes,
    values_of,
)  # fmt: skip
from bizlite.web.texts import marked as _

AGAIN = Problem(
    field="", message=_("this form was saved already, and was changed since"),
    remedy=_("Look whether what you need is there. Press the button once more if you want both."),
)  # fmt: skip
LINKED = 20
CHOICES = 20


def register(bp: Blueprint, resource: Resource) -> None:
    """Gives a resource its addresses."""
    base = f"/{resource.module}/{resource.noun}"

    def add(rule: str, name: str, view: Any, needed: str, methods: tuple[str, ...] = ("GET",)) -> None:
        endpoint = f"{resource.module}-{resource.noun}-{name}"
        bound = requires(needed, resource.module)(partial(view, resource))
        bp.add_url_rule(base + rule, endpoint, bound, methods=methods)

    add("", "list", index, resource.view)
    add(".csv", "csv", download, resource.view)
    add("/lookup", "lookup", lookup, resource.view)
    if resource.create:
        add("/new", "new", new, permission(resource.create), ("GET", "POST"))
    add("/<key>", "show", show, resource.view)
    if resource.change:
        add("/<key>/edit", "edit", edit, permission(resource.change), ("GET", "POST"))
    if resource.template:
        add("/<key>/print", "print", paper, resource.view)
    for action in resource.actions:
        add(f"/<key>/{action.name}", action.name, partial(_swap, act, action), permission(action.command), ("POST",))


def _swap(view: Any, action: Action, resource: Resource, key: str) -> BaseResponse:
    answer: BaseResponse = view(resource, action, key)
    return answer


def call(command: Command, *args: Any, version: str = "", key: str | None, **values: Any) -> Any:
    """Runs a command with what every change carries: the version that was seen, and the idempotency key."""
    if version and takes(command, "version"):
        values["version"] = int(version) if version.isdecimal() else 0
    return command(session(), *args, key=key or None, **values)


def index(resource: Resource) -> str:
    """The list."""
    asked = request.args.to_dict()
    part = listing.page(resource, asked)
    return render_template(
        "list.html", resource=resource, page=part, rows=list(listing.cells(resource, part.rows)), asked=asked,
        is_searched=bool(asked.keys() - listing.LOOKS), filters=listing.filter_fields(resource),
        may_create=resource.create and may(resource.create),
    )  # fmt: skip


def download(resource: Resource) -> Response:
    """The list as CSV, sent while it is read: 30,000 rows kept whole are 4 MB."""
    lines = listing.as_csv(resource, request.args.to_dict())
    first = "".join(islice(lines, 2))  # whatever is wrong with what was asked for shows at the first row
    parts = chain((first,), iter(lambda: "".join(islice(lines, listing.CSV_ROWS)), ""))
    name = f"attachment; filename={resource.module}-{resource.noun}.csv"
    return Response(stream_with_context(parts), mimetype="text/csv", headers={"Content-Disposition": name})


def lookup(resource: Resource) -> Response:
    """Rows that fit what is being typed in a field, as JSON: code and words."""
    text = listing.searched(request.args.get("q", ""))
    limits = listing.limits(resource, {name: value for name, value in request.args.items() if name != "q"})
    if text:
        rows = resource.named(text, lambda: limits, most=CHOICES)
    else:
        rows = resource.model.select().where(limits).order_by(resource.key).limit(CHOICES)
    found = [{"code": resource.title(row), "words": resource.words(row)} for row in rows]
    return Response(json.dumps(found, ensure_ascii=False), mimetype="application/json")


def new(resource: Resource) -> Any:
    """The form of a new row."""
    fields = reading.open_fields(resource, is_new=True)
    if request.method == "GET":
        form = reading.of_row(None, fields, resource.lines)
        form.texts.update({name: text for name, text in request.args.items() if name in form.texts})
        if resource.lines:
            form.lines = reading.of_form(request.args, fields, resource.lines).lines
        return _form(resource, form, fields)
    form = reading.of_form(request.form, fields, resource.lines)
    try:
        row = call(
            resource.create,  # type: ignore[arg-type]  # registered only where there is one
            key=request.form.get("key"),
            **reading.values_of(form, fields, resource.lines),
        )
    except Refused as refused:
        return _again(refused, resource, form, fields)
    return redirect(page_of(row) + "?done=create", 303)


def edit(resource: Resource, key: str) -> Any:
    """The form of a row that is there."""
    row = resource.get(key)
    fields = reading.open_fields(resource, is_new=False)
    if request.method == "GET":
        if not resource.may_change(session(), row):
            return redirect(address(resource, "show", key=key), 303)
        return _form(resource, reading.of_row(row, fields, resource.lines, own_values(row)), fields, row)
    form = reading.of_form(request.form, fields, resource.lines)
    try:
        values = reading.values_of(form, fields, resource.lines)
        call(resource.change, row._pk, version=request.form.get("version", ""),  # type: ignore[arg-type]
             key=request.form.get("key"), **values)  # fmt: skip
    except Refused as refused:
        return _again(refused, resource, form, fields, resource.get(key))
    return redirect(address(resource, "show", key=key, done="change"), 303)


def show(
    resource: Resource, key: str, form: Form | None = None, tried: str = "", refused: Refused | None = None
) -> str:
    """The page of a row; ``form`` holds what was typed for the action ``tried`` that was refused."""
    row = resource.get(key)
    done = request.args.get("done", "")
    undo = next((a for a in resource.actions if a.name == done and a.undo), None)
    back = resource.action(undo.undo) if undo else None
    actions = [
        (action, form if form and action.name == tried else reading.of_action(action, row))
        for action in resource.actions
        if may(action.command) and action.when(row)
    ]
    return render_template(
        "show.html", resource=resource, row=row, facts=_facts(resource, row), lines=_lines(resource, row),
        actions=actions, next=reading.comes_next(actions), links=_links(resource, row),
        may_change=resource.may_change(session(), row), done=done, tried=tried,
        undo=back if back and may(back.command) and back.when(row) else None, key=secrets.token_urlsafe(16),
        refused=refused, version=getattr(row, "version", ""),
    )  # fmt: skip


def act(resource: Resource, action: Action, key: str) -> Any:
    """Runs an action on a row and shows what came of it."""
    row = resource.get(key)
    form = reading.of_form(request.form, action.fields, action.lines)
    try:
        values = reading.values_of(form, action.fields, action.lines)
        result = call(action.command, row._pk, version=request.form.get("version", ""), key=request.form.get("key"),
                      **values)  # fmt: skip
    except (Forbidden, Missing):
        raise
    except Refused as refused:
        refused = to_person(refused)
        form.problems = refused.problems
        return show(resource, key, form, action.name, refused), 409 if isinstance(refused, Stale) else 422
    goes = page_of(result) if hasattr(result, "_meta") else ""
    is_same = not goes or result._meta.model is resource.model
    return redirect((goes or address(resource, "show", key=key)) + f"?done={action.name if is_same else 'create'}", 303)


def paper(resource: Resource, key: str) -> str:
    """The row for the printer."""
    row = resource.get(key)
    return render_template(resource.template, resource=resource, row=row, lines=_lines(resource, row))


def may(command: Command) -> bool:
    return session().may(permission(command))


def own_values(row: Any) -> dict[str, str]:
    """What stands in the firm's own fields."""
    own: dict[str, str] = json.loads(getattr(row, "custom", "") or "{}")
    return own


def _form(resource: Resource, form: Form, fields: Any, row: Any = None, theirs: Any = None) -> str:
    key = "" if AGAIN in form.problems else request.form.get("key")
    return render_template(
        "form.html", resource=resource, form=form, fields=fields, row=row, theirs=theirs, blank=reading.BLANK,
        key=key or secrets.token_urlsafe(16), version=getattr(row, "version", ""),
    )  # fmt: skip


def to_person(refused: Refused) -> Refused:
    """The same refusal for whoever went back to a form that is saved and changed it: they know of no keys."""
    if any(problem.field == "key" for problem in refused.problems):
        return Refused(AGAIN)
    return refused


def _again(refused: Refused, resource: Resource, form: Form, fields: Any, row: Any = None) -> Any:
    """The form once more, with all that was typed and what is wrong with it."""
    if isinstance(refused, Forbidden):
        raise refused
    refused = to_person(refused)
    form.problems = refused.problems
    theirs = None
    if isinstance(refused, Stale):
        theirs = _theirs(resource, form, fields, row)
    return _form(resource, form, fields, row, theirs), 409 if isinstance(refused, Stale) else 422


def _theirs(resource: Resource, form: Form, fields: Any, row: Any) -> dict[str, Any]:
    """Who changed the row meanwhile, and what stands in both forms now, field by field."""
    last = (
        Audit.select()
        .where((Audit.table == row._meta.table_name) & (Audit.row == key_of(row)))
        .order_by(Audit.id.desc())
        .first()
    )
    now = reading.of_row(row, fields, resource.lines, own_values(row))
    rows = [(f.label, form.texts[f.name], now.texts[f.name]) for f in fields if form.texts[f.name] != now.texts[f.name]]
    if resource.lines and form.lines != now.lines:
        mine, other = ("\n".join(" · ".join(line.values()) for line in part.lines) for part in (form, now))
        rows.append((resource.lines.label, mine, other))
    return {"user": last.user if last else "", "rows": rows}


def _facts(resource: Resource, row: Any) -> list[tuple[Any, Any]]:
    """Label and words of what the page says; references as links come as (words, address)."""
    standard = [resource.field(n) for n in ("number", "date", "posted_by") if n in type(row)._meta.fields]
    own = own_values(row)
    seen: dict[str, Any] = {}
    for entry in (*standard, *resource.fields):
        seen.setdefault(entry.name, (entry, entry.shown(raw(row, entry.name), row.__data__)))
    for column in resource.shows:
        seen[column.name] = (column, column.kind.shown(column.of(row), row.__data__))
    for entry in reading.own_fields(resource):
        seen[entry.name] = (entry, own.get(entry.name.removeprefix("custom."), ""))
    return [pair for pair in seen.values() if pair[1]]


def _lines(resource: Resource, row: Any) -> list[list[str]]:
    if resource.lines is None:
        return []
    columns, rows = resource.lines.columns(), resource.lines.rows(row)
    for entry in resource.lines.fields:
        if isinstance(entry, Reference):
            entry.know({raw(line, entry.name) for line in rows})
    return [
        [column.kind.shown(value, line.__data__) for column, value in zip(columns, values, strict=True)]
        for line, values in zip(rows, values_of(columns, rows), strict=True)
    ]


def _links(resource: Resource, row: Any) -> list[tuple[Any, Resource, list[Any]]]:
    found = []
    for link in resource.links:
        other = find(link.to)
        if not session().may(other.view):
            continue
        if link.rows:
            shown = list(link.rows(row))[:LINKED]
        else:
            column, key = getattr(other.model, link.by).column_name, other.key.column_name
            shown = read(other.model, f'"{column}" = ? ORDER BY "{key}" DESC LIMIT {LINKED}', row._pk)
        if shown:
            found.append((link, other, list(listing.cells(other, shown))))
    return found


def exact(text: str, user: Session) -> list[tuple[Resource, Any]]:
    """Rows that the text names exactly, over all resources that the user may see: what a scanner reads."""
    found = []
    for resource in every().values():
        if user.may(resource.view) and is_on(resource.module):
            for name in resource.exact:
                found += [(resource, row) for row in resource.model.select()
                          .where(getattr(resource.model, name) == text).limit(2)]  # fmt: skip
    return found


def blank_line(lines: Lines) -> dict[str, str]:
    """The texts of a line that is still to be typed."""
    return {entry.name: entry.typed(entry.first(), {}) for entry in lines.fields}


def args_of(query: Mapping[str, str], **values: str) -> dict[str, str]:
    """The address's arguments with some of them set; an empty one goes."""
    return {name: value for name, value in {**query, **values}.items() if value}
