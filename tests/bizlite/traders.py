"""Operations of sales and purchasing for a random history; see world.py."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from bizlite.core import errors
from bizlite.finance.models import Invoice
from bizlite.purchasing import invoices as bills
from bizlite.purchasing import lines as buying
from bizlite.purchasing import orders as purchases
from bizlite.purchasing import receipts, requests, suggestions, suppliers
from bizlite.purchasing import returns as sent_back
from bizlite.purchasing.models import Order as Purchase
from bizlite.purchasing.models import Progress as Expected
from bizlite.purchasing.models import Receipt, Received, Refusal
from bizlite.purchasing.models import Return as SentBack
from bizlite.sales import deliveries, invoices, lines, orders, quotations, returns
from bizlite.sales.models import Delivered, Delivery, Order, OrderLine, Progress, Return
from bizlite.stock.models import Item, Reservation
from tests.bizlite import invariants

if TYPE_CHECKING:
    from tests.bizlite.world import World

T = TypeVar("T")
YUAN = 1_000_000


class Traders:
    def __init__(self, world: World) -> None:
        self.session, self.customer, self.supplier = world.session, world.customer.id, world.supplier.id
        self.items = sorted({item for item, _ in world.spots})
        for number, item in enumerate(self.items):
            suppliers.add(
                self.session, self.supplier, item, (number + 1) * 777_777, tolerance=number * 2500, multiple=number + 1
            )

    def operations(self) -> list[Callable[[int, int, int], object]]:
        """As often as they are to happen."""
        return [
            self.sell, self.sell, self.deliver, self.deliver, self.deliver, self.deliver, self.undeliver,
            self.take_back, self.take_back, self.untake, self.invoice, self.invoice, self.credit, self.cancel_sale,
            self.reserve, self.undone, self.undone, self.buy, self.buy, self.receive, self.receive, self.receive,
            self.receive, self.unreceive, self.send_back, self.unsend, self.bill, self.bill, self.allow, self.allow,
            self.cancel_purchase, self.suggest, self.quote, self.request, self.request,
        ]  # fmt: skip

    # --- sales
    def sell(self, a: int, b: int, c: int) -> Order:
        wanted = [
            lines.Wanted(item=self.items[(a + n) % 3], quantity=(b + n) % 9 + 1, price=c * 333_333, discount=b * 13)
            for n in range(a % 2 + 1)
        ]
        draft = orders.draft(
            self.session,
            self.customer,
            day(c % 30),
            wanted,
            is_gross=bool(a % 3),
            wanted=day(c + b) if c + b < 100 else None,
        )
        return orders.confirm(self.session, draft.id)

    def deliver(self, a: int, b: int, c: int) -> Delivery:
        left = Progress.select().order_by(Progress.line)
        row = pick([row for row in left if row.open], a)
        if b % 4 == 0:
            return deliveries.post(self.session, row.line.order_id, day(20 + c % 60))
        picks = [deliveries.Pick(line=row.line_id, quantity=min(row.open, b % 5 + 1))]
        return deliveries.post(self.session, row.line.order_id, day(20 + c % 60), picks)

    def undeliver(self, a: int, b: int, c: int) -> Delivery:
        return deliveries.storno(self.session, pick(Delivery.select().order_by(Delivery.id), a).id)

    def take_back(self, a: int, b: int, c: int) -> Return:
        left = Delivered.select().where(Delivered.quantity > Delivered.returned).order_by(Delivered.line)
        line = pick(left, a).line
        back = [returns.Back(line=line.id, quantity=b % 4 + 1)]
        return returns.post(self.session, line.delivery_id, day(40 + c % 60), back)

    def untake(self, a: int, b: int, c: int) -> Return:
        return returns.storno(self.session, pick(Return.select().order_by(Return.id), a).id)

    def invoice(self, a: int, b: int, c: int) -> Invoice:
        order = pick(Order.select().order_by(Order.id), a)
        return invoices.post(self.session, order.id, day(60 + c % 40), all_orders=bool(b % 3))

    def credit(self, a: int, b: int, c: int) -> Invoice:
        row = pick(Invoice.select().where(Invoice.source_kind != "").order_by(Invoice.id), a)
        module = invoices if row.kind.startswith("sale") else bills
        return module.credit(self.session, row.id, day(70 + c % 30))

    def cancel_sale(self, a: int, b: int, c: int) -> Order:
        """Invariant 8: it releases its own, and nothing else."""
        order = pick(Order.select().order_by(Order.id), a)
        line = pick(OrderLine.select().where(OrderLine.order == order).order_by(OrderLine.id), b)
        others = Reservation.select().where(
            (Reservation.source_kind != "sales_order") | (Reservation.source_id != order.id)
        )
        before = list(others.order_by(Reservation.id).tuples())
        done = orders.cancel(self.session, order.id, "random", lines=None if b % 3 else [(line.id, b % 4 + 1)])
        assert list(others.order_by(Reservation.id).tuples()) == before
        return done

    def reserve(self, a: int, b: int, c: int) -> Order:
        return orders.reserve(self.session, pick(Order.select().order_by(Order.id), a).id)

    def quote(self, a: int, b: int, c: int) -> Order:
        """An offer, now and then a second version of it, and the order as it was offered."""
        wanted = [lines.Wanted(item=self.items[a % 3], quantity=b % 9 + 1, price=c * 333_333, discount=b * 13)]
        first, last = day(c % 30), day(c % 30 + b % 30)
        draft = quotations.draft(self.session, self.customer, first, last, wanted, is_gross=bool(a % 2))
        sent = quotations.send(self.session, draft.id)
        if a % 3 == 0:
            sent = quotations.send(self.session, quotations.revise(self.session, sent.id, first, last).id)
        return orders.confirm(self.session, quotations.order(self.session, sent.id, day(c % 30 + a % 20)).id)

    # --- purchasing
    def request(self, a: int, b: int, c: int) -> Purchase | Refusal:
        """Somebody needs two things; one may be refused, else both are ordered."""
        needs = [requests.Need(item=item, quantity=b % 20 + 1, needed=day(20 + c % 60)) for item in self.items[:2]]
        asked = requests.hand_in(self.session, requests.draft(self.session, day(c % 20), needs).id)
        rows = [row.id for row in requests.open_lines() if row.request_id == asked.id]
        if a % 3 == 0:
            return requests.refuse_line(self.session, rows[0], "random")
        return purchases.send(self.session, suggestions.order_requests(self.session, day(c % 20), rows).id)

    def buy(self, a: int, b: int, c: int) -> Purchase:
        wanted = [
            buying.Wanted(item=self.items[(a + n) % 3], quantity=(b + n) % 30 + 1, price=c * 333_333)
            for n in range(a % 2 + 1)
        ]
        draft = purchases.draft(self.session, self.supplier, day(c % 20), wanted, is_gross=bool(a % 3))
        return purchases.send(self.session, draft.id)

    def receive(self, a: int, b: int, c: int) -> Receipt:
        left = Expected.select().order_by(Expected.line)
        line = pick([row for row in left if row.room], a).line
        has_lots = Item.get_by_id(line.item_id).has_lots
        got = receipts.Got(line=line.id, quantity=b % 20 + 1, lot_code=f"L{b % 4}" if has_lots else "")
        return receipts.post(self.session, line.order_id, day(10 + c % 60), [got])

    def unreceive(self, a: int, b: int, c: int) -> Receipt:
        return receipts.storno(self.session, pick(Receipt.select().order_by(Receipt.id), a).id)

    def send_back(self, a: int, b: int, c: int) -> SentBack:
        line = pick(Received.select().where(Received.quantity > Received.returned).order_by(Received.line), a).line
        back = [sent_back.Back(line=line.id, quantity=b % 6 + 1)]
        return sent_back.post(self.session, line.receipt_id, day(40 + c % 60), back)

    def unsend(self, a: int, b: int, c: int) -> SentBack:
        return sent_back.storno(self.session, pick(SentBack.select().order_by(SentBack.id), a).id)

    def bill(self, a: int, b: int, c: int) -> Invoice:
        done = pick([row for row in Received.select().order_by(Received.line) if row.uninvoiced], a)
        order, line = done.line.order_line.order_id, done.line.order_line_id
        match = bills.Match(line=line, quantity=min(done.uninvoiced, b % 12 + 1), price=None if b % 3 else c * 340_000)
        return bills.post(self.session, order, day(60 + c % 40), f"FP {a} {b} {c}", None if b % 4 == 0 else [match])

    def allow(self, a: int, b: int, c: int) -> Invoice:
        """A supplier takes less for goods that stay."""
        which = (Invoice.kind == "purchase") & (Invoice.source_kind != "")
        row = pick(Invoice.select().where(which).order_by(Invoice.id), a)
        return bills.allow(self.session, row.source_id, row.their_number, day(70 + c % 30), b * 29 + 1)

    def cancel_purchase(self, a: int, b: int, c: int) -> Purchase:
        row = pick([row for row in Expected.select().order_by(Expected.line) if row.open], a)
        return purchases.cancel(self.session, row.line.order_id, "random")

    def suggest(self, a: int, b: int, c: int) -> Purchase:
        wanted = [(one.item, one.quantity) for one in suggestions.find(self.session)]
        draft = suggestions.order(self.session, day(c % 20), wanted)
        return purchases.send(self.session, draft.id)

    # --- both
    def undone(self, a: int, b: int, c: int) -> None:
        """Invariant 5: post, then storno, and everything is as it was, on every day."""
        post, storno = (
            (self.deliver, deliveries.storno), (self.take_back, returns.storno), (self.receive, receipts.storno),
            (self.send_back, sent_back.storno),
        )[a % 4]  # fmt: skip
        before: dict[str, Any] = invariants.snapshot()
        document = post(a // 4, b, c)
        storno(self.session, document.id)
        assert invariants.snapshot() == before


def day(c: int) -> datetime.date:
    from tests.bizlite.world import day

    return day(c)


def pick(rows: Any, a: int) -> Any:
    found = list(rows)
    if not found:
        raise errors.refuse("row", "there is none yet")
    return found[a % len(found)]
