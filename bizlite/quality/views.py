"""What the pages show of quality: plans, inspections with their readings, nonconformities."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bizlite.core import store
from bizlite.core.errors import Forbidden, Refused
from bizlite.core.session import Session
from bizlite.quality import inspections, nonconformities, plans, yields
from bizlite.quality.models import Characteristic, Inspection, Nonconformity, Plan, Reading
from bizlite.stock.fields import item, quantity
from bizlite.stock.models import Item
from bizlite.web import reading
from bizlite.web.addresses import page_of
from bizlite.web.core import Todo
from bizlite.web.fields import Area, Choice, Date, Field, Quantity, Reference, Text, Values, Whole, YesNo
from bizlite.web.guard import requires, session
from bizlite.web.resource import Action, Column, Lines, Link, Resource, find
from bizlite.web.texts import marked as _

bp = Blueprint("quality", __name__, template_folder="templates")
MOMENTS = {"receipt": _("receipt"), "operation": _("operation"), "delivery": _("delivery")}
VERDICTS = {"pass": _("good"), "fail": _("not good"), "concession": _("accepted as it is")}
STATES = {"open": _("open"), "acting": _("being worked on"), "closed": _("closed")}
SOURCES = {
    "production_card": _("job card"), "purchase_order": _("purchase order"), "sales_order": _("sales order"),
}  # fmt: skip
PAGES = {"production_card": "production.card", "purchase_order": "purchasing.order", "sales_order": "sales.order"}


def _scale(values: Values) -> int | None:
    scale: int | None = values.get("scale")
    return scale


def _look_scale(values: Values) -> int | None:
    look = Characteristic.get_or_none(Characteristic.id == values.get("characteristic"))
    return int(look.scale) if look else None


def _source(kind: str) -> Link:
    """The document of an inspection, which waited for it."""

    def rows(row: Inspection) -> list[Any]:
        resource = find(PAGES[kind])
        return list(resource.model.select().where(resource.key == row.source_id)) if row.source_kind == kind else []

    return Link(label=_("Inspected for"), to=PAGES[kind], rows=rows)


def _look(row: Reading) -> str:
    return str(row.characteristic.name)


PLAN = Resource(
    name="quality.plan", label=_("Inspection plans"), one=_("inspection plan"), model=Plan, view="quality.view",
    fields=(Text("code", _("Code")), Text("name", _("Name")), Choice("moment", _("Inspected at"), choices=MOMENTS),
            item(), Text("operation", _("Code of the operation"), required=False),
            Whole("sample", _("Pieces to look at"), default=1)),
    lines=Lines(
        model=Characteristic, of="plan", make=plans.Look, label=_("What is looked at"),
        fields=(Text("name", _("Name")), Text("unit", _("Unit"), required=False),
                Whole("scale", _("Decimals"), default=2), Quantity("low", _("At least"), required=False, scale=_scale),
                Quantity("high", _("At most"), required=False, scale=_scale)),
    ),
    columns=("code", "name", "moment", "item", "operation",
             Column(kind=YesNo("is_active", _("In use")))),
    search=("name",), filters=("moment", "item"), sorts=("code", "-id"), create=plans.add,
    actions=(Action(name="retire", label=_("Take out of use"), command=plans.retire, when=lambda row: row.is_active),),
    empty=_("There is no inspection plan yet. With one, goods wait until they are inspected."),
)  # fmt: skip
INSPECTION = Resource(
    name="quality.inspection", label=_("Inspections"), one=_("inspection"), model=Inspection, view="quality.view",
    fields=(Reference("plan", _("Inspection plan"), to="quality.plan"), item(), quantity(),
            Whole("sample", _("Pieces to look at")), Whole("defective", _("Not good")),
            Choice("verdict", _("Verdict"), choices=VERDICTS), Choice("source_kind", _("Of"), choices=SOURCES),
            Whole("source_id", _("Number there")), Text("reason", _("Reason"), required=False)),
    lines=Lines(
        model=Reading, of="inspection", label=_("Readings"),
        fields=(Whole("piece", _("Piece")),),
        shows=(Column(kind=Text("name", _("Name")), value=_look),
               Column(kind=Quantity("value", _("Value"), scale=_look_scale)), Column(kind=YesNo("is_good", _("Good")))),
    ),
    columns=("number", "date", "item", "quantity", "verdict"), exact=("number",), filters=("item", "verdict", "date"),
    sorts=("-id", "-date"),
    actions=(Action(name="accept", label=_("Accept as it is"), command=inspections.accept,
                    fields=(Text("reason", _("Reason")),), when=lambda row: row.verdict == "fail"),),
    links=(*map(_source, PAGES), Link(label=_("Nonconformities"), to="quality.nonconformity", by="inspection")),
    empty=_("Nothing was inspected yet."),
)  # fmt: skip
NONCONFORMITY = Resource(
    name="quality.nonconformity", label=_("Nonconformities"), one=_("nonconformity"), model=Nonconformity,
    view="quality.view",
    fields=(item(), quantity(), Area("text", _("What is wrong")),
            Reference("inspection", _("Inspection"), to="quality.inspection", required=False)),
    shows=tuple(
        Column(kind=kind, value=lambda row, name=kind.name: getattr(nonconformities.last_step(row.id), name))
        for kind in (Choice("state", _("State"), choices=STATES), Text("cause", _("Cause")),
                     Text("action", _("Action")), Text("responsible", _("Responsible")), Date("due", _("Due")))
    ),
    columns=("number", "date", "item", "quantity",
             Column(kind=Choice("state", _("State"), choices=STATES),
                    value=lambda row: nonconformities.last_step(row.id).state)),
    exact=("number",), search=("text",), filters=("item", "date"), sorts=("-id", "-date"),
    create=nonconformities.open_,
    actions=(
        Action(name="act", label=_("Decide what is done"), command=nonconformities.act,
               when=lambda row: nonconformities.last_step(row.id).state != "closed",
               fields=(Text("action", _("Action")), Text("responsible", _("Responsible")), Date("due", _("Due")),
                       Text("cause", _("Cause"), required=False))),
        Action(name="close", label=_("Close"), command=nonconformities.close,
               when=lambda row: nonconformities.last_step(row.id).state == "acting",
               fields=(Text("cause", _("Cause")),)),
    ),
    empty=_("There is no nonconformity."),
)  # fmt: skip
RESOURCES = (INSPECTION, NONCONFORMITY, PLAN)


@bp.route("/inspect/<int:plan>/<kind>/<int:document>/<int:line>", methods=("GET", "POST"))
@requires("quality.inspection.post")
def inspect(plan: int, kind: str, document: int, line: int) -> str | BaseResponse | tuple[str, int]:
    """The readings of an inspection, piece by piece."""
    row: Plan = store.get(Plan, plan, "plan")
    asked = plans.characteristics(row.id)
    head: list[Field] = [quantity(), Area("text", _("Remark"), required=False)]
    cells = {(look.id, piece): _cell(look, piece) for piece in range(1, row.sample + 1) for look in asked}
    fields = [*head, *cells.values()]
    form = reading.of_form(request.form if request.method == "POST" else request.args, fields)
    if request.method == "POST":
        try:
            values = _read(form, row, cells)
            made = inspections.post(
                session(), row.id, (kind, document, line), values.pop("quantity"), values.pop("readings"),
                key=request.form.get("key"), **values,
            )  # fmt: skip
        except Forbidden:
            raise
        except Refused as refused:
            form.problems = refused.problems
        else:
            return redirect(page_of(made) + "?done=create", 303)
    page = render_template(
        "quality/inspect.html", plan=row, form=form, head=head, cells=cells, looks=asked,
        pieces=range(1, row.sample + 1), key=request.form.get("key") or secrets.token_urlsafe(16),
    )  # fmt: skip
    return (page, 422) if form.problems else page


@bp.get("/yield")
@requires("quality.view")
def first_pass() -> str:
    """First-pass yield of inspections over the last twelve months."""
    today = session().today()
    lines = yields.first_pass(today.replace(year=today.year - 1, day=1), today)
    return render_template("quality/yield.html", lines=[(Item.get_by_id(line.item), line) for line in reversed(lines)])


def todo(session: Session) -> list[Todo]:
    """Nonconformities whose day is over."""
    if not session.may("quality.view"):
        return []
    late = nonconformities.late(session.today())
    href = url_for("biz.quality-nonconformity-list")
    return [Todo(text=_("Nonconformities that are late"), count=late, href=href, is_late=True)]


def _cell(look: Characteristic, piece: int) -> Field:
    name = f"c{look.id}.{piece}"
    if look.kind == "yesno":
        return YesNo(name, look.name)
    return Quantity(name, look.name, required=False, scale=lambda values: int(look.scale))


def _read(form: reading.Form, plan: Plan, cells: dict[tuple[int, int], Field]) -> dict[str, Any]:
    """The command's arguments; pieces beyond a small lot are left empty."""
    item_of = {"item": plan.item_id}
    found = quantity().read(form.texts["quantity"], "quantity", item_of)
    readings = []
    for (look, piece), cell in cells.items():
        value = cell.read(form.texts[cell.name], cell.name, {})
        if piece <= found and value is not None:
            readings.append(inspections.Read(characteristic=look, piece=piece, value=int(value)))
    return {"quantity": found, "readings": readings, "text": form.texts["text"]}
