"""Revisions: what was changed when by whom, and the way back."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, redirect, render_template, url_for
from werkzeug.wrappers import Response

from firmware.client import NotFound
from webui import words
from webui.access import requires
from webui.router import router
from webui.views.changes import CONFIRM_S, raw_rows

bp = Blueprint("revisions", __name__, url_prefix="/revisions")

SHOWN = 50


@bp.get("/")
@requires("read")
def index() -> Any:
    revisions = router().call("config.revisions", limit=SHOWN)
    in_force = (router().status().get("last_change") or {}).get("revision")
    return render_template("revisions/index.html", revisions=revisions, in_force=in_force)


@bp.get("/<int:id>")
@requires("read")
def show(id: int) -> Any:
    """What this revision changed against the one before, and what going back to it would change now."""
    asked = router()
    revision = asked.call("config.revision", id=id)
    config = asked.config("running")
    rows = _changes(revision)
    back = asked.call("config.diff", old="running", new=id)
    return render_template(
        "revisions/show.html",
        revision=revision,
        sentences=words.changes(rows, config),
        back=words.changes(back, config),
        is_risky=words.is_risky(back),
        raw=raw_rows(rows),
    )


def _changes(revision: dict[str, Any]) -> list[dict[str, Any]]:
    """What the revision changed against the one it was made from, as long as that is still kept."""
    if revision.get("parent") is None:
        return []
    try:
        return list(router().call("config.diff", old=revision["parent"], new=revision["id"]))
    except NotFound:
        return []


@bp.post("/<int:id>/rollback")
@requires("change")
def rollback(id: int) -> Response:
    """Put an older revision into force."""
    asked = router()
    risky = words.is_risky(asked.call("config.diff", old="running", new=id))
    made = asked.call("config.rollback", revision=id, confirm_s=CONFIRM_S if risky else None)
    current_app.extensions["names"].forget()
    said = {} if risky else {"said": "applied", "revision": made["revision"]}
    return redirect(url_for("revisions.index", **said), 303)
