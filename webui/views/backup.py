"""Backups: making one, putting one back whole or by part, onto other ports; and the settings as plain text."""

from __future__ import annotations

from typing import Any, get_args

from flask import Blueprint, Response, redirect, render_template, request, url_for
from msgspec import to_builtins

from firmware.client import Forbidden, Invalid
from firmware.model.config import BackupPart
from firmware.model.sections import SECTIONS
from firmware.model.text import problem_text, translate
from webui import words
from webui.access import requires, takes_files
from webui.download import backup_file
from webui.forms import Form
from webui.i18n import gettext, language, marked
from webui.router import router
from webui.uploads import BACKUP_BYTES, file_name, uploads

bp = Blueprint("backup", __name__, url_prefix="/system/backup")

PARTS = {
    "configuration": marked("Settings, with passwords, tokens and the router's certificate authority"),
    "applications": marked("Application database, where it was updated"),
    "prefixes": marked("Contents of the prefix lists"),
    "statistics": marked("Usage statistics"),
    "business": marked("Business data on this box, with the files at its documents"),
}
EVERY = {"never": marked("not by themselves"), "daily": marked("every day"), "weekly": marked("every week")}
PLACES = {"usb": marked("USB stick"), "share": marked("network share"), "hq": marked("HQ")}
SECTION_NAMES = {
    "system": marked("Name, clock, language"),
    "lines": marked("Lines, with the passwords of dialled ones"),
    "lans": marked("Local networks, DHCP and names"),
    "firewall": marked("Zones and port forwards"),
    "hosts": marked("Devices and groups"),
    "policies": marked("Application control and schedules"),
    "qos": marked("Bandwidth"),
    "users": marked("Users, with passwords and tokens"),
}


@bp.get("/")
@requires("change")
def show() -> Any:
    return _page()


def _page(
    *,
    made: Form | None = None,
    sent: Form | None = None,
    automatic: Form | None = None,
    secret: Form | None = None,
    text: Form | None = None,
) -> Any:
    known = router().config().backup
    shown = {name: getattr(known, name) for name in known.__struct_fields__}
    forms = {
        "made": made or Form({"parts": get_args(BackupPart)}, prefix="make-", is_sent=False),
        "sent": sent or Form(prefix="sent-", is_sent=False),
        "automatic": automatic or Form(shown, prefix="automatic-", is_sent=False),
        "secret": secret or Form(prefix="secret-", is_sent=False),
        "text": text or Form(prefix="text-", is_sent=False),
    }
    upload = url_for("backup.upload")
    page = render_template(
        "backup/show.html",
        **forms,
        parts=[(name, gettext(said)) for name, said in PARTS.items()],
        state=_state(),
        every=[(name, gettext(said)) for name, said in EVERY.items()],
        days=[(day, gettext(said)) for day, said in words.DAYS.items()],
        hours=[(str(hour), f"{hour:02}:00") for hour in range(24)],
        upload=f"{upload}?ticket={uploads().ticket(upload, BACKUP_BYTES)}",
    )
    return page, 422 if any(form.is_wrong for form in forms.values()) else 200


def _state() -> dict[str, Any]:
    """How automatic backups are doing, in words."""
    state = router().read("backup.state")
    rows = [
        {**row, "label": gettext(PLACES[row["name"]]), "reason": translate(language(), row["reason"])}
        for row in state["destinations"]
        if row["wanted"] or row["tried"]
    ]
    return {**state, "destinations": rows}


@bp.post("/automatic")
@requires("change")
def automatic() -> Any:
    """When backups make themselves, of what and where to; and the password and the token, where they are given."""
    form = Form(prefix="automatic-")
    before = to_builtins(router().config().backup)
    value = {
        "every": form.text("every"),
        "day": form.text("day"),
        "hour": form.number("hour", 3),
        "parts": form.values("parts"),
        "keep": form.number("keep", 7),
        "usb": form.checked("usb"),
        "share_url": form.text("share_url"),
        "share_user": form.text("share_user"),
        "hq_url": form.text("hq_url"),
    }
    if not form.save("backup", value, before):
        return _page(automatic=form)
    for destination in ("share", "hq"):
        secret = request.form.get(f"{destination}_secret", "")
        if secret:
            try:
                router().call("backup.login", destination=destination, secret=secret)
            except Invalid as error:
                _note(form, error, f"{destination}_secret")
                return _page(automatic=form)
    return redirect(url_for("backup.show"), 303)


@bp.post("/passphrase")
@requires("own")
def passphrase() -> Any:
    """What automatic backups are encrypted by."""
    form = Form(prefix="secret-")
    given = _typed_twice(form)
    if form.is_wrong:
        return _page(secret=form)
    try:
        router().call("backup.passphrase", passphrase=given)
    except Invalid as error:
        _note(form, error, "passphrase")
        return _page(secret=form)
    return redirect(url_for("backup.show", said="passphrase"), 303)


def _typed_twice(form: Form) -> str:
    """The passphrase; the form is wrong when the second one is another."""
    given = request.form.get("passphrase", "")
    if given != request.form.get("again", ""):
        form.add_error("again", gettext("The two passphrases differ."))
    return given


@bp.post("/run")
@requires("change")
def run() -> Any:
    """Make one now."""
    router().call("backup.run")
    return redirect(url_for("backup.show", said="backup-begun"), 303)


@bp.post("/make")
@requires("own")
def make() -> Any:
    """An encrypted backup, as the answer."""
    form = Form(prefix="make-")
    passphrase = _typed_twice(form)
    if not form.values("parts"):
        form.add_error("parts", gettext("Choose at least one part."))
    if form.is_wrong:
        return _page(made=form)
    try:
        made = router().call("backup.make", parts=form.values("parts"), passphrase=passphrase)
    except Invalid as error:
        _note(form, error, "passphrase")
        return _page(made=form)
    return backup_file(router().client, made["id"], made["name"], made["bytes"])


@bp.post("/upload")
@requires("own")
@takes_files
def upload() -> Any:
    """A backup to look at; nothing changes yet."""
    form = Form(prefix="sent-")
    name = file_name("file")
    if not name:
        form.add_error("file", gettext("Choose a file first."))
        return _page(sent=form)
    try:
        found = router().call("backup.open", upload=name, passphrase=request.form.get("passphrase", ""))
    except Invalid as error:
        _note(form, error, "file")
        return _page(sent=form)
    return redirect(url_for("backup.restore", number=found["id"]), 303)


@bp.route("/restore/<number>", methods=["GET", "POST"])
@requires("own")
def restore(number: str) -> Any:
    """What was opened: which parts of it, and which port is which here."""
    found = router().call("backup.opened", id=number)
    ports = [(port["name"], port["name"]) for port in found["here"]]
    shown = {f"map.{old}": new for old, new in found["map"].items()}
    form = Form({"parts": found["parts"], "sections": SECTIONS, **shown})
    if form.is_sent:
        answer = _restore(number, found, form)
        if answer is not None:
            return answer
    page = render_template(
        "backup/restore.html",
        found=found,
        form=form,
        ports=ports,
        parts=[(name, gettext(PARTS[name])) for name in found["parts"]],
        sections=[(name, gettext(said)) for name, said in SECTION_NAMES.items()],
    )
    return page, 422 if form.is_wrong else 200


def _restore(number: str, found: dict[str, Any], form: Form) -> Any:
    """Where it goes on; ``None`` when the form says what is wrong."""
    parts, sections = form.values("parts"), form.values("sections")
    if not parts:
        form.add_error("parts", gettext("Choose at least one part."))
    if "configuration" in parts and not sections:
        form.add_error("sections", gettext("Choose at least one part of the settings."))
    if form.is_wrong:
        return None
    given = {port["name"]: form.text(f"map.{port['name']}") for port in found["ports"]}
    mapping = {old: new for old, new in given.items() if new}
    try:
        result = router().call(
            "backup.restore",
            id=number,
            parts=parts,
            sections=sections or "all",
            map=mapping if not found["fits"] else {},
        )
    except Invalid as error:
        _note(form, error, "")
        return None
    if result["along"]:
        return render_template("backup/along.html", along=result["along"], waits=result["waits"])
    if result["waits"]:
        return redirect(url_for("changes.show", said="restored"), 303)
    return redirect(url_for("backup.show", said="restored-now"), 303)


def _note(form: Form, error: Invalid, field: str) -> None:
    """A refusal at the fields that it names, else at ``field``."""
    for problem in error.problems:
        is_field = problem.path == field or problem.path.startswith("map.")
        said = translate(language(), problem.message, problem.params)
        remedy = translate(language(), problem.remedy, problem.params) if problem.remedy else ""
        form.add_error(problem.path if is_field else field, f"{said} {remedy}".strip())
    if not form.is_wrong:
        form.add_error(field, translate(language(), error.message, error.params))


@bp.get("/export")
@requires("change")
def export() -> Response:
    """The configuration in force, as a file."""
    reply = router().call("config.export")
    text = reply["text"] if isinstance(reply, dict) else reply
    name = router().config("running").system.hostname
    return Response(
        text, mimetype="application/json", headers={"Content-Disposition": f'attachment; filename="{name}.json"'}
    )


@bp.post("/import")
@requires("change")
def import_text() -> Any:
    """A file into the candidate; every mistake in it is told."""
    form = Form(prefix="text-")
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        form.add_error("file", gettext("Choose a file first."))
    else:
        try:
            text = sent.stream.read().decode("utf-8-sig")
            router().call("config.import", text=text)
        except UnicodeDecodeError:
            form.add_error("file", gettext("This is not a configuration file of a router."))
        except (Invalid, Forbidden) as error:
            for problem in error.problems:
                form.add_error("file", problem_text(language(), problem))
            if not form.is_wrong:
                form.add_error("file", translate(language(), error.message, error.params))
        else:
            return redirect(url_for("changes.show", said="imported"), 303)
    return _page(text=form)
