"""Pages that belong to no module: the start, search everywhere, modules, who may what, the log of a row."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bizlite.core import registry, rights
from bizlite.core.errors import refuse
from bizlite.core.models import Audit, Grant, Holder
from bizlite.core.store import key_of
from bizlite.web import listing, pages
from bizlite.web.guard import ANYBODY, requires, session
from bizlite.web.resource import Resource, every, find, standard, views
from bizlite.web.texts import gettext, language

FOUND = 5  # rows shown of each resource in the search everywhere
LOGGED = 200
OFTEN = ("sales.order", "sales.quotation", "purchasing.order", "production.order", "finance.payment", "stock.item")


@dataclass(frozen=True, kw_only=True)
class Todo:
    """Something that is due, for the start page: a sentence, how many, and where to see them."""

    text: str
    count: int
    href: str
    is_late: bool = False


def register(bp: Blueprint) -> None:
    """Gives these pages their addresses."""

    def add(rule: str, name: str, view: Any, permission: str, methods: tuple[str, ...] = ("GET",)) -> None:
        bp.add_url_rule(rule, name, requires(permission)(view), methods=methods)

    add("/", "start", start, ANYBODY)
    add("/search", "search", search, ANYBODY)
    add("/modules", "modules", modules, "core.module.switch", ("GET", "POST"))
    add("/rights", "rights", who_may_what, "core.rights.change", ("GET", "POST"))
    add("/log/<name>/<key>", "log", log, "core.audit.view")


def menu() -> list[tuple[registry.Module, list[tuple[str, str]]]]:
    """Modules that are on with the places that the user may open: words and address."""
    found, on = [], registry.names_on()
    for module in registry.modules():
        if module.name not in on:
            continue
        places = [
            (resource.label, pages.address(resource))
            for resource in every().values()
            if resource.module == module.name and resource.in_menu and session().may(resource.view)
        ]
        places += [
            (zh if language() == "zh" else en, url_for(endpoint))
            for endpoint, zh, en in module.menu
            if may_open(endpoint)
        ]
        if places:
            found.append((module, places))
    return found


def may_open(endpoint: str) -> bool:
    """Whether the user may open a page."""
    return session().may(getattr(current_app.view_functions[endpoint], "permission", ""))


def start() -> str:
    """What is on, and what is due."""
    due = [
        todo
        for name, view in views().items()
        if registry.is_on(name) and hasattr(view, "todo")
        for todo in view.todo(session())
        if todo.count
    ]
    return render_template("start.html", due=due, begins=_begins())


def _begins() -> list[tuple[str, str]]:
    """What is begun most often, one touch from the start: word and address."""
    wanted = (find(name) for name in OFTEN if registry.is_on(name.partition(".")[0]))
    return [(r.one, pages.address(r, "new")) for r in wanted if r.create and pages.may(r.create)]


def search() -> str | BaseResponse:
    """Everything that fits what was typed or scanned; a single exact hit opens at once."""
    text = listing.searched(request.args.get("q", ""))
    exact = pages.exact(text, session()) if text else []
    if len(exact) == 1:
        return redirect(pages.address(exact[0][0], "show", key=exact[0][1]._pk), 303)
    return render_template("search.html", text=text, found=list(_found(text)) if text else [])


def _found(text: str) -> Iterator[tuple[Resource, list[Any]]]:
    for resource in every().values():
        if session().may(resource.view) and registry.is_on(resource.module):
            rows = resource.named(text, most=FOUND)
            if rows:
                yield resource, rows


def modules() -> str | BaseResponse:
    """The building blocks, on and off."""
    if request.method == "POST":
        registry.switch(session(), request.form.get("name", ""), request.form.get("on") == "1")
        return redirect(url_for("biz.modules"), 303)
    every_one = registry.modules()
    rows = [
        (
            module,
            registry.is_on(module.name),
            registry.blocking(module.name, not registry.is_on(module.name), every_one),
        )
        for module in every_one
    ]
    return render_template("modules.html", rows=rows, names={module.name: module for module in every_one})


def who_may_what() -> str | BaseResponse:
    """Roles with their permissions, and who holds them."""
    if request.method == "POST":
        _change_rights()
        return redirect(url_for("biz.rights"), 303)
    roles: dict[str, list[str]] = {}
    for row in Grant.select().order_by(Grant.holder, Grant.right):
        roles.setdefault(row.holder, []).append(row.right)
    users: dict[str, list[str]] = {}
    for held in Holder.select().order_by(Holder.user, Holder.holder):
        users.setdefault(held.user, []).append(held.holder)
    whole = sorted({f"{name.partition('.')[0]}.*" for name in rights.permissions()})
    choices = [*whole, *rights.permissions(), *(rights.ROLE + role for role in roles)]
    return render_template("rights.html", roles=roles, users=users, choices=choices,
                           people=current_app.config["PEOPLE"]())  # fmt: skip


def _change_rights() -> None:
    sent = request.form
    match sent.get("what"):
        case "grant":
            rights.grant(session(), sent.get("holder", "").strip(), sent.get("right", ""))
        case "revoke":
            rights.revoke(session(), sent.get("holder", ""), sent.get("right", ""))
        case "assign":
            user = sent.get("user", "").strip()
            people = current_app.config["PEOPLE"]()
            if people and user not in people:
                raise refuse("user", "does not exist", "Choose one that exists.", user[:100])
            rights.assign(session(), user, sent.get("holder", "").strip())
        case "unassign":
            rights.unassign(session(), sent.get("user", ""), sent.get("holder", ""))
        case _:
            abort(400)


def log(name: str, key: str) -> str:
    """Who changed a row when, from what to what."""
    if name not in every():
        abort(404)
    resource = find(name)
    session().require(resource.view)
    row = resource.get(key)
    query = Audit.select().where((Audit.table == row._meta.table_name) & (Audit.row == key_of(row)))
    return render_template(
        "log.html", resource=resource, row=row, lines=_changes(query.order_by(Audit.id.desc()), resource, row)
    )


def _changes(query: Any, resource: Resource, row: Any) -> list[tuple[Audit, str, list[tuple[str, str, str]]]]:
    """Each change with its moment, and the label of each field with its values as one reads them."""
    fields = {entry.name: entry for entry in (*standard(), *resource.fields)}

    def words(name: str, value: Any) -> str:
        if value in (None, ""):
            return ""
        if name in fields:
            return fields[name].shown(value, row.__data__)
        return (gettext("yes") if value else gettext("no")) if isinstance(value, bool) else str(value)

    def label(name: str) -> str:
        return gettext(fields[name].label) if name in fields else name

    found = []
    for line in query.limit(LOGGED):
        before, after = json.loads(line.before), json.loads(line.after)
        changed = [n for n in sorted({*before, *after}) if before.get(n) or after.get(n)]
        rows = [(label(name), words(name, before.get(name)), words(name, after.get(name))) for name in changed]
        when = datetime.datetime.fromtimestamp(line.at_ms / 1000, session().zone)
        found.append((line, when.strftime("%Y-%m-%d %H:%M:%S"), rows))
    return found
