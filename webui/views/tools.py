"""Field tools: ping, trace, lookup, port, cable, capture, diagnosis. Each is begun here; its result has a page."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, Response, abort, redirect, render_template, url_for
from werkzeug.wrappers import Response as BaseResponse

from firmware.client import NotFound, Refused
from firmware.model.config import Config
from firmware.model.text import translate
from firmware.model.tools import AnyRequest
from webui.access import requires
from webui.download import tool_file
from webui.forms import Form
from webui.i18n import gettext, language, marked
from webui.router import router

bp = Blueprint("tools", __name__, url_prefix="/system/tools")

TITLES = {
    "ping": marked("Ping"),
    "trace": marked("Trace the route"),
    "lookup": marked("Ask a name server"),
    "port": marked("Check a port"),
    "cable": marked("Ports and cables"),
    "capture": marked("Capture packets"),
    "diagnosis": marked("Diagnosis file"),
}
FIELDS = {
    "ping": ("host", "line", "family", "count"),
    "trace": ("host", "line", "family"),
    "lookup": ("name", "type", "server", "line"),
    "port": ("host", "port", "line", "family"),
    "cable": (),
    "capture": ("where", "host", "port", "protocol", "seconds", "whole"),
    "diagnosis": ("anonymise",),
}
NUMBERS, TICKS = frozenset({"count", "port", "seconds"}), frozenset({"whole", "anonymise"})
_SHOWN: dict[str, dict[str, Any]] = {
    "ping": {"count": 5, "family": "any"},
    "trace": {"family": "any"},
    "lookup": {"type": "A"},
    "port": {"family": "any", "port": 443},
    "capture": {"seconds": 30, "protocol": "any"},
}


@bp.get("/")
@requires("change")
def index() -> Any:
    return _index()


@bp.post("/<tool>")
@requires("change")
def start(tool: str) -> Any:
    if tool not in FIELDS:
        abort(404)
    form = Form(prefix=f"{tool}-")
    wanted = _read(form, tool)
    if not form.is_wrong:
        try:
            number = router().call("tools.start", request=wanted)["id"]
        except Refused as error:
            form.add_error("", translate(language(), error.message, error.params))
        else:
            return redirect(url_for("tools.show", number=number), 303)
    return _index(tool, form)


def _index(sent: str = "", form: Form | None = None) -> Any:
    asked = router()
    config = asked.config("running")
    forms = {tool: Form(_SHOWN.get(tool), prefix=f"{tool}-", is_sent=False) for tool in FIELDS}
    if form is not None:
        forms[sent] = form
    page = render_template(
        "tools/index.html",
        forms=forms,
        titles=TITLES,
        jobs=asked.read("tools.jobs"),
        lines=[("", gettext("as the router chooses")), *((name, name) for name in config.wans)],
        families=[("any", gettext("either")), ("ipv4", "IPv4"), ("ipv6", "IPv6")],
        places=_places(config),
    )
    return page, 422 if form and form.is_wrong else 200


def _places(config: Config) -> list[tuple[str, str]]:
    """Where packets can be looked at."""
    lans = [(f"lan:{name}", gettext("Local network %(name)s") % {"name": name}) for name in config.lans]
    lines = [(f"line:{name}", gettext("Line %(name)s") % {"name": name}) for name in config.wans]
    ports = [port["name"] for port in router().status().get("ports", ())]
    return [*lans, *lines, *((f"port:{name}", gettext("Port %(name)s") % {"name": name}) for name in ports)]


def _read(form: Form, tool: str) -> dict[str, Any]:
    """The request that a form asks for; what is wrong is noted at its field."""
    wanted: dict[str, Any] = {"tool": tool}
    for name in FIELDS[tool]:
        if name in TICKS:
            wanted[name] = form.checked(name)
        elif (value := form.number(name) if name in NUMBERS else form.optional(name)) is not None:
            wanted[name] = value
    try:
        msgspec.convert(wanted, AnyRequest)
    except msgspec.ValidationError as error:
        words = str(error)
        name = next((name for name in FIELDS[tool] if f"$.{name}`" in words or f"field `{name}`" in words), "")
        if not form.errors(name):
            form.add_error(name, gettext("This cannot stand here."))
    return wanted


@bp.get("/results/<int:number>")
@requires("change")
def show(number: int) -> Any:
    return render_template("tools/show.html", job=_job(number), titles=TITLES)


@bp.get("/results/<int:number>/part")
@requires("change")
def part(number: int) -> Any:
    """The part of a result's page that changes by itself while the tool is at work."""
    return render_template("tools/result.html", job=_job(number), titles=TITLES)


@bp.post("/results/<int:number>/stop")
@requires("change")
def stop(number: int) -> BaseResponse:
    """End it; one that is over is forgotten."""
    is_running = _job(number)["running"]
    router().call("tools.stop", id=number)
    return redirect(url_for("tools.show", number=number) if is_running else url_for("tools.index"), 303)


@bp.post("/results/<int:number>/file")
@requires("change")
def file(number: int) -> Response:
    """The file, which is gone then: no GET."""
    try:
        return tool_file(router().client, number)
    except NotFound:
        abort(404)


def _job(number: int) -> dict[str, Any]:
    try:
        return dict(router().read("tools.job", id=number))
    except NotFound:
        abort(404)
