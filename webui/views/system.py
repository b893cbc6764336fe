"""System: name, clock, language, certificate, alarms, diagnosis."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from flask import Blueprint, abort, current_app, redirect, render_template, request, send_file, url_for
from msgspec import to_builtins
from werkzeug.wrappers import Response as BaseResponse

from firmware.client import Invalid, NotFound
from firmware.model.text import translate
from webui import people, words
from webui.access import requires
from webui.forms import Form
from webui.i18n import language
from webui.router import router

bp = Blueprint("system", __name__, url_prefix="/system")


@bp.get("/")
@requires("read")
def show() -> Any:
    asked = router()
    alarms = [{**alarm, "text": words.alarm(alarm)} for alarm in asked.read("alarms")]
    return render_template(
        "system/show.html",
        status=asked.status(),
        alarms=alarms,
        config=asked.config(),
        has_ca=_ca_file().is_file(),
        board=asked.read("board"),
    )


@bp.route("/general", methods=["GET", "POST"])
@requires("change")
def general() -> Any:
    before = router().config().system
    form = Form({"hostname": before.hostname, "timezone": before.timezone, "language": before.language,
                 "ntp_servers": before.ntp_servers, "headquarters": before.headquarters})  # fmt: skip
    if form.is_sent:
        value = {
            "hostname": form.text("hostname"),
            "timezone": form.text("timezone"),
            "language": form.text("language"),
            "ntp_servers": form.lines("ntp_servers"),
            "headquarters": form.text("headquarters") or None,
        }
        if form.save("system", value, to_builtins(before)):
            return redirect(url_for("system.show"), 303)
    return render_template("system/general.html", form=form, zones=time_zones()), 422 if form.is_wrong else 200


@bp.route("/business", methods=["GET", "POST"])
@requires("change")
def business() -> Any:
    """Whether the business pages are on, and where their data lies."""
    before = router().config().business
    form = Form({"enabled": before.enabled, "database": before.database})
    if form.is_sent:
        value = {"enabled": form.checked("enabled"), "database": form.text("database")}
        if form.save("business", value, to_builtins(before)):
            return redirect(url_for("system.business"), 303)
    return render_template("system/business.html", form=form), 422 if form.is_wrong else 200


@cache
def time_zones() -> list[str]:
    from zoneinfo import available_timezones

    hidden = ("Etc/", "posix/", "right/")
    return sorted(name for name in available_timezones() if "/" in name and not name.startswith(hidden))


@bp.get("/certificate")
@requires("read")
def certificate() -> BaseResponse:
    """The certificate of the box's own authority, for browsers to trust."""
    path = _ca_file()
    if not path.is_file():
        abort(404)
    return send_file(path, mimetype="application/x-x509-ca-cert", as_attachment=True, download_name="r-series-ca.crt")


def _ca_file() -> Path:
    return Path(current_app.config["CA_FILE"])


@bp.get("/diagnosis")
@requires("read")
def diagnosis() -> Any:
    """Why may (or may not) this host use that?"""
    asked = router()
    form = Form({"ip": request.args.get("ip"), "host": request.args.get("host")})
    found = None
    if request.args.get("ip") and request.args.get("host"):
        try:
            ip, host = request.args["ip"].strip(), request.args["host"].strip()
            found = asked.call("why", ip=ip, host=host, language=language())
        except (Invalid, NotFound) as error:
            form.add_error("", translate(language(), error.message, error.params))
    config = asked.config("running")
    policy = config.policies.get((found or {}).get("policy") or "")
    return render_template(
        "system/diagnosis.html",
        form=form,
        found=found,
        hosts=people.known(asked),
        sentence=words.policy_sentence(policy, config) if policy else "",
        config=config,
    )
