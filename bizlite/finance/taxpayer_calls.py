"""Which taxpayer we are, by REST; the page is that of the company (``web/letterhead.py``)."""

from __future__ import annotations

from typing import Any

from flask import jsonify, request

from bizlite.core import company
from bizlite.web.calls import Call
from bizlite.web.guard import requires, session
from bizlite.web.letterhead import KIND, SINCE
from bizlite.web.reading import of_json
from bizlite.web.texts import marked as _

ANSWER = {"type": "object", "properties": {name: {"type": "string"} for name in (KIND.name, SINCE.name)}}


@requires("core.company.change", module="finance")
def show() -> Any:
    """The kind that was said last, and since when; empty is ever since."""
    known = company.read()
    return jsonify({name: known[name] for name in (KIND.name, SINCE.name)})


@requires("core.company.change", module="finance")
def switch() -> Any:
    """Another kind from a day on; the other facts of the company stay."""
    known = company.read()
    values = of_json(request.get_json(silent=True), (KIND, SINCE))
    texts = {name: known[name] for name in company.TEXTS}
    company.change(session(), key=request.headers.get("Idempotency-Key"), **texts, **values)
    return show()


CALLS = (
    Call(path="taxpayer", view=show, label=_("Which taxpayer we are, and since when"), answer=ANSWER),
    Call(path="taxpayer", method="POST", view=switch, label=_("Become another kind of taxpayer from a day on"),
         fields=(KIND, SINCE), answer=ANSWER),
)  # fmt: skip
