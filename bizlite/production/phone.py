"""The job card on a worker's phone: opened by its QR code, without a login of the router.

The token of the address lets one see and report at this card only; who reports is the worker whose login it is, or who
gave code and PIN on this phone. Prices are on none of these pages. The page queues reports while the wifi is away
(``web/static/card.js``), so each comes with its own key, its own time and the worker who made it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from typing import Any

from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bizlite.core import registry
from bizlite.core.errors import Refused, refuse
from bizlite.core.models import Attachment, Setting
from bizlite.core.session import Session
from bizlite.production import cards, causes, counting, orders, reports, workers
from bizlite.production.documents import KINDS
from bizlite.production.fields import product_quantity
from bizlite.production.models import Card, Report, Worker
from bizlite.production.prints import lot_of
from bizlite.web import guard, keeping
from bizlite.web.resource import find
from bizlite.web.texts import gettext, said
from bizlite.web.texts import marked as _

SHIFT_S = 14 * 3600
SHOWN = 8
CAUSES = (_("material"), _("machine"), _("drawing"), _("set-up"), _("handling"))
REPORT = frozenset({"production.card.report"})


def register(bp: Blueprint) -> None:
    """Gives these pages their addresses; they are open to all, and each asks for its token."""
    for rule, name, view, method in (
        ("", "card", show, "GET"),
        ("/report", "card_report", report, "POST"),
        ("/undo", "card_undo", undo, "POST"),
        ("/file/<int:number>", "card_file", drawing, "GET"),
        ("/sign-in", "card_sign_in", sign_in, "POST"),
        ("/sign-out", "card_sign_out", sign_out, "POST"),
    ):
        is_open = guard.requires(guard.PUBLIC, module="production")
        bp.add_url_rule(f"/scan/<token>{rule}", name, is_open(view), methods=(method,))


def show(token: str, problem: str = "") -> str:
    """The card, with its buttons when we know who is there."""
    card = _card(token)
    worker, session = _who()
    own = Report.select().where(Report.card == card).order_by(Report.id.desc()).limit(SHOWN)
    undone = {row.reverses_id for row in own}
    lines = [row for row in own if row.kind != "storno" and row.id not in undone]
    kind = product_quantity()
    return render_template(
        "production/phone.html", card=card, token=token, worker=worker, tally=cards.tally(card.id), problem=problem,
        at=_at,
        left=counting.open_pieces(card.id), lines=lines, kinds=KINDS, key=secrets.token_urlsafe(16),
        causes=causes.offered(), suggested=CAUSES,
        inspection=_inspection(card), files=_files(card) if worker else (), lot=lot_of(card.order),
        is_open=orders.state(card.order) == "in_work", waits={row.id for row in counting.waiting(card.id)},
        may_undo=lambda row: row.worker_id == worker.id or session.may("production.card.correct"),
        shown=lambda value: kind.shown(value, {"order": card.order_id}),
        typed=lambda value: kind.typed(value, {"order": card.order_id}),
    )  # fmt: skip


def report(token: str) -> BaseResponse | tuple[Response | str, int]:
    """A report, from the form or from the page's queue (which sends JSON)."""
    card = _card(token)
    guard.check_origin()
    sent = request.get_json(silent=True) if request.is_json else request.form.to_dict()
    worker, session = _who()
    if worker is None or not isinstance(sent, dict) or sent.get("worker") not in (None, str(worker.id)):
        return _answer(token, gettext("Sign in as the worker who made this report."), 401)
    try:
        kind, at = str(sent.get("kind", "")), sent.get("reported_ms")
        quantity = str(sent.get("quantity", "")) if kind in ("good", "scrap", "rework", "cut") else ""
        pieces = product_quantity(required=False).read(quantity, "quantity", {"order": card.order_id})
        if at is not None and not str(at).isdecimal():
            raise refuse("reported_ms", "is not a whole number", "Give milliseconds since 1970.", at)
        reports.report(
            session, card.id, kind, worker.id, pieces, cause=str(sent.get("cause", "")),
            reported_ms=int(at) if at else None, key=str(sent.get("key", "")),
        )  # fmt: skip
    except Refused as refused:
        return _answer(token, _words(refused), 422)
    return _answer(token, "", 200)


def drawing(token: str, number: int) -> Response | tuple[str, int]:
    """A file of the routing or the work order, for a worker who is known."""
    card = _card(token)
    if _who()[0] is None:
        return show(token, gettext("Sign in to see it.")), 401
    row = next((row for row in _files(card) if row.id == number), None)
    return keeping.saved(row or abort(404))


def undo(token: str) -> BaseResponse | tuple[Response | str, int]:
    """Takes a report of this card back."""
    card = _card(token)
    guard.check_origin()
    worker, session = _who()
    if worker is None:
        return _answer(token, gettext("Sign in as the worker who made this report."), 401)
    number = request.form.get("report", "")
    try:
        reports.storno(session, card.id, int(number) if number.isdecimal() else 0, worker.id)
    except Refused as refused:
        return _answer(token, _words(refused), 422)
    return _answer(token, "", 200)


def sign_in(token: str) -> BaseResponse | tuple[str, int]:
    """Who has this code and PIN is the worker of this phone for a shift."""
    _card(token)
    guard.check_origin()
    session = guard.acting("phone", REPORT)
    worker = workers.sign_in(session, request.form.get("code", ""), request.form.get("pin", ""))
    if worker is None:
        return show(token, gettext("Code and PIN do not fit. After five wrong ones wait five minutes.")), 403
    answer = redirect(_at("card", token), 303)
    until = int(time.time()) + SHIFT_S
    value = f"{worker.id}.{until}.{_proof(worker, str(until))}"
    answer.set_cookie(
        _cookie(), value, max_age=SHIFT_S, httponly=True, secure=request.is_secure, samesite="Lax", path="/business"
    )
    return answer


def sign_out(token: str) -> BaseResponse:
    """Another worker takes the phone."""
    guard.check_origin()
    answer = redirect(_at("card", token), 303)
    answer.delete_cookie(_cookie(), path="/business", secure=request.is_secure)
    return answer


def _inspection(card: Card) -> dict[str, Any] | None:
    """How far the inspection of an operation is that has a plan, and where it is entered."""
    if not registry.is_on("quality"):
        return None
    from bizlite.quality import inspections, plans

    plan = plans.active("operation", card.order.item_id, card.operation.code)
    if plan is None:
        return None
    good = product_quantity().typed(cards.tally(card.id).good, {"order": card.order_id})
    names = {"plan": plan.id, "kind": "production_card", "document": card.id, "line": 0, "quantity": good}
    passed = inspections.passed(("production_card", card.id, 0), plan)
    return {"href": url_for("quality.inspect", **names), "passed": passed}


def _files(card: Card) -> list[Attachment]:
    """Drawings and the like: what lies at the routing and at the work order, not what lies at the item."""
    order = card.order
    documents = (("production.routing", order.routing), ("production.order", order))
    return [row for name, document in documents for row in keeping.files_of(find(name), document)]


def _card(token: str) -> Card:
    card = cards.by_token(token)
    if card is None:
        abort(404)
    return card


def _who() -> tuple[Worker | None, Session]:
    """The worker of this phone, by PIN before login: a shared tablet is logged in as the shop."""
    found = _by_cookie()
    if found is not None:
        return found, guard.acting(f"worker:{found.code}", REPORT)
    session = guard.visitor()
    if session is None or not session.may("production.card.report"):
        return None, guard.acting("phone", frozenset())
    return workers.of_user(session.user), session


def _cookie() -> str:
    # Another one with TLS: a browser lets no page without it replace a cookie that was set with it.
    return "__Secure-biz-worker" if request.is_secure else "biz-worker"


def _by_cookie() -> Worker | None:
    number, _, rest = request.cookies.get(_cookie(), "").partition(".")
    until, _, proof = rest.partition(".")
    if not (number.isdecimal() and len(number) < 16 and until.isdecimal() and len(until) < 16):
        return None
    found: Worker | None = Worker.get_or_none((Worker.id == int(number)) & Worker.is_active)
    if found is None or int(until) < time.time():
        return None
    return found if hmac.compare_digest(proof.encode(), _proof(found, until).encode()) else None


def _proof(worker: Worker, until: str) -> str:
    """With the PIN in it: another PIN ends what was begun with the one before."""
    secret = bytes.fromhex(json.loads(Setting.get_by_id(cards.SECRET).value))
    return hmac.new(secret, f"worker {worker.id}.{until} {worker.pin}".encode(), hashlib.sha256).hexdigest()


def _words(refused: Refused) -> str:
    sentences = [said(problem) for problem in refused.problems]
    return " ".join(f"{words['message'][:1].upper()}{words['message'][1:]}. {words['remedy']}" for words in sentences)


def _at(name: str, token: str) -> str:
    """An address of the card; the language that was chosen on this phone goes along."""
    return url_for(f"production.{name}", token=token, lang=request.args.get("lang"))


def _answer(token: str, problem: str, status: int) -> BaseResponse | tuple[Response | str, int]:
    """What the queue reads, or the page again."""
    if request.is_json:
        return jsonify({"problem": problem}), status
    if problem:
        return show(token, problem), status
    return redirect(_at("card", token), 303)
