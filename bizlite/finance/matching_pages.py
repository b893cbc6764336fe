"""The list of what waits on the bank's list: each line with what it may pay, many decided at once; page and REST."""

from __future__ import annotations

from typing import Any

from flask import jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bizlite.core.errors import Problem, Refused, refuse
from bizlite.finance import matching
from bizlite.finance.models import Invoice, Party
from bizlite.finance.pages import bp
from bizlite.web.calls import Call
from bizlite.web.fields import Choice, Text, Whole
from bizlite.web.guard import requires, session
from bizlite.web.reading import of_json
from bizlite.web.resource import Lines
from bizlite.web.tables import MONEY
from bizlite.web.texts import marked as _

WHYS = {"number": _("its number is in the text"), "amount": _("the same amount"), "name": _("the same name")}
WHATS = {"accept": _("post as payment"), "reject": _("does not fit"), "ignore": _("it is posted otherwise")}
AFTER = Whole("after", _("Behind the line"), required=False)
DECISIONS = Lines(
    make=matching.Decision,
    argument="decisions",
    fields=(Whole("line", _("Line")), Choice("what", _("What to do"), choices=WHATS),
            Text("proposal", _("Proposal"), required=False)),
)  # fmt: skip
SURE = ("number", "amount")


@bp.route("/matching", methods=("GET", "POST"), endpoint="matching")
@requires("finance.payment.post")
def page() -> str | BaseResponse | tuple[str, int]:
    """What waits, with what is probable chosen already."""
    problems: list[Problem] = []
    if request.method == "POST":
        try:
            done = matching.decide(session(), _chosen(), key=request.form.get("key") or None)
            return redirect(url_for("finance.matching", done=done), 303)
        except Refused as refused:
            problems = refused.problems
    found = matching.waiting(_after())
    numbers, names = _words(found)
    page_ = render_template(
        "finance/matching.html", found=found, numbers=numbers, names=names, whys=WHYS, problems=problems,
        typed=request.form, next=found[-1].line.id if len(found) == matching.LINES else 0, chosen=_usual,
        money=lambda amount: MONEY.shown(amount, {}), done=request.args.get("done", ""),
    )  # fmt: skip
    return (page_, 422) if problems else page_


@requires("finance.payment.post")
def waiting() -> Any:
    """The list for a program."""
    found = matching.waiting(_after())
    numbers, names = _words(found)
    items = [
        {
            "line": row.line.id, "date": row.line.date.isoformat(), "amount": row.line.amount,
            "counterparty": row.line.counterparty, "text": row.line.text, "account": row.line.account_id,
            "proposals": [
                {"proposal": one.key, "why": one.why, "party": one.party, "name": names[one.party],
                 "invoices": [{"invoice": i, "number": numbers[i], "amount": part} for i, part in one.claims]}
                for one in row.proposals
            ],
        }
        for row in found
    ]  # fmt: skip
    return jsonify(items=items, next=found[-1].line.id if len(found) == matching.LINES else None)


@requires("finance.payment.post")
def decide() -> Any:
    """Decides many for a program."""
    values = of_json(request.get_json(silent=True), (), DECISIONS)
    return jsonify(done=matching.decide(session(), key=request.headers.get("Idempotency-Key"), **values))


CALLS = (
    Call(path="matching", view=waiting, label=_("Lines of the bank that wait, with what they may pay"), fields=(AFTER,),
         answer={"type": "object", "properties": {
             "items": {"type": "array", "items": {"type": "object"}}, "next": {"type": ["integer", "null"]}}}),
    Call(path="matching", method="POST", view=decide, label=_("Accept, reject or set aside many lines of the bank"),
         lines=DECISIONS, answer={"type": "object", "properties": {"done": {"type": "integer"}}}),
)  # fmt: skip


def _after() -> int:
    return AFTER.read(request.args.get("after", ""), "after", {}) or 0


def _chosen() -> list[matching.Decision]:
    """What is chosen on the page: ``line.7`` is ``accept 5:12``, ``reject 5:12``, ``ignore``, or nothing for later."""
    found = []
    for name, text in request.form.items():
        number = name.removeprefix("line.")
        if name.startswith("line.") and text:
            if not number.isascii() or not number.isdecimal() or len(number) > 18:
                raise refuse("line", "does not exist", "Choose one that exists.", number[:100])
            what, _space, proposal = text.partition(" ")
            found.append(matching.Decision(line=int(number), what=what, proposal=proposal))
    return found


def _usual(row: matching.Waiting) -> str:
    """What is chosen for a line at first: the one proposal that is as good as sure."""
    sure = [one for one in row.proposals if one.why in SURE]
    return f"accept {sure[0].key}" if len(sure) == 1 else ""


def _words(found: list[matching.Waiting]) -> tuple[dict[int, str], dict[int, str]]:
    """Numbers of invoices and names of parties that are proposed."""
    every = [one for row in found for one in row.proposals]
    invoices = [invoice for one in every for invoice, _amount in one.claims]
    numbers = dict(Invoice.select(Invoice.id, Invoice.number).where(Invoice.id << invoices).tuples())
    names = dict(Party.select(Party.id, Party.name).where(Party.id << [one.party for one in every]).tuples())
    return numbers, names
