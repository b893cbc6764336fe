"""The workshop of the world: orders, reports at their cards in any order, materials, receipts, inspections."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from typing import TypeVar

from bizlite.core import errors, store
from bizlite.core.database import write
from bizlite.core.models import Setting
from bizlite.core.session import Session
from bizlite.production import (
    boms,
    cards,
    centres,
    costs,
    counting,
    loading,
    materials,
    orders,
    output,
    reports,
    routings,
    workers,
)
from bizlite.production.models import Card, Order, Output, Report
from bizlite.quality import inspections, nonconformities, plans
from bizlite.quality.models import Inspection, Nonconformity
from bizlite.stock import items, transfers
from bizlite.stock.models import Transfer

FIRST = datetime.date(2025, 11, 10)  # so that a year ends within the hundred days of a history
T = TypeVar("T")
Operation = Callable[[int, int, int], object]


class Shop:
    """Two products: one of a bought part and, by a phantom, of another; one of lots, with an inspection."""

    def __init__(self, session: Session) -> None:
        self.session = session
        with write():  # the same tokens on both databases
            store.append(Setting, [{"name": cards.SECRET, "value": json.dumps("00")}])
        part = items.add_item(session, "PART", "bought part", account="1403").id
        lots = items.add_item(session, "RAW", "raw in lots", unit="kg", account="1403", has_lots=True).id
        self.lots = [items.add_lot(session, lots, code).id for code in ("R1", "R2")]
        phantom = items.add_item(session, "PH", "phantom").id
        self.products = [items.add_item(session, code, code).id for code in ("MADE", "SIMPLE")]
        centre = centres.add(session, "C", "centre", machines=2).id
        steps = [routings.Step(code=f"op{n}", name="x", centre=centre, run_ms=60_000, rate=333_333) for n in range(3)]
        for item, count in zip(self.products, (3, 1), strict=True):
            routings.release(session, routings.draft(session, item, "A", steps[:count], date=FIRST).id, 1)
        inner = [boms.Component(item=lots, quantity=3, scrap=1500)]
        parts = [boms.Component(item=part, quantity=2), boms.Component(item=phantom, quantity=1, is_phantom=True)]
        by_hand = [boms.Component(item=lots, quantity=1), boms.Component(item=part, quantity=1, is_backflushed=False)]
        for item, components in ((phantom, inner), (self.products[0], parts), (self.products[1], by_hand)):
            boms.release(session, boms.draft(session, item, "A", 2, components, date=FIRST).id, 1)
        look = [plans.Look(name="length", low=0, high=150)]
        self.plan = plans.add(session, "Q", "q", "operation", self.products[1], look, operation="op0", sample=2)
        self.workers = [workers.add(session, code, code).id for code in ("W1", "W2")]
        self.bought = [(part, 0), *((lots, lot) for lot in self.lots)]

    def operations(self) -> list[Operation]:
        return [
            self.buy, self.buy, self.order, self.order, *[self.report] * 8, self.finish, self.finish, self.undo,
            self.undo, self.issue, self.issue_storno, *[self.receive] * 3, self.receipt_storno, self.close, self.close,
            self.cancel, self.settle, self.inspect, self.accept, self.nonconformity, self.whole, self.whole,
            *[self.complete] * 3,
        ]  # fmt: skip

    def buy(self, a: int, b: int, c: int) -> Transfer:
        item, lot = self.bought[a % len(self.bought)]
        line = transfers.Line(item=item, lot=lot, quantity=b + 20, source=2, target=1, value=b * 13)
        return transfers.post(self.session, "receipt", day(c), [line])

    def order(self, a: int, b: int, c: int) -> Order:
        item = self.products[a % 2]
        row = orders.draft(self.session, item, b % 12 + 1, day(c), date=FIRST, batch_size=a % 7 + 1, priority=c % 9 + 1)
        return orders.release(self.session, row.id, row.version)

    def card(self, a: int) -> Card:
        """One of the orders in work, now and then of an ended one."""
        own = Card.select().where(Card.order << orders.in_work()[-6:]) if a % 9 else Card.select()
        return pick(list(own.order_by(Card.id)), a)

    def report(self, a: int, b: int, c: int) -> Report:
        """Of any card, whatever the cards before it have reported."""
        card = self.card(a)
        kind = ("good", "good", "good", "scrap", "rework", "start", "cut")[b % 7]
        quantity = 0 if kind == "start" else c % 4 + 1
        worker = self.workers[b % 2]
        time = self.session.now_ms() - c * 60_000
        return reports.report(self.session, card.id, kind, worker, quantity, cause="why", reported_ms=time)

    def finish(self, a: int, b: int, c: int) -> Report:
        """Mostly one that can be finished."""
        card = self.card(a)
        left = counting.open_pieces(card.id)
        if c % 4 and left > 0:
            reports.report(self.session, card.id, "good", self.workers[c % 2], left)
        return reports.report(self.session, card.id, "finish", self.workers[b % 2])

    def undo(self, a: int, b: int, c: int) -> Report:
        own = Report.select().join(Card).where(Card.order << orders.in_work())
        report = pick(list(own.order_by(Report.id.desc()).limit(20)), a)
        return reports.storno(self.session, report.card_id, report.id, self.workers[b % 2])

    def issue(self, a: int, b: int, c: int) -> Transfer:
        order = pick(orders.in_work(), a)
        return materials.issue(self.session, order.id, b % 2 + 1, c % 8 + 1, date=day(c))

    def issue_storno(self, a: int, b: int, c: int) -> Transfer:
        mine = Transfer.select().where((Transfer.source_kind == orders.KIND) & (Transfer.kind == "issue"))
        paper = pick(list(mine.order_by(Transfer.id)), a)
        return materials.storno(self.session, paper.source_id, paper.number or "")

    def receive(self, a: int, b: int, c: int) -> Output:
        order = pick([row for row in orders.in_work() if cards.output(row.id) > orders.received(row.id)], a)
        left = cards.output(order.id) - orders.received(order.id)
        return output.receive(self.session, order.id, left - b % 2 if left > 1 else left, date=day(c))

    def receipt_storno(self, a: int, b: int, c: int) -> Output:
        own = Output.select().where(Output.order << orders.in_work())
        return output.storno(self.session, pick(list(own.order_by(Output.id)), a).id)

    def close(self, a: int, b: int, c: int) -> Order:
        return self.closed(pick(orders.in_work(), a))

    def cancel(self, a: int, b: int, c: int) -> Order:
        return orders.cancel(self.session, pick(orders.in_work(), a).id)

    def settle(self, a: int, b: int, c: int) -> Order:
        order = orders.settle(self.session, pick(list(Order.select().order_by(Order.id)), a).id)
        assert costs.in_progress(order) == 0
        return order

    def inspect(self, a: int, b: int, c: int) -> Inspection:
        own = Card.select().join(Order).where((Order.item == self.plan.item_id) & (Order.id << orders.in_work()))
        card = pick(list(own.order_by(Card.id.desc())), a)
        quantity = max(1, cards.tally(card.id).good)
        (look,) = plans.characteristics(self.plan.id)
        reads = [inspections.Read(characteristic=look.id, piece=n, value=c) for n in range(1, min(2, quantity) + 1)]
        return inspections.post(self.session, self.plan.id, ("production_card", card.id, 0), quantity, reads)

    def accept(self, a: int, b: int, c: int) -> Inspection:
        return inspections.accept(self.session, pick(list(Inspection.select().order_by(Inspection.id)), a).id, "why")

    def nonconformity(self, a: int, b: int, c: int) -> Nonconformity:
        row = nonconformities.open_(self.session, self.products[0], b + 1, "scratched")
        nonconformities.act(self.session, row.id, "polish", "Li", self.session.today())
        return nonconformities.close(self.session, row.id, "dull tool") if c % 2 else row

    def complete(self, a: int, b: int, c: int) -> Order:
        """Whatever was reported, scrapped and taken back before: the rest of an order is made, received and closed."""
        order = pick(orders.in_work(), a)
        for n in range(3):
            self.buy(n, 100, c)
        for done in (False, True):
            for card in cards.of_order(order.id):
                left = counting.open_pieces(card.id)
                if left > 0:
                    reports.report(self.session, card.id, "good", self.workers[0], left)
                if done and not cards.is_done(card):
                    self.pass_(order, card)
                    reports.report(self.session, card.id, "finish", self.workers[1])
        if cards.output(order.id) > orders.received(order.id):
            output.receive(self.session, order.id, cards.output(order.id) - orders.received(order.id), date=day(b))
        return self.closed(order)

    def whole(self, a: int, b: int, c: int) -> Order:
        """A small order from release to closing, its last reports coming first."""
        if a % 4:
            raise errors.refuse("row", "not each time")
        for n in range(3):
            self.buy(n, 30, c)
        order = self.order(a, b, c)
        own = cards.of_order(order.id)
        for card in reversed(own):
            reports.report(self.session, card.id, "good", self.workers[0], card.quantity)
        for card in own:
            self.pass_(order, card)
        for card in reversed(own):
            reports.report(self.session, card.id, "finish", self.workers[1])
        assert not any(counting.waiting(card.id) for card in own)
        assert cards.output(order.id) == order.quantity
        assert not [slot for slot in loading.load(self.session).slots if slot.job.order == order.id]
        output.receive(self.session, order.id, order.quantity, date=day(c))
        return self.closed(order)

    def pass_(self, order: Order, card: Card) -> None:
        """A good inspection of all that a card made, where its product has a plan."""
        quantity = cards.tally(card.id).good
        if order.item_id == self.plan.item_id and quantity:
            (look,) = plans.characteristics(self.plan.id)
            reads = [inspections.Read(characteristic=look.id, piece=n, value=9) for n in (1, 2)[:quantity]]
            inspections.post(self.session, self.plan.id, ("production_card", card.id, 0), quantity, reads)

    def closed(self, order: Order) -> Order:
        orders.close(self.session, order.id)
        assert costs.in_progress(order) == 0
        return order


def day(c: int) -> datetime.date:
    return FIRST + datetime.timedelta(days=c % 100)


def pick(rows: list[T], a: int) -> T:
    if not rows:
        raise errors.refuse("row", "there is none yet")
    return rows[a % len(rows)]
