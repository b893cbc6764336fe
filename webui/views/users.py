"""Users, their passwords, and tokens for programs."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, g, redirect, render_template, request, url_for
from msgspec import to_builtins
from werkzeug.wrappers import Response

from firmware.client import Busy, Forbidden, Invalid, NotFound, Unauthenticated
from firmware.model.text import translate
from webui.access import allows, requires
from webui.forms import Form, field_text, put_back
from webui.i18n import gettext, language, marked
from webui.router import router

bp = Blueprint("users", __name__, url_prefix="/users")

ADDRESSES = ("new", "password", "tokens")  # of the page itself: a user so called could not be opened

ROLES = {
    "owner": marked("Owner: everything, users too"),
    "admin": marked("Administrator: everything but users"),
    "auditor": marked("Auditor: look at everything, change nothing"),
    "clerk": marked("Business only: what is given there, nothing of the router"),
}


@bp.get("/")
@requires("login")
def show() -> Any:
    """Who may log in, for those who may see that; one's own password; tokens for those who may make them."""
    return _page(Form(), 200)


def _page(form: Form, code: int, **more: Any) -> Any:
    if not allows(g.user["role"], "read"):
        return render_template("system/password.html", form=form), code
    asked = router()
    tokens = asked.call("token.list") if allows(g.user["role"], "change") else []
    return render_template(
        "system/users.html", form=form, users=asked.config().users, tokens=tokens, roles=ROLES, **more
    ), code


@bp.post("/password")
@requires("login")
def password() -> Any:
    """One's own password."""
    form = Form()
    if request.form.get("new") != request.form.get("new_again"):
        form.add_error("new_again", gettext("The two passwords differ."))
    else:
        source = request.remote_addr or ""
        try:
            router().call(
                "password.change", old=request.form.get("old", ""), new=request.form.get("new", ""), source=source
            )
        except (Unauthenticated, Forbidden):
            form.add_error("old", gettext("This is not your present password."))
        except Busy as error:
            form.add_error("old", translate(language(), error.message, error.params))
        except Invalid as error:
            _note(form, error, "new")
        else:
            return redirect(url_for("users.show", said="password"), 303)
    return _page(form, 422)


def _note(form: Form, error: Invalid, field: str) -> None:
    for problem in error.problems:
        form.add_error(field, field_text(problem))
    if not form.is_wrong:
        form.add_error(field, translate(language(), error.message, error.params))


@bp.route("/new", methods=["GET", "POST"], defaults={"name": None})
@bp.route("/<name>", methods=["GET", "POST"])
@requires("own")
def edit(name: str | None) -> Any:
    """A user: role, name, and by the owner a new password."""
    before = router().config().users.get(name) if name else None
    if name and before is None:
        abort(404)
    form = Form(
        {name: getattr(before, name) for name in ("role", "full_name", "language", "enabled")}
        if before
        else {"role": "admin", "enabled": True}
    )
    if form.is_sent:
        login = name or _new_login(form)
        value = {
            "role": form.text("role"),
            "full_name": form.text("full_name"),
            "language": form.optional("language"),
            "enabled": form.checked("enabled"),
        }
        path, plain = f"users.{login}", to_builtins(before) if before else None
        if form.save(path, value, plain, fields={"": "user"}):
            if not form.text("password") or _set_password(form, login):
                return redirect(url_for("users.show"), 303)
            put_back(path, plain)
    page = render_template("system/user.html", form=form, name=name, roles=ROLES)
    return page, 422 if form.is_wrong else 200


def _new_login(form: Form) -> str:
    """The name of a user who is not there yet."""
    login = form.text("user")
    if login in router().config().users or login in router().config("running").users:
        form.add_error("user", gettext("There is a user of this name already."))
    elif login in ADDRESSES:
        form.add_error("user", gettext("This name cannot be used."))
    return login


def _set_password(form: Form, user: str) -> bool:
    try:
        router().call("password.change", user=user, new=request.form.get("password", ""))
    except Invalid as error:
        _note(form, error, "password")
    except NotFound as error:
        form.add_error("password", translate(language(), error.message, error.params))
    return not form.is_wrong


@bp.post("/<name>/delete")
@requires("own")
def delete(name: str) -> Response:
    router().delete(f"users.{name}")
    return redirect(url_for("users.show"), 303)


@bp.post("/tokens")
@requires("change")
def create_token() -> Any:
    """A token for a program; shown this once."""
    form = Form()
    try:
        made = router().call("token.create", name=form.text("name"), role=form.text("role"))
    except (Invalid, Forbidden) as error:
        form.add_error("name", translate(language(), error.message, error.params))
        return _page(form, 422)
    return _page(form, 200, token=made["token"])


@bp.post("/tokens/<int:id>/revoke")
@requires("change")
def revoke_token(id: int) -> Response:
    router().call("token.revoke", id=id)
    return redirect(url_for("users.show", said="revoked"), 303)
