"""The demo's workshop: work orders with their cards as the workers report them, inspections, what went wrong."""

from __future__ import annotations

import datetime

from bizlite.core.session import Session
from bizlite.demo.clock import Clock
from bizlite.demo.facts import CAUSES, MADE, WORKERS
from bizlite.production import cards, orders, output, reports
from bizlite.production.models import Card, Order
from bizlite.quality import inspections, nonconformities, plans
from bizlite.sales import orders as sales

SCRAP_EVERY = 3  # work orders lose two pieces
SCRAPPED = 2
GROUND_MM = (19_992, 19_988, 19_995, 20_003)  # what the diameters are, in turn; the last is too thick


class Shop:
    """Work orders by the keys of whoever plans them."""

    def __init__(self, session: Session, clock: Clock, ids: dict[str, int], language: int) -> None:
        self.session, self.clock, self.ids, self.n = session, clock, ids, language
        self.orders: dict[str, int] = {}
        self.lost: dict[str, int] = {}
        self.inspected = 0

    def release(self, key: str, item: str, pieces: int, sales_order: int) -> None:
        """Releases a work order, with what will be scrapped on top."""
        more = SCRAPPED if len(self.orders) % SCRAP_EVERY == 0 and len(MADE[item][5]) > 1 else 0
        due = self.clock.day + datetime.timedelta(days=7)
        source = self.line_of(sales_order, item) if sales_order else ("", 0, 0)
        row = orders.draft(self.session, self.ids[item], pieces + more, due, date=self.clock.day, source=source)
        orders.release(self.session, row.id, row.version)
        self.orders[key], self.lost[key] = row.id, more

    def line_of(self, sales_order: int, item: str) -> tuple[str, int, int]:
        rows = [row.line for row in sales.progress_of(sales_order)]
        return sales.KIND, sales_order, next(line.id for line in rows if line.item_id == self.ids[item])

    def work(self, key: str, step: int) -> None:
        """A day at a card: begun, reported, finished."""
        order = Order.get_by_id(self.orders[key])
        card = cards.of_order(order.id)[step]
        who = self.ids[WORKERS[(order.id + step) % len(WORKERS)][0]]
        pieces = int(cards.tally(card.id).received)
        self.report(card, "start", who, 0, 8)
        lost = self.lost[key] if step == 0 else 0
        if lost:
            self.report(card, "scrap", who, lost, 14, CAUSES[0][self.n])
        self.report(card, "good", who, pieces - lost, 16)
        self.inspect(card, pieces - lost)
        self.report(card, "finish", who, 0, 17)

    def report(self, card: Card, kind: str, worker: int, quantity: int, hour: int, cause: str = "") -> None:
        self.clock.at(hour, card.id % 50)
        reports.report(self.session, card.id, kind, worker, quantity, cause=cause)

    def inspect(self, card: Card, pieces: int) -> None:
        """Where a plan asks for it; what failed is accepted as it is."""
        plan = plans.active("operation", card.order.item_id, card.operation.code)
        if plan is None:
            return
        diameter, scratches = plans.characteristics(plan.id)
        readings = []
        for piece in range(1, plan.sample + 1):
            value = GROUND_MM[self.inspected % len(GROUND_MM)]
            self.inspected += 1
            readings += [
                inspections.Read(characteristic=diameter.id, piece=piece, value=value),
                inspections.Read(characteristic=scratches.id, piece=piece, value=1),
            ]  # fmt: skip
        found = inspections.post(self.session, plan.id, ("production_card", card.id, 0), pieces, readings)
        if found.verdict == "fail":
            reason = ("按客户装配要求可用", "fits at the customer's")[self.n]
            inspections.accept(self.session, found.id, reason)

    def receive(self, key: str) -> None:
        """Puts what is good into the store and closes the order."""
        order = self.orders[key]
        output.receive(self.session, order, cards.output(order), date=self.clock.day)
        orders.close(self.session, order)

    def complain(self, today: datetime.date) -> None:
        """A nonconformity that somebody works on."""
        text = ("磨削面有振纹", "chatter marks on the ground seat")[self.n]
        row = nonconformities.open_(self.session, self.ids["SH-100"], 4, text, date=self.clock.day)
        action, who = ("更换砂轮并复检", "new grinding wheel, inspect again"), WORKERS[3][1]
        nonconformities.act(
            self.session, row.id, action[self.n], who[self.n], today + datetime.timedelta(days=3)
        )  # fmt: skip
