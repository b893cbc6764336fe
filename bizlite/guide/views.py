"""The page of the guide, what stands of it on every page, and the demo company's two buttons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, current_app, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bizlite.demo import place
from bizlite.guide import steps
from bizlite.web.guard import requires, session
from bizlite.web.texts import language

OWNER = "core.company.change"
bp = Blueprint("guide", __name__, template_folder="templates")


def install(app: Flask, url: str, own: Path) -> None:
    """Mounts the pages; a demo company that was left open is open again. ``own`` is the firm's own folder."""
    app.extensions["own"] = (url, own)
    app.config["FOLDER"] = place.folder(own) if place.resume(own) else own


@bp.app_context_processor
def words() -> dict[str, Any]:
    """What every page may ask."""
    return {"is_demo": place.is_open, "next_step": next_step, "first_steps": first_steps}


def next_step() -> steps.Progress | None:
    """How far the guide is, for whoever follows it."""
    if place.is_open() or not g.session.may(OWNER) or steps.state() != "shown" or not steps.is_possible():
        return None
    return steps.progress()


def first_steps() -> dict[str, bool]:
    """What the start page offers to a firm that has only begun."""
    if place.is_open() or not g.session.may(OWNER) or not steps.is_possible():
        return {"guide": False, "demo": False}
    unfinished = steps.state() != "shown" and steps.progress().step is not None
    return {"guide": unfinished, "demo": unfinished and place.is_empty() and g.session.may(place.LOAD)}


@bp.get("/")
@requires(OWNER)
def guide() -> str:
    """Every step, and which one is next."""
    return render_template(
        "guide/guide.html", listed=list(steps.listed()), made=steps.progress(), state=steps.state(),
        is_possible=steps.is_possible(),
    )  # fmt: skip


@bp.post("/")
@requires(OWNER)
def switch() -> BaseResponse:
    """Begins the guide, takes it up again, or leaves it."""
    wanted = request.form.get("state", "")
    steps.switch(session(), wanted)
    return redirect(url_for("guide.guide" if wanted == "shown" else "biz.start"), 303)


@bp.post("/demo")
@requires(place.LOAD)
def load() -> BaseResponse:
    """Loads the demo company."""
    place.load(session(), *_own(), language())
    current_app.config["FOLDER"] = place.folder(_own()[1])
    return redirect(url_for("biz.start"), 303)


@bp.post("/demo/remove")
@requires(place.LOAD)
def remove() -> BaseResponse:
    """Removes the demo company."""
    place.remove(session(), *_own())
    current_app.config["FOLDER"] = _own()[1]
    return redirect(url_for("biz.start"), 303)


def _own() -> tuple[str, Path]:
    url, folder = current_app.extensions["own"]
    return url, folder
