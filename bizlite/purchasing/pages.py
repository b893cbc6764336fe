"""The page of purchasing that is no document: what to order, by rules, shortages and requests."""

from __future__ import annotations

import secrets

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from bizlite.core.errors import Refused, refuse
from bizlite.purchasing import requests, suggestions
from bizlite.stock.fields import quantity
from bizlite.stock.models import Item
from bizlite.web.guard import requires, session, today
from bizlite.web.pages import page_of, to_person
from bizlite.web.resource import permission

bp = Blueprint("purchasing", __name__, template_folder="templates")


@bp.get("/suggestions")
@requires("purchasing.view")
def suggested() -> str:
    """What to order today, and what was requested."""
    return _suggested()


@bp.post("/suggestions")
@requires(permission(suggestions.order))
def order_suggested() -> Response | tuple[str, int]:
    """Drafts the orders of what is ticked, and leads to the first of them."""
    sent, key = request.form, request.form.get("key") or None
    try:
        if sent.get("what") == "refuse":
            requests.refuse_line(session(), _number(sent.get("line", "")), sent.get("reason", ""), key=key)
            return redirect(url_for("purchasing.suggested"), 303)
        if sent.get("what") == "requests":
            made = suggestions.order_requests(
                session(), today(), [_number(line) for line in sent.getlist("line")], key=key
            )
        else:
            asked = [_pair(text) for text in sent.getlist("item")]
            made = suggestions.order(session(), today(), asked, key=key)
    except Refused as refused:
        return _suggested(to_person(refused)), 422
    return redirect(page_of(made) + "?done=create", 303)


def _suggested(refused: Refused | None = None) -> str:
    found = suggestions.find(session())
    items = {row.id: row for row in Item.select().where(Item.id << [one.item for one in found])}
    shown = quantity()
    rows = [(one, items[one.item], shown.shown(one.quantity, {"item": one.item})) for one in found]
    asked = [(line, shown.shown(line.quantity, {"item": line.item_id})) for line in requests.open_lines()]
    return render_template(
        "purchasing/suggestions.html", rows=rows, asked=asked, refused=refused, key=secrets.token_urlsafe(16)
    )


def _pair(text: str) -> tuple[int, int]:
    """An item and the quantity that was shown: a second click sends the same."""
    number, _colon, amount = text.partition(":")
    return _number(number), _number(amount)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise refuse("line", "does not exist", "Choose one that exists.", text[:20])
    return int(text)
