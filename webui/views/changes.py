"""The life of a change on the page: look, apply, keep or take back, discard, undo."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from firmware.client import Conflict, Invalid, NotFound
from webui import errors, words
from webui.access import requires
from webui.bar import note_seen
from webui.forms import field_text
from webui.i18n import gettext
from webui.router import router
from webui.security import local_path

bp = Blueprint("changes", __name__, url_prefix="/changes")

CONFIRM_S = 60
MESSAGE_CHANGES = 3
MESSAGE_MAX = 500  # rsd takes no longer one


@bp.get("/")
@requires("read")
def show() -> Any:
    """All changes in words and raw, and precisely what applying them would do."""
    return _page(router().problems())


def _page(problems: list[Any]) -> Any:
    asked = router()
    rows = asked.read("config.diff")
    sentences = words.changes(rows, asked.config())
    raw = raw_rows(rows)
    plan = ""
    if request.args.get("plan"):
        plan = asked.call("config.plan", which="candidate")
    page = render_template(
        "changes/show.html",
        sentences=sentences,
        raw=raw,
        plan=plan,
        problems=problems,
        problem_link=problem_link,
        field_text=field_text,
    )
    return page, 422 if request.method == "POST" else 200


@bp.post("/apply")
@requires("change")
def apply() -> Any:
    """Put the candidate into force; what could lock the person out waits for "keep it"."""
    asked = router()
    rows = asked.read("config.diff")
    if not rows:
        return redirect(_back(), 303)
    message = request.form.get("message", "").strip() or _message(words.changes(rows, asked.config()))
    base = request.form.get("base", "")
    confirm_s = CONFIRM_S if words.is_risky(rows) else None
    try:
        made = asked.call(
            "config.commit",
            message=message,
            confirm_s=confirm_s,
            base=int(base) if base.isdecimal() else None,
            source=request.remote_addr or "",
        )
    except Invalid as error:
        if not error.problems:
            raise
        return _page(list(error.problems))
    except Conflict:
        if asked.call("config.diff"):
            raise
        return redirect(_back(), 303)  # pressed twice: the first one has put it in force
    current_app.extensions["names"].forget()
    return redirect(_back() if confirm_s else _back("applied", made["revision"]), 303)


def raw_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Changes with their values as JSON text, for the raw view."""
    return [{**row, **{key: _json(row.get(key)) for key in ("before", "after")}} for row in rows]


def _json(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _message(sentences: list[str]) -> str:
    shown = gettext("; ").join(sentences[:MESSAGE_CHANGES])
    if len(sentences) > MESSAGE_CHANGES:
        shown += gettext(" and %(count)s more") % {"count": len(sentences) - MESSAGE_CHANGES}
    return shown if len(shown) <= MESSAGE_MAX else f"{shown[: MESSAGE_MAX - 1]}…"


@bp.post("/keep")
@requires("change")
def keep() -> Response:
    try:
        router().call("config.confirm")
    except NotFound:  # pressed twice, or too late: the page says what became of it
        return redirect(_back(), 303)
    return redirect(_back("kept"), 303)


@bp.post("/discard")
@requires("change")
def discard() -> Response:
    router().call("config.discard")
    return redirect(_back("discarded"), 303)


@bp.post("/undo")
@requires("change")
def undo() -> Response:
    """Back to what was before the ``revision`` that the button stood for.

    That may be over meanwhile: taken back by itself, which is what is wanted, or followed by another, which stays.
    """
    asked = router()
    meant = request.form.get("revision", 0, int)
    revision = asked.call("config.revision", id=meant)
    status = asked.status()
    if meant == (status.get("pending") or status["last_change"])["revision"]:
        if revision["parent"] is not None:
            asked.call("config.rollback", revision=revision["parent"])
    elif revision["confirmed"]:
        return errors.page(409, detail=gettext("Another change came after it. The page Revisions leads back to each."))
    note_seen(meant)
    return redirect(_back("taken-back"), 303)


def _back(said: str | None = None, revision: int | None = None) -> str:
    """The page where the button was pressed, with what it shall say, and of which revision."""
    path = local_path(request.form.get("back"), url_for("dashboard.overview"))
    news = {name: value for name, value in (("said", said), ("revision", revision)) if value}
    return path.partition("?")[0] + (f"?{urlencode(news)}" if news else "")


def problem_link(path: str) -> str | None:
    """The page on which a problem at ``path`` is mended."""
    head, _, rest = path.partition(".")
    name = rest.partition(".")[0]
    places = {
        "wans": ("lines.edit", {"name": name}), "lans": ("lans.edit", {"name": name}),
        "groups": ("groups.edit", {"name": name}), "policies": ("control.edit", {"name": name}),
        "schedules": ("schedules.edit", {"name": name}), "port_forwards": ("lans.forward", {"name": name}),
        "system": ("system.show", {}), "users": ("users.show", {}),
    }  # fmt: skip
    if head not in places or (places[head][1].get("name") == "" and places[head][1]):
        return None
    endpoint, values = places[head]
    return url_for(endpoint, **values)
