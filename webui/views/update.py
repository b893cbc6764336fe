"""System → Update: a new version into the other slot, what is happening in words, and where new versions come from."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, url_for
from msgspec import to_builtins

from firmware.client import Busy, Invalid
from firmware.model.text import translate
from webui.access import requires
from webui.forms import Form
from webui.i18n import gettext, language, marked
from webui.router import router

bp = Blueprint("update", __name__, url_prefix="/system/update")

SETTINGS = ("url", "daily", "restart_from", "restart_until")
WORKING = ("waiting", "checking", "writing", "verifying", "restarting", "trying")
# Kind of the mark, title, and what it means.
PHASES = {
    "idle": ("idle", marked("No update under way"), ""),
    "waiting": ("warn", marked("Waiting for the file"), marked("The address for it holds for a quarter of an hour.")),
    "checking": ("warn", marked("Checking"), marked("Who signed it, for which box it is, and whether it is newer.")),
    "writing": (
        "warn",
        marked("Writing"),
        marked("The new version goes to the other slot; the router goes on serving."),
    ),
    "verifying": ("warn", marked("Verifying"), marked("What was written is read back from the disk.")),
    "ready": (
        "ok",
        marked("Ready to restart"),
        marked("The restart takes about a minute; nobody has internet meanwhile."),
    ),
    "restarting": ("warn", marked("Restarting"), marked("The router is back within some minutes.")),
    "trying": ("warn", marked("On trial"), marked("The new version stays when everything works within five minutes.")),
    "confirmed": ("ok", marked("Confirmed"), marked("The new version works and stays.")),
    "fell_back": ("bad", marked("Taken back"), ""),
    "failed": ("bad", marked("Failed"), ""),
}
STAGES = {
    "rsd": marked("Waiting for the control plane."),
    "configuration": marked("Waiting for the configuration to be in force."),
    "page": marked("Waiting for the page."),
    "lines": marked("Waiting for a line to the internet."),
}


@bp.get("/")
@requires("read")
def show() -> Any:
    return _page(Form(is_sent=False), Form(_settings(), is_sent=False))


@bp.get("/progress")
@requires("read")
def progress() -> Any:
    """The part that changes by itself."""
    return render_template("update/progress.html", **_state())


@bp.post("/")
@requires("change")
def install() -> Any:
    """Begin: from an address, from a USB stick, or by showing the form for the file."""
    form = Form(is_sent=True)
    source = form.text("source")
    if source not in ("upload", "usb", "url"):
        source = "upload"
    try:
        begun = router().call("update.install", source=source, url="", downgrade=form.checked("downgrade"))
    except (Invalid, Busy) as error:
        form.add_error("", translate(language(), error.message, error.params))
        return _page(form, Form(_settings(), is_sent=False))
    if begun["upload"]:
        return render_template("update/upload.html", address=begun["upload"])
    return redirect(url_for("update.show"), 303)


@bp.post("/check")
@requires("change")
def check() -> Any:
    """Look at the list of versions now."""
    return _do("update.check")


@bp.post("/restart")
@requires("change")
def restart() -> Any:
    return _do("update.restart")


@bp.post("/cancel")
@requires("change")
def cancel() -> Any:
    return _do("update.cancel")


def _do(verb: str) -> Any:
    try:
        router().call(verb)
    except (Invalid, Busy) as error:
        form = Form(is_sent=True)
        form.add_error("", translate(language(), error.message, error.params))
        return _page(form, Form(_settings(), is_sent=False))
    return redirect(url_for("update.show"), 303)


@bp.post("/settings")
@requires("change")
def settings() -> Any:
    """Where new versions come from by themselves, and when the box may start again for them."""
    form = Form(_settings())
    value = {
        "url": form.text("url"),
        "daily": form.checked("daily"),
        "restart_from": form.text("restart_from"),
        "restart_until": form.text("restart_until"),
    }
    if form.save("update", value, to_builtins(router().config().update)):
        return redirect(url_for("update.show"), 303)
    return _page(Form(is_sent=False), form)


def _settings() -> dict[str, Any]:
    update = router().config().update
    return {name: getattr(update, name) for name in SETTINGS}


def _notes(release: dict[str, Any]) -> str:
    """What is new, in one's own language where it is there."""
    notes: dict[str, str] = release["notes"]
    return notes.get(language()) or next(iter(notes.values()), "")


def _page(form: Form, settings: Form) -> Any:
    page = render_template("update/show.html", form=form, settings=settings, **_state())
    return page, 422 if form.is_wrong or settings.is_wrong else 200


def _state() -> dict[str, Any]:
    state = router().read("update.state")
    kind, title, meaning = PHASES[state["phase"]]
    params = {name: translate(language(), value) for name, value in state["params"].items()}
    if state["reason"]:
        words = translate(language(), state["reason"], params)
    else:
        words = gettext(STAGES.get(state["waits_for"] or "", meaning)) if meaning else ""
    published = state["published"]
    return {
        "state": state,
        "published": published,
        "notes": _notes(published["newer"]) if published and published["newer"] else "",
        "why_not": translate(language(), published["reason"], published["params"]) if published else "",
        "kind": kind,
        "title": gettext(title),
        "said": words,
        "is_working": state["phase"] in WORKING,
    }
