"""The apply bar: what differs, what waits for confirmation, what became of the last change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.wrappers import Response as BaseResponse

from firmware.client import NotFound
from webui import words
from webui.access import allows
from webui.i18n import gettext, marked
from webui.router import router

PENDING_COOKIE = "rs-pending"
# What a redirect may ask the next page to say: ?said=KEY.
SAID = {
    "applied": marked("The change is in force."),
    "kept": marked("Kept. The change stays in force."),
    "taken-back": marked("Taken back. The router works as before."),
    "discarded": marked("Discarded. Nothing was changed."),
    "password": marked("The password was changed."),
    "revoked": marked("The token no longer works."),
    "imported": marked("The file was read. Look at the changes below and apply them."),
}


@dataclass(frozen=True, slots=True)
class Bar:
    """What the bar shows."""

    changes: list[str]
    problems: int
    is_risky: bool
    pending: dict[str, Any] | None
    is_reverted: bool
    said: str
    base: int | None
    can_undo: bool


def install(app: Flask) -> None:
    app.jinja_env.globals["apply_bar"] = apply_bar
    app.after_request(forget)


def apply_bar() -> Bar | None:
    """The bar of this request, ``None`` for people who may not change anything."""
    user = g.get("user")
    if not user or not allows(user["role"], "read"):
        return None
    asked = router()
    status = asked.status()
    pending = status.get("pending")
    rows = [] if pending else asked.read("config.diff")
    problems = asked.problems() if rows else []
    last = status.get("last_change") or {}
    said = SAID.get(request.args.get("said", ""), "")
    return Bar(
        changes=words.changes(rows, asked.config()) if rows else [],
        problems=len(problems),
        is_risky=words.is_risky(rows),
        pending=pending,
        is_reverted=_is_reverted(pending),
        said=gettext(said) if said else "",
        base=last.get("revision"),
        can_undo=request.args.get("said") == "applied" and allows(user["role"], "change"),
    )


def _is_reverted(pending: dict[str, Any] | None) -> bool:
    """Tell whether the change this browser applied was taken back because nobody kept it."""
    revision = request.cookies.get(PENDING_COOKIE, "")
    if pending or not revision.isdecimal():
        return False
    g.forget_pending = True
    try:
        return not router().read("config.revision", id=int(revision)).get("confirmed", True)
    except NotFound:
        return True


def remember_pending(response: BaseResponse, revision: int) -> None:
    """Note which change this browser waits for, so that it learns what became of it."""
    response.set_cookie(
        PENDING_COOKIE, str(revision), max_age=3600, secure=request.is_secure, httponly=True, samesite="Strict"
    )


def forget(response: Response) -> Response:
    """Forget the change this browser waited for once the page has said what became of it."""
    if g.pop("forget_pending", False):
        response.delete_cookie(PENDING_COOKIE)
    return response
