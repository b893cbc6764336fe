"""The page where a firm says who it is, for the head of its papers."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bizlite.core import company
from bizlite.core.errors import Refused
from bizlite.web.fields import Area, Choice, Date, Field, Text
from bizlite.web.guard import requires, session
from bizlite.web.reading import Form, of_form
from bizlite.web.texts import marked as _

KIND = Choice(
    "tax_kind", _("Taxpayer"), default=company.GENERAL,
    hint=_("It decides which tax rate is usual for us, and whether what we buy bears tax that is deducted."),
    choices={company.GENERAL: _("general taxpayer"), company.SMALL: _("small-scale taxpayer")},
)  # fmt: skip
SINCE = Date(
    "tax_since", _("Taxpayer of this kind since"), required=False,
    hint=_("The first day of a month; what is posted stays as it is. Empty: as it stands here already."),
)  # fmt: skip
FIELDS: tuple[Field, ...] = (
    Text("name", _("Name")),
    KIND, SINCE,
    Area("address", _("Address"), required=False),
    Text("phone", _("Telephone"), required=False), Text("tax_number", _("Tax number"), required=False),
    Text("bank", _("Bank and account"), required=False),
)  # fmt: skip


def register(bp: Blueprint) -> None:
    """Gives the page its address."""
    bp.add_url_rule("/company", "company", requires("core.company.change")(page), methods=("GET", "POST"))


def page() -> str | BaseResponse | tuple[str, int]:
    """The form; what is wrong stands at its field."""
    form = Form(texts=company.read(), names=frozenset(company.FIELDS))
    if request.method == "POST":
        form = of_form(request.form, FIELDS)
        try:
            kind = form.texts["tax_kind"] or company.read()["tax_kind"]  # a form without it changes nothing of it
            since = SINCE.read(form.texts["tax_since"], SINCE.name, {})
            texts = {name: form.texts[name] for name in company.TEXTS}
            company.change(session(), tax_kind=kind, tax_since=since, **texts)
        except Refused as refused:
            form.problems = refused.problems
            return render_template("company.html", form=form, fields=FIELDS), 422
        return redirect(url_for("biz.company", done=1), 303)
    return render_template("company.html", form=form, fields=FIELDS)
