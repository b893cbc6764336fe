"""Logging in and out."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask import Response as PageResponse
from werkzeug.wrappers import Response

from firmware.client import Busy, Invalid, Unauthenticated
from webui.access import requires
from webui.figures import span
from webui.forms import Form
from webui.i18n import gettext
from webui.router import router
from webui.security import check_origin, clear_session, local_path, set_session

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
        kept = _kept()
        response: Response = (
            make_response(render_template("session/kept.html", kept=kept, to=_kept_to()))
            if kept
            else redirect(local_path(request.form.get("next"), url_for("dashboard.overview")), 303)
        )
        set_session(response, session["session"], session.get("expires_s"))
        return response
    page = render_template(
        "session/login.html", form=form, next=request.form.get("next"), kept=_kept(), to=request.form.get("kept-to")
    )
    return page, 401


def keep_form() -> PageResponse:
    """The login, when a form of the business came after the session's end; the form is kept in the page until then.

    Nothing is kept here. What another site sent is not taken along, and the business looks at its own token again.
    """
    check_origin()
    kept = list(request.form.items(multi=True))
    page = render_template("session/login.html", form=Form(), next=None, kept=kept, to=request.full_path.rstrip("?"))
    return make_response(page, 401)


def _kept() -> list[tuple[str, str]]:
    """Names and texts of the form that waits for the login."""
    start = "kept."
    return [(name[len(start) :], text) for name, text in request.form.items(multi=True) if name.startswith(start)]


def _kept_to() -> str:
    """Where it goes: to the business only."""
    to = local_path(request.form.get("kept-to"), "")
    return to if to.startswith("/business/") else "/business/"


@bp.post("/logout")
@requires("login")
def logout() -> Response:
    router().call("logout")
    response = redirect(url_for("session.login"), 303)
    clear_session(response)
    return response
