"""Recognition: what has no name, applications of one's own, what stays hidden, and the application database."""

from __future__ import annotations

import base64
import json
from typing import Any

from flask import Blueprint, Response, abort, current_app, redirect, render_template, request, url_for
from msgspec import to_builtins
from werkzeug.wrappers import Response as BaseResponse

from firmware.client import Invalid
from firmware.model.config import Application
from firmware.model.text import problem_text, translate
from firmware.model.values import readable
from webui import words
from webui.access import requires
from webui.forms import Form, identifier
from webui.i18n import gettext, language, marked
from webui.router import NamesShelf, router

bp = Blueprint("recognition", __name__, url_prefix="/recognition")

ROWS = 50
PATTERN_FIELD = {"patterns.hex": "patterns", "patterns.transport": "patterns", "patterns.offset": "patterns"}
KINDS = {
    "named": (marked("Seen and named"), marked("Policies, limits and reports apply.")),
    "nameless": (marked("Encrypted, without a name"), marked("TLS or QUIC that tells no site.")),
    "encrypted_dns": (marked("Encrypted questions for names"), marked("The router does not see which sites follow.")),
    "tunnel": (marked("Tunnels and proxies"), marked("VPN, Tor and their like: what is inside stays inside.")),
    "suspected": (marked("Suspected by behaviour"), marked("Looks like hidden P2P or a proxy; it may be wrong.")),
    "unknown": (marked("Unknown"), marked("Nothing recognised it. You can give it a name.")),
}


@bp.get("/")
@requires("read")
def unknown() -> Any:
    """The biggest live traffic that has no name."""
    rows = router().read("unknown", limit=ROWS)
    return render_template("recognition/unknown.html", rows=rows, describe=opening_words, sign_of=_sign_of)


@bp.get("/unknown.json")
@requires("read")
def export() -> Response:
    """The same as a file, for whoever keeps the database."""
    text = json.dumps(router().read("unknown", limit=1000), ensure_ascii=False, indent=1) + "\n"
    return Response(
        text,
        mimetype="application/json",
        headers={"Content-Disposition": 'attachment; filename="unknown-traffic.json"'},
    )


def opening_words(digits: str) -> str:
    """First bytes as a person reads them: text where they are text, else hexadecimal in pairs."""
    data = bytes.fromhex(digits)
    text = readable(data)
    return f"“{text}”" if text else data[:16].hex(" ")


def _sign_of(row: dict[str, Any]) -> dict[str, Any]:
    """What the form for a new application begins with."""
    if row["site"]:
        return {"domains": row["site"]}
    bits = 128 if ":" in row["server"] else 32
    sign = {"networks": f"{row['server']}/{bits}"}
    if row["opening"][0] and row["transport"] in ("tcp", "udp"):
        sign["patterns"] = f"{row['transport']} {bytes.fromhex(row['opening'][0])[:6].hex(' ')}"
    return sign


@bp.get("/own")
@requires("read")
def own() -> Any:
    return render_template("recognition/own.html", applications=router().config().applications)


@bp.route("/own/new", methods=["GET", "POST"], defaults={"name": None})
@bp.route("/own/<name>", methods=["GET", "POST"])
@requires("change")
def edit(name: str | None) -> Any:
    """An application of one's own: what it is called, and by which signs it is known; tried before it is saved."""
    application = router().config().applications.get(name) if name else None
    if name and application is None:
        abort(404)
    form = Form(_shown(application) if application else _asked_for())
    found = None
    if form.is_sent:
        value = _value(form)
        if "try" in request.form:
            found = _tried(form, value)
        elif _save(form, name, application, value):
            return redirect(url_for("recognition.own"), 303)
    page = render_template(
        "recognition/application.html",
        form=form,
        name=name,
        found=found,
        categories=[(id, words.category(id)) for id in words.CATEGORIES],
    )
    return page, 422 if form.is_wrong else 200


def _asked_for() -> dict[str, Any]:
    keys = ("name_zh", "name_en", "category", "domains", "networks", "ports", "patterns")
    lists = {key: request.args.getlist(key) for key in keys[3:]}
    return {"category": "other", **{key: request.args.get(key) for key in keys[:2]}, **lists}


def _shown(application: Application) -> dict[str, Any]:
    shown: dict[str, Any] = to_builtins(application)
    shown["patterns"] = [
        f"{p.transport} {p.hex}{f' @{p.offset}' if p.offset else ''}{f' ={p.length}' if p.length else ''}"
        for p in application.patterns
    ]
    return shown


def _value(form: Form) -> dict[str, Any]:
    zh, en = form.text("name_zh"), form.text("name_en")
    if not (zh or en):
        form.add_error("name_zh", gettext("Give it a name."))
    return {
        "name_zh": zh or en,
        "name_en": en or zh,
        "category": form.text("category"),
        "domains": form.lines("domains"),
        "networks": form.lines("networks"),
        "ports": form.lines("ports"),
        "patterns": [_pattern(form, line) for line in form.text("patterns").splitlines() if line.strip()],
    }


def _pattern(form: Form, line: str) -> dict[str, Any]:
    """``tcp 16 03 ?? 01 @4 =64``: bytes, where they stand, and how long the whole is."""
    transport, *parts = line.split()
    pattern: dict[str, Any] = {"transport": transport.lower(), "hex": ""}
    for part in parts:
        sign, number = part[:1], part[1:]
        if sign in ("@", "=") and number.isdecimal() and len(number) < 6:
            pattern["offset" if sign == "@" else "length"] = int(number)
        else:
            pattern["hex"] += part
    if pattern["transport"] not in ("tcp", "udp"):
        form.add_error("patterns", gettext("Each line begins with tcp or udp."))
    return pattern


def _tried(form: Form, value: dict[str, Any]) -> list[dict[str, Any]] | None:
    if form.is_wrong:
        return None
    try:
        return list(router().call("applications.try", application=value))
    except Invalid as error:
        form.note(error.problems, "applications.trial", PATTERN_FIELD)
        if not form.is_wrong:
            form.add_error("", translate(language(), error.message, error.params))
        return None


def _save(form: Form, name: str | None, application: Application | None, value: dict[str, Any]) -> bool:
    taken = {*router().config().applications, *router().names().by_id}
    path = f"applications.{name or identifier(value['name_en'], taken, 'own')}"
    return form.save(path, value, to_builtins(application) if application else None, fields=PATTERN_FIELD)


@bp.post("/own/<name>/delete")
@requires("change")
def delete(name: str) -> BaseResponse:
    router().delete(f"applications.{name}")
    return redirect(url_for("recognition.own"), 303)


@bp.route("/hidden", methods=["GET"])
@requires("read")
def hidden() -> Any:
    """How much cannot be seen into, and what one may do about it."""
    asked = router()
    state = asked.read("posture")
    whole = sum(part["bytes"] for part in state["parts"])
    policies = asked.config().policies.values()
    return render_template(
        "recognition/hidden.html",
        state=state,
        whole=whole,
        kinds=KINDS,
        dns=asked.config().dns,
        is_doh_blocked=any(p.enabled and p.action == "block" and "doh_dot" in p.applications for p in policies),
    )


@bp.post("/hidden/<lever>")
@requires("change")
def pull(lever: str) -> BaseResponse:
    """Switch a lever of the name service on or off."""
    if lever not in ("redirect", "canary", "hide_ech_keys"):
        abort(404)
    router().set(f"dns.{lever}", not getattr(router().config().dns, lever))
    return redirect(url_for("recognition.hidden"), 303)


@bp.get("/database")
@requires("read")
def database() -> Any:
    return _database(Form(is_sent=False), Form(_source(), is_sent=False))


def _source() -> dict[str, Any]:
    wanted = router().config().recognition
    keys = [f"{name} {key}" for name, key in wanted.publishers.items()]
    return {"update_url": wanted.update_url, "update_daily": wanted.update_daily, "publishers": keys}


def _database(form: Form, source: Form) -> Any:
    page = render_template(
        "recognition/database.html", form=form, source=source, state=router().read("applications.database")
    )
    return page, 422 if form.is_wrong or source.is_wrong else 200


@bp.post("/database")
@requires("change")
def update() -> Any:
    """A signed file, or what lies at the configured address, into force at once."""
    form = Form(is_sent=True)
    sent = request.files.get("file")
    args: dict[str, Any] = {}
    if "fetch" not in request.form:
        if sent is None or not sent.filename:
            form.add_error("file", gettext("Choose a file first."))
            return _database(form, Form(_source(), is_sent=False))
        args = {"content": base64.b64encode(sent.read()).decode()}
    try:
        router().call("applications.update", **args)
    except Invalid as error:
        form.add_error("file", translate(language(), error.message, error.params))
        for problem in error.problems:
            form.add_error("file", problem_text(language(), problem))
        return _database(form, Form(_source(), is_sent=False))
    _forget_names()
    return redirect(url_for("recognition.database"), 303)


def _forget_names() -> None:
    shelf: NamesShelf = current_app.extensions["names"]
    shelf.forget()


@bp.post("/database/rollback")
@requires("change")
def roll_back() -> BaseResponse:
    router().call("applications.rollback")
    _forget_names()
    return redirect(url_for("recognition.database"), 303)


@bp.post("/database/source")
@requires("change")
def source() -> Any:
    """From where updates come, and whose signature counts."""
    form = Form(_source())
    publishers: dict[str, str] = {}
    for line in form.text("publishers").splitlines():
        name, _, key = line.strip().partition(" ")
        if name:
            publishers[name] = key.strip()
    value = {
        "publishers": publishers,
        "update_url": form.text("update_url"),
        "update_daily": form.checked("update_daily"),
    }
    before = to_builtins(router().config().recognition)
    if form.save("recognition", value, before, fields={f"publishers.{name}": "publishers" for name in publishers}):
        return redirect(url_for("recognition.database"), 303)
    return _database(Form(is_sent=False), form)
