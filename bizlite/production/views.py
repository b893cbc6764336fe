"""Production's pages: its documents, the board, the Gantt picture, piece-rate pay, scrap, the job card on a phone."""

from __future__ import annotations

from flask import Blueprint, url_for

from bizlite.core.session import Session
from bizlite.production import board, phone, progress
from bizlite.production.documents import RESOURCES
from bizlite.web.calls import figures
from bizlite.web.core import Todo
from bizlite.web.texts import marked as _

__all__ = ["CALLS", "RESOURCES", "bp", "todo"]

bp = Blueprint("production", __name__, template_folder="templates")
board.register(bp)
phone.register(bp)
CALLS = (figures("scrap", board.scrapped, _("Scrap by cause"), *board.SCRAP),)


def todo(session: Session) -> list[Todo]:
    """Orders that are late."""
    if not session.may("production.view"):
        return []
    late = sum(line.is_late for line in progress.by_order(session))
    return [Todo(text=_("Work orders that are late"), count=late, href=url_for("production.board"), is_late=True)]
