"""The group editor."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, render_template, url_for
from msgspec import to_builtins
from werkzeug.wrappers import Response

from firmware.model.config import Group
from webui import people
from webui.access import requires
from webui.forms import Form, identifier
from webui.router import router

bp = Blueprint("groups", __name__, url_prefix="/groups")


@bp.route("/new", methods=["GET", "POST"], defaults={"name": None})
@bp.route("/<name>", methods=["GET", "POST"])
@requires("change")
def edit(name: str | None) -> Any:
    """A group's name and members: hosts by tick, all else by line."""
    asked = router()
    config = asked.config()
    group = config.groups.get(name) if name else None
    if name and group is None:
        abort(404)
    hosts = people.known(asked)
    keys = {host["key"] for host in hosts}
    members = list(group.members) if group else []
    shown = {
        "description": (group.description or name) if group else "",
        "hosts": [member for member in members if member in keys],
        "members": [member for member in members if member not in keys],
    }
    form = Form(shown)
    if form.is_sent and _save(form, name, group):
        return redirect(url_for("hosts.index"), 303)
    page = render_template("hosts/group.html", form=form, name=name, hosts=hosts, config=config)
    return page, 422 if form.is_wrong else 200


def _save(form: Form, name: str | None, group: Group | None) -> bool:
    title = form.text("description")
    taken = router().config().groups
    path = f"groups.{name or identifier(title, taken, 'group')}"
    value = {"description": title, "members": list(dict.fromkeys([*form.values("hosts"), *form.lines("members")]))}
    return form.save(path, value, to_builtins(group) if group else None)


@bp.post("/<name>/delete")
@requires("change")
def delete(name: str) -> Response:
    router().delete(f"groups.{name}")
    return redirect(url_for("hosts.index"), 303)
