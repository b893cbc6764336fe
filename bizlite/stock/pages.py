"""Pages of the stock that are no documents: what is there, an item's card, what is planned, the count."""

from __future__ import annotations

import datetime
import secrets

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bizlite.core import exact, store
from bizlite.core.errors import Refused
from bizlite.stock import counting, fields, figures, items, planning, tracing
from bizlite.stock.models import NO_LOT, Item, Location, Lot, OnHand, Reorder
from bizlite.web import charts, tables
from bizlite.web.fields import Date, Reference, Whole
from bizlite.web.guard import requires, session, today
from bizlite.web.pages import AGAIN, to_person
from bizlite.web.texts import gettext, language
from bizlite.web.texts import marked as _

bp = Blueprint("stock", __name__, template_folder="templates")
AHEAD = datetime.timedelta(days=90)
BARS = 24
Answer = str | BaseResponse


@bp.route("/there")
@requires("stock.view")
def there() -> Answer:
    """What is where, and what it is worth."""
    return tables.page(_("Stock on hand"), [figures.on_hand(language()), figures.values()])


@bp.route("/card")
@requires("stock.view")
def card() -> Answer:
    """The stock card of an item."""
    start = Date("start", _("From"), default=lambda: today() - AHEAD)
    row = _item()
    made = figures.card(row, tables.read((start,))["start"], language(), tables.most())
    return tables.page(_("Stock card"), [made], (start,), template="stock/item.html", item=row)


@bp.route("/trace")
@requires("stock.view")
def trace() -> Answer:
    """Where a lot came from and where it went."""
    lot = store.get(Lot, Whole("lot", "").read(request.args.get("lot", ""), "lot", {}), "lot")
    title = gettext("Lot %(lot)s of %(item)s") % {"lot": lot.code, "item": items.words(lot.item_id)}
    return tables.page(title, tracing.tables(lot, _named, language()))


def _named(source: tracing.Source) -> tuple[str, str]:
    """A document's number, and the name of the customer or supplier whom it is with."""
    document = fields.document(*source)
    if document is None:
        return " ".join(map(str, source)), ""
    party = getattr(document, "party", None)
    return str(getattr(document, "number", "") or f"#{document._pk}"), party.name if party else ""


@bp.route("/plan")
@requires("stock.view")
def plan() -> Answer:
    """What is planned of an item, with its reorder rule."""
    row = _item()
    made = figures.plan(row, today(), today() + AHEAD)
    scale = int(row.unit.scale)
    rule = Reorder.get_or_none(Reorder.item == row)
    bars = [
        charts.Bar(f"{line.values[0]:%m-%d}", exact.show(line.values[2][0], scale), line.values[2][0])  # type: ignore[index]
        for line in made.lines[:BARS]
    ]
    return tables.page(
        _("Projected stock"), [made], template="stock/plan.html", item=row, rule=rule, scale=scale, show=exact.show,
        chart=charts.bars(gettext("Projected stock"), bars),
    )  # fmt: skip


@bp.route("/rule", methods=("POST",))
@requires("stock.item.change")
def rule() -> BaseResponse:
    """Sets the reorder rule of an item, typed in its unit."""
    row = _item(request.form.get("item", ""))
    scale = int(row.unit.scale)
    least, most, multiple = (
        exact.parse(name, request.form.get(name, ""), scale) for name in ("least", "most", "multiple")
    )
    days = exact.parse("lead_days", request.form.get("lead_days", "") or "0", 0)
    planning.set_reorder(session(), row.id, least, most, multiple=multiple, lead_days=days)
    return redirect(url_for("stock.plan", item=row.id), 303)


@bp.route("/short")
@requires("stock.view")
def short() -> Answer:
    """What will be missing, and what to order."""
    return tables.page(_("Missing and to order"), [figures.shortages(), figures.to_order(today())])


@bp.route("/count", methods=("GET", "POST"))
@requires("stock.count.post")
def count() -> Answer | tuple[str, int]:
    """A count of one place: what should be there, and a field for what is."""
    own = Reference("place", _("Place"), to="stock.location", where=lambda: Location.kind == "internal", default=None)
    code = request.values.get("place") or "MAIN"
    place = store.get(Location, own.read(code, "place", {}), "place")
    day = Date("date", _("Date"), default=today)
    problems = []
    if request.method == "POST":
        try:
            date = day.read(request.form.get("date", ""), "date", {})
            paper = counting.post(session(), date, _counted(place.id), key=request.form.get("key") or None)
            return redirect(url_for("biz.stock-transfer-show", key=paper.id, done="create"), 303)
        except Refused as refused:
            problems = to_person(refused).problems
    page = render_template(
        "stock/count.html", place=place, rows=_spots(place.id), typed=request.values, problems=problems,
        key=(AGAIN not in problems and request.form.get("key")) or secrets.token_urlsafe(16),
        show=exact.show, today=today(),
        places=Location.select().where((Location.kind == "internal") & Location.is_active),
    )  # fmt: skip
    return (page, 422) if problems else page


def _spots(place: int) -> list[tuple[OnHand, Item, Lot | None]]:
    rows = OnHand.select().where((OnHand.location == place) & (OnHand.quantity != 0))
    known = {row.id: row for row in Item.select().where(Item.id << [row.item for row in rows])}
    lots = {row.id: row for row in Lot.select().where(Lot.id << [row.lot for row in rows])}
    found = [(row, known[row.item], lots.get(row.lot)) for row in rows]
    return sorted(found, key=lambda spot: (spot[1].code, spot[0].lot))


def _counted(place: int) -> list[counting.Counted]:
    """What was typed beside the spots, with what should be there as the page had it, and one further item; an empty
    field was not counted."""
    counted = []
    for name, text in request.form.items():
        head, _, spot = name.partition(".")
        if head == "spot" and text.strip():
            item_key, lot = (Whole(name, "").read(part, name, {}) for part in spot.partition(".")[::2])
            item = store.get(Item, item_key, name)
            was = Whole(name, "", required=False).read(request.form.get(f"was.{spot}", ""), name, {})
            quantity = exact.parse(item.code, text, int(item.unit.scale))
            counted.append(counting.Counted(item=item.id, lot=lot, location=place, quantity=quantity, expected=was))
    if request.form.get("item"):
        item = store.get(Item, Reference("item", "", to="stock.item").read(request.form["item"], "item", {}), "item")
        lot = fields.lot().read(request.form.get("lot", ""), "lot", {"item": item.id}) or NO_LOT
        quantity = exact.parse("quantity", request.form.get("quantity", ""), int(item.unit.scale))
        value = exact.parse("value", request.form.get("value", "") or "0", exact.MINOR)
        counted.append(counting.Counted(item=item.id, lot=lot, location=place, quantity=quantity, value=value))
    return counted


def _item(key: str | None = None) -> Item:
    text = request.args.get("item", "") if key is None else key
    return store.get(Item, Whole("item", "").read(text, "item", {}), "item")
