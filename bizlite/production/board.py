"""The office's pages beside the documents: progress, loading as a Gantt picture, piece-rate pay."""

from __future__ import annotations

import datetime
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for

from bizlite.core import exact
from bizlite.finance import ledger
from bizlite.production import cards, gantt, loading, pay, prints, progress, scrap
from bizlite.production.fields import product_quantity
from bizlite.production.models import Centre, Order
from bizlite.stock.fields import units
from bizlite.stock.models import Item
from bizlite.web import tables
from bizlite.web.addresses import address
from bizlite.web.fields import Choice, Date, Money, Quantity
from bizlite.web.guard import requires, session, today
from bizlite.web.resource import find
from bizlite.web.texts import language
from bizlite.web.texts import marked as _

BY = {"cause": _("by cause"), "item": _("by item"), "centre": _("by work centre"), "worker": _("by person")}
SCRAP = (
    Choice("by", _("Figures"), choices=BY, default="cause"),
    Date("first", _("From"), default=lambda: today().replace(day=1)), Date("last", _("Until"), default=today),
)  # fmt: skip
AMOUNT = Quantity(
    "amount", "", scale=lambda values: int(values["scale"]), unit=lambda values: units().get(values["unit"], "")
)


def register(bp: Blueprint) -> None:
    """Gives these pages their addresses."""
    for rule, view, permission in (
        ("/board", board, "production.view"),
        ("/gantt", picture, "production.view"),
        ("/pay", paid, "production.pay.view"),
        ("/scrap", scrapped, "production.view"),
    ):
        bp.add_url_rule(rule, view.__name__, requires(permission)(view))
    bp.add_app_template_global(prints.job_cards)


def board() -> str:
    """How things stand now, by order, work centre and person."""
    names = {centre.id: centre for centre in Centre.select()}
    centres = [(names[centre], states) for centre, states in sorted(progress.by_centre().items())]
    return render_template(
        "production/board.html", orders=progress.by_order(session()), centres=centres,
        people=progress.by_person(session(), today()), yields=_yields(), pieces=_pieces,
        amount=lambda value, line: AMOUNT.shown(value, {"scale": line.scale, "unit": line.unit}),
        order_page=lambda row: address(find("production.order"), "show", key=row.id),
        card_page=lambda row: url_for("production.card", token=cards.token(row.id)),
    )  # fmt: skip


def picture() -> str:
    """What every machine does, and when."""
    plan = loading.load(session())
    return render_template("production/gantt.html", svg=gantt.svg(plan), lost=gantt.without_time(plan))


def paid() -> str:
    """Piece-rate pay of a span of days, by default of this month."""
    first, last = _day("first", today().replace(day=1)), _day("last", today())
    people: dict[int, dict[str, Any]] = {}
    for line in pay.list_(first, last):
        person = people.setdefault(line.worker, {"name": f"{line.name} ({line.code})", "lines": [], "amount": 0})
        person["lines"].append(line)
        person["amount"] += line.amount
    total = sum(person["amount"] for person in people.values())
    money = Money("amount", "")
    return render_template(
        "production/pay.html", people=people, total=total, first=first, last=last,
        money=lambda fen: money.shown(fen, {}), shown=lambda line: exact.show(line.quantity, line.scale),
    )  # fmt: skip


def scrapped() -> Response | str:
    """What was scrapped, by cause; by default of this month."""
    asked = tables.read(SCRAP)
    tables.check_order(asked, "first", "last")
    made = scrap.table(asked["by"], asked["first"], asked["last"], language())
    return tables.page(_("Scrap by cause"), [made], SCRAP)


def _yields() -> list[tuple[Item, progress.Yield]]:
    return [(Item.get_by_id(line.item), line) for line in progress.first_pass(today().replace(day=1), today())]


def _pieces(quantity: int, order: Order) -> str:
    return product_quantity().shown(quantity, {"order": order.id})


def _day(name: str, default: datetime.date) -> datetime.date:
    text = request.args.get(name, "")
    return ledger.check_date(Date(name, "").read(text, name, {}), name) if text else default
