"""Schedules: when a policy holds."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from msgspec import to_builtins
from werkzeug.wrappers import Response

from webui import words
from webui.access import requires
from webui.forms import Form, identifier
from webui.i18n import gettext, marked
from webui.router import router

bp = Blueprint("schedules", __name__, url_prefix="/schedules")

WINDOWS = 4
# What most shops want, one click away.
TEMPLATES = {
    "work": (marked("Working hours"), [(words.WORK_DAYS, "09:00", "12:00"), (words.WORK_DAYS, "13:30", "18:00")]),
    "night": (marked("Night"), [(words.ALL_DAYS, "22:00", "07:00")]),
    "weekend": (marked("Weekend"), [(words.ALL_DAYS[5:], "00:00", "24:00")]),
}


@bp.get("/")
@requires("read")
def index() -> Any:
    config = router().config()
    used = {p.schedule for p in config.policies.values()}
    return render_template("control/schedules.html", config=config, used=used, templates=TEMPLATES)


@bp.route("/new", methods=["GET", "POST"], defaults={"name": None})
@bp.route("/<name>", methods=["GET", "POST"])
@requires("change")
def edit(name: str | None) -> Any:
    """Up to four windows of days and times; a window without a day is none."""
    config = router().config()
    schedule = config.schedules.get(name) if name else None
    if name and schedule is None:
        abort(404)
    shown: dict[str, Any] = {}
    if schedule:
        shown["description"] = schedule.description or name
        rows = [(item.days, item.start, item.end) for item in schedule.windows]
    else:
        title, rows = TEMPLATES.get(request.args.get("like", ""), ("", [(words.WORK_DAYS, "09:00", "18:00")]))
        shown["description"] = gettext(title) if title else ""
    for place, (days, start, end) in enumerate(rows):
        shown |= {f"days-{place}": days, f"start-{place}": start, f"end-{place}": end}
    form = Form(shown)
    if form.is_sent and _save(form, name, schedule):
        return redirect(url_for("schedules.index"), 303)
    count = min(max(WINDOWS, len(rows)), 16)
    page = render_template("control/schedule.html", form=form, name=name, count=count, shown=len(rows), words=words)
    return page, 422 if form.is_wrong else 200


def _save(form: Form, name: str | None, schedule: Any) -> bool:
    windows = []
    fields = {"windows": "start-0"}  # the field of each problem
    for place in range(16):
        if days := form.values(f"days-{place}"):
            fields |= {f"windows.{len(windows)}.{part}": f"{part}-{place}" for part in ("start", "end")}
            windows.append(
                {"days": days, "start": form.text(f"start-{place}"), "end": form.text(f"end-{place}")}
            )  # fmt: skip
    if not windows:
        form.add_error("days-0", gettext("Choose at least one day."))
        return False
    title = form.text("description")
    path = f"schedules.{name or identifier(title, router().config().schedules, 'schedule')}"
    value = {"windows": windows, "description": title}
    return form.save(path, value, to_builtins(schedule) if schedule else None, fields=fields)


@bp.post("/<name>/delete")
@requires("change")
def delete(name: str) -> Response:
    router().delete(f"schedules.{name}")
    return redirect(url_for("schedules.index"), 303)
