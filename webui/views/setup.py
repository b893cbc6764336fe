"""The first-run wizard: own password and language, then the lines, then done."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from firmware.client import Busy, Conflict, Forbidden, Invalid, Unauthenticated
from firmware.model.text import translate
from webui.access import requires
from webui.forms import Form, field_text
from webui.i18n import gettext, language
from webui.router import router
from webui.security import set_session
from webui.views.lines import save_line, wan_values

bp = Blueprint("setup", __name__, url_prefix="/setup")


@bp.route("/", methods=["GET", "POST"])
@requires("public")
def account() -> Any:
    """First password, own user and password; nothing else can be done before."""
    if not router().call("setup.status").get("needed"):
        return redirect(url_for("session.login"), 303)
    form = Form({"user": "admin", "language": language()})
    if form.is_sent and _passwords_match(form):
        try:
            session = router().call(
                "setup.finish",
                password_first=form.text("password_first"),
                user=form.text("user"),
                password=request.form.get("password", ""),
                language=form.text("language"),
                set={"system.language": form.text("language")},
                source=request.remote_addr or "",
            )
        except (Unauthenticated, Forbidden):
            form.add_error("password_first", gettext("This is not the first password of the router."))
        except Busy as error:  # locked out, or the box is at work at a change
            form.add_error("", translate(language(), error.message, error.params))
        except (Invalid, Conflict) as error:
            _note(form, error)
        else:
            response = redirect(url_for("setup.lines", lang=form.text("language")), 303)
            set_session(response, session["session"], session.get("expires_s"))
            return response
    return render_template("setup/account.html", form=form), 422 if form.is_wrong else 200


def _passwords_match(form: Form) -> bool:
    if request.form.get("password", "") != request.form.get("password_again", ""):
        form.add_error("password_again", gettext("The two passwords differ."))
    return not form.is_wrong


def _note(form: Form, error: Invalid | Conflict) -> None:
    known = {"password_first", "user", "password", "language"}
    for problem in error.problems:
        name = problem.path.rpartition(".")[2]
        form.add_error(name if name in known else "", field_text(problem))
    if not form.is_wrong:
        form.add_error("password", translate(language(), error.message, error.params))


@bp.route("/lines", methods=["GET", "POST"])
@requires("change")
def lines() -> Any:
    """How each line gets its address; what the box detected stands beside it."""
    wans = sorted(router().config().wans.items(), key=lambda item: item[1].number)
    sent = request.form.get("line")
    forms = [(name, wan, Form(wan_values(wan), prefix=f"{name}-", is_sent=sent == name)) for name, wan in wans]
    for name, wan, form in forms:
        if form.is_sent and save_line(form, name, wan):
            return redirect(url_for("setup.done" if "next" in request.form else "setup.lines"), 303)
    ports = {port["name"]: port for port in router().status().get("ports", ())}
    wrong = any(form.is_wrong for _, _, form in forms)
    return render_template("setup/lines.html", forms=forms, ports=ports), 422 if wrong else 200


@bp.get("/done")
@requires("read")
def done() -> Any:
    return render_template("setup/done.html", status=router().status())
