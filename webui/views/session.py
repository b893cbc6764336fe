"""Logging in and out."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from firmware.client import Busy, Invalid, Unauthenticated
from webui.access import requires
from webui.figures import span
from webui.forms import Form
from webui.i18n import gettext
from webui.router import router
from webui.security import clear_session, local_path, set_session

bp = Blueprint("session", __name__)


@bp.get("/login")
@requires("public")
def login() -> Any:
    if router().call("setup.status").get("needed"):
        return redirect(url_for("setup.account"), 303)
    return render_template("session/login.html", form=Form(), next=request.args.get("next"))


@bp.post("/login")
@requires("public")
def enter() -> Any:
    form = Form()
    try:
        session = router().call(
            "login", user=form.text("user"), password=request.form.get("password", ""), source=request.remote_addr or ""
        )
    except (Unauthenticated, Invalid):
        form.add_error("", gettext("User or password is wrong."))
    except Busy as error:
        words = gettext("Too many wrong attempts. Try again in %(span)s; until then nobody can log in here.")
        form.add_error("", words % {"span": span(error.retry_s or 900)})
    else:
        response: Response = redirect(local_path(request.form.get("next"), url_for("dashboard.overview")), 303)
        set_session(response, session["session"], session.get("expires_s"))
        return response
    return render_template("session/login.html", form=form, next=request.form.get("next")), 401


@bp.post("/logout")
@requires("login")
def logout() -> Response:
    router().call("logout")
    response = redirect(url_for("session.login"), 303)
    clear_session(response)
    return response
