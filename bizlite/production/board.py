"""The office's pages beside the documents: progress, loading as a Gantt picture, piece-rate pay."""

from __future__ import annotations

import datetime
from typing import Any

from flask import Blueprint, render_template, request, url_for

from bizlite.core import exact
from bizlite.finance import ledger
from bizlite.production import cards, gantt, loading, pay, prints, progress
from bizlite.production.fields import product_quantity
from bizlite.production.models import Centre, Order
from bizlite.stock.models import Item
from bizlite.web.addresses import address
from bizlite.web.fields import Date, Money
from bizlite.web.guard import requires, session
from bizlite.web.resource import find


def register(bp: Blueprint) -> None:
    """Gives these pages their addresses."""
    for rule, view, permission in (
        ("/board", board, "production.view"),
        ("/gantt", picture, "production.view"),
        ("/pay", paid, "production.pay.view"),
    ):
        bp.add_url_rule(rule, view.__name__, requires(permission)(view))
    bp.add_app_template_global(prints.job_cards)


def board() -> str:
    """How things stand now, by order, work centre and person."""
    names = {centre.id: centre for centre in Centre.select()}
    centres = [(names[centre], states) for centre, states in sorted(progress.by_centre().items())]
    return render_template(
        "production/board.html", orders=progress.by_order(session()), centres=centres,
        people=progress.by_person(session(), session().today()), yields=_yields(), pieces=_pieces,
        order_page=lambda row: address(find("production.order"), "show", key=row.id),
        card_page=lambda row: url_for("production.card", token=cards.token(row.id)),
    )  # fmt: skip


def picture() -> str:
    """What every machine does, and when."""
    plan = loading.load(session())
    return render_template("production/gantt.html", svg=gantt.svg(plan), lost=gantt.without_time(plan))


def paid() -> str:
    """Piece-rate pay of a span of days, by default of this month."""
    today = session().today()
    first, last = _day("first", today.replace(day=1)), _day("last", today)
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


def _yields() -> list[tuple[Item, progress.Yield]]:
    today = session().today()
    return [(Item.get_by_id(line.item), line) for line in progress.first_pass(today.replace(day=1), today)]


def _pieces(quantity: int, order: Order) -> str:
    return product_quantity().shown(quantity, {"order": order.id})


def _day(name: str, default: datetime.date) -> datetime.date:
    text = request.args.get(name, "")
    return ledger.check_date(Date(name, "").read(text, name, {}), name) if text else default
