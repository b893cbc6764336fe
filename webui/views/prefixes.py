"""Prefix lists: their settings, and their contents, looked at before they hold."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from msgspec import to_builtins
from werkzeug.wrappers import Response

from firmware.client import Invalid
from firmware.model.config import PREFIX_BYTES_MAX, PrefixList
from firmware.model.text import problem_text, translate
from webui.access import requires, takes
from webui.forms import Form, identifier
from webui.i18n import gettext, language, marked
from webui.router import router

bp = Blueprint("prefixes", __name__, url_prefix="/lines/lists")

TOO_LARGE = marked("A prefix list has at most 200,000 lines and 4 MB.")
FORM_BYTES = 16 << 10  # of an upload beside the file


@bp.route("/new", methods=["GET", "POST"], defaults={"name": None})
@bp.route("/<name>", methods=["GET", "POST"])
@requires("change")
def edit(name: str | None) -> Any:
    """Where a list comes from, and what it holds."""
    known = _known(name) if name else None
    form = Form(to_builtins(known) if known else {"title": request.args.get("title")})
    if form.is_sent:
        lists = router().config().prefix_lists
        path = f"prefix_lists.{name or identifier(form.text('title'), lists, 'list')}"
        value = {
            "description": form.text("description"),
            "url": form.text("url"),
            "sha256": form.text("sha256"),
            "daily": form.checked("daily"),
        }
        if form.save(path, value, to_builtins(known) if known else None):
            return redirect(url_for("lines.index"), 303)
    return _page(name, form, Form(is_sent=False))


def _known(name: str) -> PrefixList:
    found = router().config().prefix_lists.get(name)
    if found is None:
        abort(404)
    return found


def _page(name: str | None, form: Form, sent: Form) -> Any:
    config = router().config()
    in_force = router().config("running").prefix_lists.get(name or "")
    state = next((row for row in router().read("prefixes.list") if row["name"] == name), None)
    page = render_template(
        "lines/list.html", name=name, form=form, sent=sent, config=config, state=state, in_force=in_force
    )
    return page, 422 if form.is_wrong or sent.is_wrong else 200


@bp.post("/<name>/preview")
@requires("change")
@takes(PREFIX_BYTES_MAX + FORM_BYTES, TOO_LARGE)
def preview(name: str) -> Any:
    """What a file, or what lies at the list's address, would change."""
    known = _known(name)
    sent = Form(is_sent=True)
    args: dict[str, Any] = {"name": name}
    if "fetch" not in request.form:
        file = request.files.get("file")
        if file is None or not file.filename:
            sent.add_error("file", gettext("Choose a file first."))
            return _page(name, Form(to_builtins(known), is_sent=False), sent)
        with file.stream as stream:
            args["content"] = stream.read().decode("utf-8", "replace")
    try:
        seen = router().call("prefixes.preview", **args)
    except Invalid as error:
        sent.add_error("file", translate(language(), error.message, error.params))
        for problem in error.problems[1:]:
            sent.add_error("file", problem_text(language(), problem))
        return _page(name, Form(to_builtins(known), is_sent=False), sent)
    return render_template("lines/list_preview.html", name=name, seen=seen, config=router().config())


@bp.post("/<name>/take")
@requires("change")
def take(name: str) -> Response:
    """Put in force what was looked at."""
    router().call("prefixes.import", name=name, sha256=request.form.get("sha256", ""))
    return redirect(url_for("prefixes.edit", name=name), 303)


@bp.post("/<name>/rollback")
@requires("change")
def roll_back(name: str) -> Response:
    router().call("prefixes.rollback", name=name)
    return redirect(url_for("prefixes.edit", name=name), 303)


@bp.post("/<name>/delete")
@requires("change")
def delete(name: str) -> Response:
    router().delete(f"prefix_lists.{name}")
    return redirect(url_for("lines.index"), 303)
