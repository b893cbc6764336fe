"""Pages that belong to no module: the start, search everywhere, modules, the log of a row."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bizlite.core import registry
from bizlite.core.models import Audit
from bizlite.core.store import key_of
from bizlite.web import holding, listing, pages
from bizlite.web.addresses import address
from bizlite.web.guard import ANYBODY, check_on, requires, session
from bizlite.web.resource import Resource, every, find, standard, views
from bizlite.web.texts import LANGUAGES, gettext, language, said_in

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
    add("/rights", "rights", holding.page, "core.rights.change", ("GET", "POST"))
    add("/log/<name>/<key>", "log", log, "core.audit.view")


def menu() -> list[tuple[registry.Module, list[tuple[str, str]]]]:
    """Modules that are on with the places that the user may open: words and address."""
    user, on, code = session(), registry.names_on(), language()
    found = []
    for module, places in _places():
        if module.name in on:
            mine = [(texts[code], href) for texts, href, permission in places if user.may(permission)]
            if mine:
                found.append((module, mine))
    return found


@cache
def _places() -> list[tuple[registry.Module, list[tuple[dict[str, str], str, str]]]]:
    """Every place of the menu: its words by language, address, permission."""
    found = []
    for module in registry.modules():
        own = [r for r in every().values() if r.module == module.name and r.in_menu]
        places = [({code: said_in(code, r.label) for code in LANGUAGES}, address(r), r.view) for r in own]
        places += [
            ({"zh": zh, "en": en}, url_for(endpoint), current_app.view_functions[endpoint].permission)  # type: ignore[attr-defined]
            for endpoint, zh, en in module.menu
        ]
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
    asked = request.args.get("q", "")
    place = urlsplit(asked.strip()).path if asked.strip().startswith(("http://", "https://")) else ""
    if place.startswith(url_for("biz.start")):  # the code of a job card, by whatever name of the box it was printed
        return redirect(place, 303)
    text = listing.searched(asked)
    exact = pages.exact(text, session()) if text else []
    if len(exact) == 1:
        return redirect(address(exact[0][0], "show", key=exact[0][1]._pk), 303)
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


def log(name: str, key: str) -> str:
    """Who changed a row when, from what to what."""
    if name not in every():
        abort(404)
    resource = find(name)
    session().require(resource.view)
    check_on(resource.module)
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
