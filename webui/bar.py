"""The apply bar: what differs, what waits for confirmation, what became of the last change."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, g, request

from webui import words
from webui.access import allows
from webui.figures import seconds
from webui.i18n import gettext, marked
from webui.router import router

SEEN_COOKIE = "rs-seen"
NEWS_S = 900  # so long it is news that a change was taken back
# What a redirect may ask the next page to say: ?said=KEY.
SAID = {
    "applied": marked("The change is in force."),
    "kept": marked("Kept. The change stays in force."),
    "taken-back": marked("Taken back. The router works as before."),
    "discarded": marked("Discarded. Nothing was changed."),
    "password": marked("The password was changed."),
    "revoked": marked("The token no longer works."),
    "restored": marked("The backup was read. Look at the changes below and apply them."),
    "restored-now": marked("The backup is restored."),
    "passphrase": marked("The passphrase is kept as a key. Automatic backups are encrypted by it from now on."),
    "backup-begun": marked("A backup is being made; this page says how it went."),
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
    app.after_request(_keep_seen)


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
        is_reverted=_is_reverted(status),
        said=gettext(said) if said else "",
        base=last.get("revision"),
        can_undo=_is_own_news(last.get("revision")) and allows(user["role"], "change"),
    )


def _is_own_news(in_force: int | None) -> bool:
    """Tell whether this page was led to by the change in force; what somebody else did since is not undone here."""
    return request.args.get("said") == "applied" and request.args.get("revision", 0, int) == in_force


def _is_reverted(status: dict[str, Any]) -> bool:
    """Tell, once in each browser, that the newest change was taken back because nobody kept it.

    The answer to "apply" may never have reached the browser, so this goes by the revisions and not by a cookie of then.
    """
    newest = next(iter(router().read("config.revisions", limit=1)), None)
    if newest is None or newest["confirmed"] or status.get("pending"):
        return False
    in_force = (status.get("last_change") or {}).get("revision")
    if newest["id"] == in_force or time.time() - seconds(newest["time"]) > NEWS_S:
        return False
    if request.cookies.get(SEEN_COOKIE) == str(newest["id"]):
        return False
    g.seen_revision = newest["id"]
    return True


def note_seen(revision: int) -> None:
    """This browser knows what became of the revision."""
    g.seen_revision = revision


def _keep_seen(response: Response) -> Response:
    if "seen_revision" in g:
        response.set_cookie(
            SEEN_COOKIE,
            str(g.seen_revision),
            max_age=NEWS_S,
            secure=request.is_secure,
            httponly=True,
            samesite="Strict",
        )
    return response
