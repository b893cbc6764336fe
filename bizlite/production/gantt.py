"""The loading of the work centres as a picture: SVG, drawn here, so that it needs no script and prints."""

from __future__ import annotations

import datetime

from markupsafe import Markup

from bizlite.production import loading
from bizlite.production.models import Card, Centre, Order
from bizlite.web.addresses import address
from bizlite.web.resource import find

ROW, BAR, LEFT, DAY_WIDTH = 34, 24, 130, 240
FEWEST_DAYS, MOST_DAYS = 5, 60
HUES = 8  # the style sheet's


def svg(plan: loading.Plan) -> Markup:
    """The picture; each order has a colour, each bar leads to its job card."""
    slots = [slot for slot in plan.slots if slot.start and slot.end]
    first = datetime.datetime.combine(plan.now.date(), datetime.time())
    last = max((slot.end for slot in slots if slot.end), default=first)
    days = min(max((last - first).days + 1, FEWEST_DAYS), MOST_DAYS)
    rows = [(centre, machine) for centre in _centres() for machine in range(centre.machines)]
    width, height = LEFT + days * DAY_WIDTH, (len(rows) + 1) * ROW
    parts = [_grid(first, days, height), *(_name(n, *row) for n, row in enumerate(rows))]
    numbers = {(centre.id, machine): n for n, (centre, machine) in enumerate(rows)}
    orders = {order.id: order for order in Order.select().where(Order.id << [slot.job.order for slot in slots])}
    cards = {card.id: card for card in Card.select().where(Card.id << [slot.job.card for slot in slots])}
    for slot in slots:
        row = numbers.get((slot.job.centre, slot.machine))
        if row is not None and slot.start is not None and slot.start < first + datetime.timedelta(days=days):
            parts.append(_bar(slot, row, first, orders[slot.job.order], cards[slot.job.card], width))
    parts.append(_line(first, plan.now, height))
    return Markup('<svg class="gantt" role="img" width="%d" height="%d" viewBox="0 0 %d %d">%s</svg>') % (
        width, height, width, height, Markup("").join(parts),
    )  # fmt: skip


def without_time(plan: loading.Plan) -> list[Card]:
    """Cards for which no machine ever has time: their work centre is never open."""
    return [Card.get_by_id(slot.job.card) for slot in plan.slots if slot.start is None]


def _centres() -> list[Centre]:
    return list(Centre.select().where(Centre.is_active).order_by(Centre.code))


def _x(first: datetime.datetime, moment: datetime.datetime) -> float:
    return LEFT + (moment - first).total_seconds() / 86_400 * DAY_WIDTH


def _grid(first: datetime.datetime, days: int, height: int) -> Markup:
    parts = []
    for n in range(days):
        day = first + datetime.timedelta(days=n)
        x = LEFT + n * DAY_WIDTH
        parts.append(
            Markup('<line class="day" x1="%d" y1="0" x2="%d" y2="%d"/><text x="%d" y="20">%s</text>')
            % (x, x, height, x + 6, f"{day:%m-%d}")
        )
    return Markup("").join(parts)


def _name(row: int, centre: Centre, machine: int) -> Markup:
    words = centre.name if centre.machines == 1 else f"{centre.name} {machine + 1}"
    return Markup('<text x="4" y="%d">%s</text>') % ((row + 1) * ROW + 20, words[:16])


def _bar(slot: loading.Slot, row: int, first: datetime.datetime, order: Order, card: Card, width: int) -> Markup:
    assert slot.start is not None  # the caller left out those without a time
    assert slot.end is not None
    x = _x(first, slot.start)
    end = min(_x(first, slot.end), width)
    late = " late" if slot.end.date() > order.due else ""
    title = f"{card.code} · {slot.start:%m-%d %H:%M} – {slot.end:%m-%d %H:%M}"
    href = address(find("production.card"), "show", key=card.id)
    return Markup(
        '<a href="%s"><rect class="hue%d%s" x="%.1f" y="%d" width="%.1f" height="%d" rx="4"><title>%s</title></rect>'
        "</a>"
    ) % (href, order.id % HUES, late, x, (row + 1) * ROW + 4, max(end - x, 2.0), BAR, title)


def _line(first: datetime.datetime, now: datetime.datetime, height: int) -> Markup:
    x = _x(first, now)
    return Markup('<line class="now" x1="%.1f" y1="0" x2="%.1f" y2="%d"/>') % (x, x, height)
