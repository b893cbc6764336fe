"""One sales order of the demo and all that follows from it: bought, made, delivered, invoiced and paid for."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from bizlite.demo.facts import CUSTOMERS, MADE, SUPPLIERS, scale
from bizlite.finance import payments
from bizlite.finance.models import Open
from bizlite.purchasing import invoices as bills
from bizlite.purchasing import lines as buying
from bizlite.purchasing import orders as purchases
from bizlite.purchasing import receipts
from bizlite.quality import inspections, plans
from bizlite.sales import deliveries, invoices, lines, orders, returns
from bizlite.sales.models import Delivery, DeliveryLine

if TYPE_CHECKING:
    from bizlite.demo.weeks import Weeks

ONE_DAY = datetime.timedelta(days=1)
SIDES = ("claim", "cover")
LATE_PAYER, LATE_DAYS = "C03", 21
IN_TWO_PARTS, COMES_BACK, STUCK = 3, 4, 8  # numbers of orders
STUCK_DAYS = 21
WANTED_DAYS = 16


class Sale:
    """One sales order and all that follows from it."""

    def __init__(self, weeks: Weeks, number: int, customer: str, wanted: dict[str, int]) -> None:
        self.weeks, self.number, self.customer, self.wanted = weeks, number, customer, wanted
        self.session, self.clock, self.ids = weeks.session, weeks.clock, weeks.ids
        self.order = 0
        self.purchases: dict[str, int] = {}

    def plan(self, day: datetime.date) -> None:
        """From the order, which comes on ``day``, to the money."""
        weeks = self.weeks
        day = weeks.at(day, 9, lambda: self.confirm(day))
        made = max(self.make(item, pieces, day, 0) for item, pieces in self.wanted.items())
        parts = 2 if self.number == IN_TWO_PARTS else 1
        for part in range(parts):
            goes = weeks.at(
                made + datetime.timedelta(days=1 + 4 * part), 10, lambda part=part: self.deliver(parts, part)
            )
            weeks.at(goes, 11, self.invoice)
            due = CUSTOMERS[self.customer][1] + (LATE_DAYS if self.customer == LATE_PAYER else 0)
            weeks.at(goes + datetime.timedelta(days=due), 15, self.get_paid)
        if self.number == COMES_BACK:
            weeks.at(made + datetime.timedelta(days=6), 14, self.take_back)

    def make(self, item: str, pieces: int, day: datetime.date, depth: int) -> datetime.date:
        """Plans that pieces are made, and what they are made of is made or bought; gives the day they are there."""
        needs = {part: amount * pieces for part, amount in MADE[item][4].items()}
        ready = [self.make(part, amount, day, depth + 1) for part, amount in needs.items() if part in MADE]
        ready += [self.buy({p: n for p, n in needs.items() if p in sold}, supplier, day)
                  for supplier, (*_, sold) in SUPPLIERS.items() if set(sold) & set(needs)]  # fmt: skip
        start = max(ready) + ONE_DAY
        key = f"{self.number} {item}"
        weeks, shop = self.weeks, self.weeks.shop
        start = weeks.at(start, 8, lambda: shop.release(key, item, pieces, self.order if depth == 0 else 0))
        for step in range(len(MADE[item][5])):
            delay = STUCK_DAYS if self.number == STUCK and step == len(MADE[item][5]) - 1 else 1
            start = weeks.at(start + ONE_DAY * delay, 8, lambda step=step: shop.work(key, step))
        return weeks.at(start, 17, lambda: shop.receive(key))

    def buy(self, needs: dict[str, int], supplier: str, day: datetime.date) -> datetime.date:
        weeks = self.weeks
        key = f"{supplier} {' '.join(needs)}"
        _name, days, lead, _sold = SUPPLIERS[supplier]
        weeks.at(day, 11, lambda: self.order_goods(key, supplier, needs))
        came = weeks.at(day + datetime.timedelta(days=lead), 14, lambda: self.receive_goods(key))
        billed = weeks.at(came + datetime.timedelta(days=3), 10, lambda: self.take_bill(key))
        weeks.at(billed + datetime.timedelta(days=days), 15, lambda: self.pay(supplier))
        return came

    # --- what happens on its day
    def confirm(self, _day: datetime.date) -> None:
        asked = [lines.Wanted(item=self.ids[item], quantity=pieces) for item, pieces in self.wanted.items()]
        wanted = self.clock.day + datetime.timedelta(days=WANTED_DAYS)
        row = orders.draft(self.session, self.ids[self.customer], self.clock.day, asked, wanted=wanted)
        self.order = orders.confirm(self.session, row.id).id

    def order_goods(self, key: str, supplier: str, needs: dict[str, int]) -> None:
        asked = []
        for part, amount in needs.items():
            unit = scale(part)
            asked.append(buying.Wanted(item=self.ids[part], quantity=-(-amount * 105 // (100 * unit)) * unit))
        row = purchases.draft(self.session, self.ids[supplier], self.clock.day, asked)
        self.purchases[key] = purchases.send(self.session, row.id).id

    def receive_goods(self, key: str) -> None:
        order = self.purchases[key]
        for progress in purchases.progress_of(order):
            line = progress.line
            if line.item_id == self.ids["S45-60"]:
                (look,) = plans.characteristics(self.ids["Q-S45"])
                read = [inspections.Read(characteristic=look.id, piece=1, value=1)]
                source = (purchases.KIND, order, line.id)
                inspections.post(self.session, self.ids["Q-S45"], source, line.quantity, read)
        receipts.post(self.session, order, self.clock.day, their_number=f"SH{order:05}")

    def take_bill(self, key: str) -> None:
        bills.post(self.session, self.purchases[key], self.clock.day, f"{2_400_000 + self.purchases[key]}")

    def pay(self, supplier: str) -> None:
        self.settle("out", supplier)

    def deliver(self, parts: int, part: int) -> None:
        picks = None
        if part < parts - 1:
            open_ = [(row.line_id, row.open // parts) for row in orders.progress_of(self.order)]
            picks = [deliveries.Pick(line=line, quantity=quantity) for line, quantity in open_]
        deliveries.post(self.session, self.order, self.clock.day, picks)

    def invoice(self) -> None:
        invoices.post(self.session, self.order, self.clock.day)

    def take_back(self) -> None:
        line = DeliveryLine.select().join(Delivery).where(Delivery.order == self.order).get()
        text = ("两件有划痕", "two are scratched")[self.weeks.n]
        returns.post(
            self.session, line.delivery_id, self.clock.day, [returns.Back(line=line.id, quantity=2)], text=text
        )

    def get_paid(self) -> None:
        self.settle("in", self.customer)

    def settle(self, kind: str, party: str) -> None:
        """Pays what is due, to the fen."""
        ledger = payments.LEDGERS[kind]
        own = (Open.party == self.ids[party]) & (Open.ledger == ledger) & (Open.due <= self.clock.day)
        claims, covers = (sum(row.rest for row in Open.select().where(own & (Open.side == side))) for side in SIDES)
        if claims > covers:
            payments.post(self.session, kind, self.ids[party], self.clock.day, claims - covers)
