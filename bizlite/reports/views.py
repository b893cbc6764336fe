"""The pages of the reports: the overview, what earned money, the cash forecast, and the month's close."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bizlite.core import registry, store
from bizlite.core import tables as figures
from bizlite.core.errors import Problem, Refused
from bizlite.core.tables import Column, Line, Table
from bizlite.finance import closing, periods
from bizlite.finance.models import Party
from bizlite.reports import margins, overview
from bizlite.reports.models import ALL
from bizlite.stock.models import Item
from bizlite.web import charts, tables
from bizlite.web.calls import figures as figures_of
from bizlite.web.fields import Choice, Whole
from bizlite.web.guard import requires, session, today
from bizlite.web.resource import Resource
from bizlite.web.texts import gettext
from bizlite.web.texts import marked as _

bp = Blueprint("reports", __name__, template_folder="templates")
RESOURCES: tuple[Resource, ...] = ()
MOST = 8  # rows of a table on the overview
QUESTIONS = {
    "late": _("What is late?"), "short": _("What is missing?"), "owed": _("What are we owed?"),
    "due": _("What do we have to pay?"),
}  # fmt: skip
BY = {"month": _("by month"), "customer": _("by customer"), "item": _("by item"), "person": _("by person")}
POINTS = {
    "drafts": (_("Drafts of vouchers: post them or move them to a later month"), "biz.finance-entry-list",
               {"posted": "no"}),
    "bank_lines": (_("Lines of the bank that are not matched"), "biz.finance-bank-list", {"state": "open"}),
    "unmatched_payments": (_("Payments that pay no invoice yet"), "biz.finance-payment-list", {}),
    "received_not_invoiced": (_("Goods received whose invoice is missing (220202)"), "finance.ledger",
                              {"account": "220202"}),
    "deliveries_not_invoiced": (_("Lines of deliveries that are not invoiced"), "biz.sales-delivery-list", {}),
    "not_counted": (_("Stores that were not counted in this month"), "stock.count", {}),
    "differences_waiting": (_("Differences of counts to be cleared (1901)"), "finance.ledger", {"account": "1901"}),
    "money_below_zero": (_("Cash or bank below zero"), "finance.trial", {}),
}  # fmt: skip
Answer = str | BaseResponse


def _this_month() -> int:
    return periods.of(today())


BY_FIELD = Choice("by", _("Figures"), choices=BY, default="month")
FROM = Whole("first", _("From month (202601)"), default=lambda: overview.months_before(_this_month(), 11))
TO = Whole("last", _("To month"), default=_this_month)


@bp.route("/")
@requires("reports.view")
def overview_page() -> Answer:
    """What is late, short, owed, due, and what earned money."""
    found = overview.make(today(), tables.most(MOST))
    every = [table for answers in found.answers.values() for table in answers]
    file = tables.wanted([*every, found.earned])
    if file is not None:
        return file
    return render_template(
        "reports/overview.html", found=found, questions=QUESTIONS, most=MOST, chart=_chart(found.earned, "margin")
    )


@bp.route("/table/<name>")
@requires("reports.view")
def table(name: str) -> Answer:
    """One table of the overview, whole."""
    found = overview.find(name, today(), tables.most())
    if found is None:
        abort(404)
    return tables.page(found.title, [found])


@bp.route("/margin")
@requires("reports.view")
def margin() -> Answer:
    """Gross profit by month, customer, item or person; a row leads to what it is made of."""
    fields = (BY_FIELD, FROM, TO)
    asked = tables.read(fields)
    periods.check(asked["first"], "first")
    periods.check(asked["last"], "last")
    tables.check_order(asked, "first", "last")
    party, item = _key("party"), _key("item")
    made = margins.table(asked["by"], asked["first"], asked["last"], party=party, item=item)
    named = []
    if party > 0:
        named.append(store.get(Party, party, "party").name)
    if item > 0:
        named.append(store.get(Item, item, "item").name)
    chart = _chart(made, "margin") if asked["by"] == "month" else ""
    words = {"party": party, "item": item, "subtitle": " · ".join(named), "chart": chart}
    return tables.page(_("Gross profit"), [made], fields, template="reports/margin.html", **words)


@bp.route("/forecast")
@requires("reports.view")
def forecast() -> Answer:
    """What money will be there, by week, and what that is made of."""
    found = overview.cash_forecast(today())
    weeks = Table(
        "forecast-weeks", _("By week"),
        (Column("week", _("Week from"), "date"), Column("received", _("Comes"), "money"),
         Column("paid", _("Goes"), "money"), Column("balance", _("There at its end"), "money")),
        [Line((week.start, week.received, week.paid, week.balance)) for week in found.weeks],
    )  # fmt: skip
    shown = found.flows[: tables.most()]
    parties = {flow.party for flow in shown if flow.party and not flow.text}
    names = dict(Party.select(Party.id, Party.name).where(Party.id << parties).tuples())
    kinds = {"invoice": _("invoice"), "order": _("order"), "recurring": _("recurring"), "tax": _("taxes")}
    flows = Table(
        "forecast-flows", _("What it is made of"),
        (Column("date", _("Expected"), "date"), Column("kind", _("From"), "word"), Column("text", _("What")),
         Column("amount", _("Amount"), "money")),
        [Line((f.date, kinds[f.kind], f.text or names.get(f.party, ""), f.amount), _document(f.source))
         for f in shown],
        rest=len(found.flows) - len(shown),
    )  # fmt: skip
    bars = [charts.Bar(f"{w.start:%m-%d}", str(figures.plain("money", w.balance)), w.balance) for w in found.weeks]
    return tables.page(
        _("Cash forecast"), [weeks, flows], template="reports/forecast.html", made=found,
        chart=charts.bars(gettext("Cash forecast"), bars), show=lambda amount: tables.MONEY.shown(amount, {}),
    )  # fmt: skip


@bp.route("/order/<key>")
@requires("reports.view")
def order(key: str) -> Answer:
    """What stands behind a sales order: its work orders, their cards, the people and their minutes."""
    return _behind("sales_order", key)


@bp.route("/work/<key>")
@requires("reports.view")
def work(key: str) -> Answer:
    """What stands behind a work order: its cards, the people and their minutes."""
    return _behind("production_order", key)


def _behind(kind: str, key: str) -> Answer:
    number = Whole("key", "").read(key, "key", {})
    found: list[Table] = []
    if registry.is_on("production"):
        from bizlite.reports.sources import production

        rows = [number] if kind == "production_order" else [o.id for o in production.work_orders(kind, number)]
        zone = session().zone
        found = [made for row in rows for made in (production.cards(row, zone), production.people(row, zone))]
    target = _document((kind, number))
    href = tables.href(Line((), target)) if target else ""
    return tables.page(_("What stands behind the order"), found, template="reports/order.html", href=href)


@bp.route("/close", methods=("GET", "POST"))
@requires("finance.period.close", module="reports")
def close() -> Answer | tuple[str, int]:
    """What is left to do before a month is closed; then it is closed, or the last one opened again."""
    month = closing.next_period(today())
    problems: list[Problem] = []
    if request.method == "POST":
        try:
            sent = Whole("period", "").read(request.form.get("period", ""), "period", {})
            if request.form.get("again") == "1":
                periods.reopen(session(), sent)
            else:
                periods.close(session(), sent)
            return redirect(url_for("reports.close"), 303)
        except Refused as refused:
            problems = refused.problems
    points = [(point, *_point(point)) for point in overview.closing_points(month)]
    page = render_template(
        "reports/close.html", month=month, points=points, problems=problems, closed=periods.closed(1),
        is_over=closing.last_day(month) < today(), show=lambda amount: tables.MONEY.shown(amount, {}),
    )  # fmt: skip
    return (page, 422) if problems else page


def _point(point: closing.Point) -> tuple[str, str]:
    """The words of a point, and where to see to it."""
    text, endpoint, values = POINTS[point.name]
    return gettext(text), url_for(endpoint, **values)


def _document(source: tuple[str, int]) -> figures.Target | None:
    """The page of a document by its table."""
    kind, key = source
    return (f"biz.{kind.replace('_', '-', 1)}-show", {"key": key}) if kind else None


def _key(name: str) -> int:
    text = request.args.get(name, "")
    return ALL if text in ("", str(ALL)) else int(Whole(name, "").read(text, name, {}))


def _chart(made: Table, column: str) -> Any:
    place = next(n for n, entry in enumerate(made.columns) if entry.name == column)
    bars = [
        charts.Bar(
            str(figures.plain("month", line.values[0])), str(figures.plain("money", line.values[place])),
            int(str(line.values[place])), tables.href(line),
        )
        for line in made.lines
    ]  # fmt: skip
    return charts.bars(gettext(made.title), bars)


CALLS = (
    figures_of("overview", overview_page, _("What is late, missing, owed and due, and what earned money")),
    figures_of("table/<name>", table, _("One table of the overview")),
    figures_of("margin", margin, _("Gross profit"), BY_FIELD, FROM, TO, Whole("party", _("Customer"), required=False),
               Whole("item", _("Item"), required=False)),
    figures_of("forecast", forecast, _("Cash forecast")),
    figures_of("order/<key>", order, _("What stands behind a sales order")),
    figures_of("work/<key>", work, _("What stands behind a work order")),
)  # fmt: skip
