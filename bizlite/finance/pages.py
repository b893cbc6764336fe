"""Pages of the ledger that are no documents: statements, ageing, what a payment pays, files in and out."""

from __future__ import annotations

import io
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bizlite.core import company, csvfile, store
from bizlite.core.errors import refuse
from bizlite.finance import accounts, bank, closing, figures, opening, pack, periods, statements
from bizlite.finance.models import Party
from bizlite.web import tables
from bizlite.web.fields import Choice, Date, Reference, Whole
from bizlite.web.guard import requires, session, today
from bizlite.web.texts import gettext, language
from bizlite.web.texts import marked as _

bp = Blueprint("finance", __name__, template_folder="templates")
LEDGERS = {"receivable": _("what customers owe"), "payable": _("what we owe")}
LEDGER = Choice("ledger", _("Which"), choices=LEDGERS, default="receivable")
MONTHS = {"1": _("one month"), "3": _("quarter"), "12": _("year")}


START = Date("start", _("From"), default=lambda: today().replace(day=1))
END = Date("end", _("To"), default=today)
PERIOD = Whole("period", _("Month (as 202611)"), default=lambda: closing.next_period(today()))
BOOK = Reference("account", _("Account"), to="finance.account", default="1002")
SPAN = Choice("months", _("Months"), choices=MONTHS, default="1")
Answer = str | BaseResponse


@bp.route("/statements")
@requires("finance.report.view")
def three_statements() -> Answer:
    """Balance sheet, income statement and cash flow statement of a month."""
    asked = tables.read((PERIOD, SPAN))
    period, months = asked["period"], int(asked["months"])
    periods.check(period)
    found = {
        "balance": statements.balance_sheet(period), "income": statements.income_statement(period, months),
        "cash": statements.cash_flow(period, months),
    }  # fmt: skip
    made = [figures.statement(name, rows, language(), months) for name, rows in found.items()]
    return tables.page(_("Statements"), made, (PERIOD, SPAN), template="finance/statements.html", period=period)


@bp.route("/trial")
@requires("finance.report.view")
def trial() -> Answer:
    """The trial balance between two days."""
    asked = tables.read((START, END))
    tables.check_order(asked, "start", "end")
    made = figures.trial_balance(asked["start"], asked["end"], language())
    return tables.page(_("Trial balance"), [made], (START, END))


@bp.route("/ledger")
@requires("finance.report.view")
def ledger() -> Answer:
    """The lines of an account between two days."""
    fields = (BOOK, START, END)
    asked = tables.read(fields)
    tables.check_order(asked, "start", "end")
    return tables.page(_("Ledger"), [figures.ledger(asked["account"], asked["start"], asked["end"])], fields)


@bp.route("/statement")
@requires("finance.report.view")
def statement() -> Answer:
    """The statement of account of a party; ``party`` is its number or its code."""
    key = request.args.get("party", "")
    is_number = key.isdecimal() and len(key) < 19
    row = store.get(Party, int(key), "party") if is_number else Party.get_or_none(Party.code == key)
    start = Date("start", _("From"), default=lambda: today().replace(month=1, day=1))
    fields = (LEDGER, start, END)
    asked = tables.read(fields)
    tables.check_order(asked, "start", "end")
    if row is None:
        raise refuse("party", "is missing", "Choose one that exists.", key[:50])
    made = figures.statement_of_account(row.id, asked["ledger"], asked["start"], asked["end"])
    words = {"party": row, "ledger_words": gettext(LEDGERS[asked["ledger"]])}
    return tables.page(_("Statement of account"), [made], fields, template="finance/statement.html", **words)


@bp.route("/ageing")
@requires("finance.report.view")
def ageing() -> Answer:
    """Open invoices by party and age."""
    asked = tables.read((LEDGER,))
    return tables.page(_("Open invoices by age"), [figures.ageing(asked["ledger"], today(), tables.most())], (LEDGER,))


@bp.route("/files")
@requires("finance.report.view")
def files() -> str:
    """What can be taken in from a file, and the accountant's packs."""
    months = [row.period for row in periods.closed(12)]
    return render_template(
        "finance/files.html", months=months, current=periods.of(today()), opening=opening.standing(),
        done=request.args.get("done", ""),
    )  # fmt: skip


@bp.route("/files/chart", methods=("POST",))
@requires("finance.account.change")
def take_chart() -> BaseResponse:
    """Takes another chart of accounts in."""
    return _taken(accounts.import_chart(session(), _text(), is_whole=request.form.get("whole") == "1"))


@bp.route("/files/opening", methods=("POST",))
@requires("finance.opening.post")
def take_opening() -> BaseResponse:
    """Posts the opening balances of a file, or takes those that stand back."""
    if request.form.get("storno") == "1":
        return redirect(url_for("biz.finance-entry-show", key=opening.storno(session()).id), 303)
    day = Date("date", _("Date")).read(request.form.get("date", ""), "date", {})
    entry = opening.import_list(session(), day, _text())
    return redirect(url_for("biz.finance-entry-show", key=entry.id), 303)


@bp.route("/files/bank", methods=("POST",))
@requires("finance.bank.import")
def take_bank() -> BaseResponse:
    """Takes a bank's list in."""
    return _taken(bank.import_list(session(), request.form.get("account", ""), _text()))


@bp.route("/chart.csv")
@requires("finance.entry.view")
def chart() -> Response:
    """The chart of accounts as the CSV that can be taken in."""
    return _file("chart.csv", "text/csv", ("\ufeff" + "".join(accounts.export_chart())).encode())


@bp.route("/pack/<key>")
@requires("finance.report.view")
def accountants_pack(key: str) -> Response:
    """The accountant's pack of a month (202611)."""
    content = io.BytesIO()
    pack.write(content, PERIOD.read(key, "period", {}), company.read()["name"])
    return _file(f"pack-{key}.zip", "application/zip", content.getvalue())


def _taken(count: int) -> BaseResponse:
    return redirect(url_for("finance.files", done=count), 303)


def _text() -> str:
    sent: Any = request.files.get("file")
    if sent is None or not sent.filename:
        raise refuse("file", "is missing", "Choose a file.")
    return csvfile.decode(sent.read())


def _file(name: str, kind: str, content: bytes) -> Response:
    return Response(content, mimetype=kind, headers={"Content-Disposition": f"attachment; filename={name}"})
