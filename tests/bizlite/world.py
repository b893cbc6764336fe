"""A company that lives through operations said in small numbers: the same log does the same on every database.

A number picks among what is there by its remainder, so that every log is a valid one; what the rules refuse changes
nothing. A database error is a bug: the rules must have refused before.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable

from bizlite.core import company, errors
from bizlite.core.database import write
from bizlite.core.models import Setting
from bizlite.core.session import Session
from bizlite.finance import (
    accounts,
    allowances,
    bank,
    forecast,
    invoices,
    ledger,
    matching,
    opening,
    parties,
    payments,
    periods,
)
from bizlite.finance.models import Allocation, BankLine, Entry, Invoice, Payment
from bizlite.stock import counting, items, reservations, transfers
from bizlite.stock.models import NO_LOT, Item, Move, Transfer
from tests.bizlite import invariants
from tests.bizlite.shop import Shop, day, pick
from tests.bizlite.traders import Traders

Operation = tuple[int, int, int, int]


def clock() -> datetime.datetime:
    """The same moment always, so that two databases get the same rows."""
    return datetime.datetime(2026, 4, 30, 4, tzinfo=datetime.UTC)


class World:
    """Customers, a store and, in ``shop``, machines."""

    def __init__(self) -> None:
        self.session = self.session_of()
        plain = items.add_item(self.session, "P", "plain")
        lots = items.add_item(self.session, "L", "with lots", unit="kg", account="1403", has_lots=True)
        negative = items.add_item(self.session, "N", "may be negative", may_be_negative=True)
        self.spots = [(plain.id, NO_LOT), (negative.id, NO_LOT)]
        self.spots += [(lots.id, items.add_lot(self.session, lots.id, code).id) for code in ("L1", "L2")]
        second = items.add_location(self.session, "SECOND", "副仓库", "Second store")
        self.stores = [items.place("MAIN"), second.id]
        self.outside = {code: items.place(code) for code in ("SUPPLIER", "CUSTOMER", "PRODUCTION", "LOSS")}
        self.customer = parties.add(self.session, "C", "customer", is_customer=True)
        self.supplier = parties.add(self.session, "S", "supplier", is_supplier=True)
        self.reserved: dict[tuple[str, int, int], int] = {}
        self.refused = self.done = 0
        self.shop = Shop(self.session)
        self.operations: list[Callable[[int, int, int], object]] = [
            self.nothing, self.receive, self.receive, self.receive, self.issue, self.issue, self.issue, self.between,
            self.return_, self.count, self.storno, self.revalue, self.undone, self.reserve, self.release,
            self.deliver_reserved, self.invoice, self.credit, self.allow, self.allow, self.become, self.pay,
            self.pay_back, self.unpay, self.unallocate, self.voucher, self.voucher_storno, self.close, self.draft,
            self.several, self.open_books, self.bank_line, self.cash,
            *self.shop.operations(), *Traders(self).operations(),
        ]  # fmt: skip

    @staticmethod
    def session_of() -> Session:
        return Session(user="hypothesis", rights=frozenset({"*"}), now=clock)

    def apply(self, operation: Operation) -> None:
        which, a, b, c = operation
        try:
            self.operations[which % len(self.operations)](a, b, c)
            self.done += 1
        except errors.Refused:
            self.refused += 1

    # --- stock
    def nothing(self, a: int, b: int, c: int) -> None:
        pass

    def line(self, a: int, b: int, *, out: str = "", into: str = "", **values: object) -> transfers.Line:
        item, lot = self.spots[a % len(self.spots)]
        store = self.stores[a // 4 % len(self.stores)]
        source = self.outside[into] if into else store
        target = self.outside[out] if out else store
        return transfers.Line(item=item, lot=lot, quantity=b % 9 + 1, source=source, target=target, **values)

    def receive(self, a: int, b: int, c: int) -> Transfer:
        line = self.line(a, b, into=("SUPPLIER", "PRODUCTION")[a // 8 % 2], value=None if b % 17 == 0 else b * 7)
        return transfers.post(self.session, "receipt", day(c), [line])

    def issue(self, a: int, b: int, c: int) -> Transfer:
        line = self.line(a, b, out=("CUSTOMER", "PRODUCTION", "LOSS")[a // 8 % 3])
        return transfers.post(self.session, "issue", day(c), [line])

    def between(self, a: int, b: int, c: int) -> Transfer:
        item, lot = self.spots[a % len(self.spots)]
        one, other = self.stores[:: 1 if a // 4 % 2 else -1]
        line = transfers.Line(item=item, lot=lot, quantity=b % 9 + 1, source=one, target=other)
        return transfers.post(self.session, "transfer", day(c), [line])

    def several(self, a: int, b: int, c: int) -> Transfer:
        lines = [self.line(a, b, into="SUPPLIER", value=b), self.line(a, b // 2, out="CUSTOMER")]
        lines.append(self.line(a + 1, c, into="SUPPLIER", value=a))
        return transfers.post(self.session, "both", day(c), lines)

    def return_(self, a: int, b: int, c: int) -> Transfer:
        move = pick(list(Move.select().where(Move.direction != "within").order_by(Move.id)), a)
        line = transfers.Line(
            item=move.item_id,
            lot=move.lot,
            quantity=b % 4 + 1,
            source=move.target_id,
            target=move.source_id,
            origin=move.id,
        )
        return transfers.post(self.session, "return", day(c), [line])

    def count(self, a: int, b: int, c: int) -> Transfer:
        item, lot = self.spots[a % len(self.spots)]
        counted = counting.Counted(item=item, lot=lot, location=self.stores[a // 4 % 2], quantity=b % 12, value=b)
        return counting.post(self.session, day(c), [counted])

    def storno(self, a: int, b: int, c: int) -> Transfer:
        """Of any paper, mostly on its own day."""
        transfer = pick(list(Transfer.select().order_by(Transfer.id)), a)
        date = None if b % 4 else day(c)
        paper = transfers.storno(self.session, transfer.id, date=date)
        for move in Move.select().where((Move.transfer == transfer) & (Move.reserved > 0)):
            key = (move.reserved_kind, move.reserved_id, move.reserved_line)
            self.reserved[key] = self.reserved.get(key, 0) + move.reserved
        return paper

    def revalue(self, a: int, b: int, c: int) -> Transfer:
        move = pick(list(Move.select().where(Move.direction == "in").order_by(Move.id)), a)
        with write():
            return transfers.revalue(self.session, move, b * 3 - 300, date=None if c % 3 else day(c))

    def undone(self, a: int, b: int, c: int) -> None:
        """Invariant 5: post, then storno, and everything is as it was, on every day."""
        before = invariants.snapshot()
        if a % 4 == 3:
            voucher = self.voucher(a, b, c)
            ledger.storno(self.session, voucher.id)
        elif a % 4 == 2:
            payment = self.pay(a // 4, b, c)
            payments.storno(self.session, payment.id)
        else:
            transfer = (self.receive, self.issue, self.several, self.return_)[a // 4 % 4](a // 16, b, c)
            transfers.storno(self.session, transfer.id)
        assert invariants.snapshot() == before

    # --- reservations
    def reserve(self, a: int, b: int, c: int) -> None:
        item, _ = self.spots[a % len(self.spots)]
        key = ("order", c % 6, 0)
        got = reservations.reserve(self.session, key, item, b % 9 + 1, self.stores[a // 4 % 2])
        self.reserved[key] = self.reserved.get(key, 0) + got

    def release(self, a: int, b: int, c: int) -> None:
        key = ("order", c % 6, 0)
        got = reservations.release(self.session, key, None if b % 2 else b % 7)
        assert got == (self.reserved.get(key, 0) if b % 2 else min(b % 7, self.reserved.get(key, 0)))
        self.reserved[key] = self.reserved.get(key, 0) - got

    def deliver_reserved(self, a: int, b: int, c: int) -> None:
        key = ("order", c % 6, 0)
        before = reservations.held(key)
        line = self.line(a, b, out="CUSTOMER", reserved=key)
        transfers.post(self.session, "delivery", day(c), [line])
        used = before - reservations.held(key)
        assert 0 <= used <= line.quantity
        self.reserved[key] = self.reserved.get(key, 0) - used

    # --- money
    def invoice(self, a: int, b: int, c: int) -> Invoice:
        rate = invoices.RATES[b % len(invoices.RATES)]
        kind, party, accounts_ = (
            ("sale", self.customer, ("5001", "5051")), ("purchase", self.supplier, ("5401", "5602")),
        )[a % 2]  # fmt: skip
        more = {"account": accounts_[0], "scale": b % 3}
        lines = [invoices.Item(text="x", quantity=b % 50 + 1, price=c * 12_345 + 1_000_000, rate=rate, **more)]
        lines.append(invoices.Item(text="y", quantity=1, price=a * 7_777_777, rate=600, account=accounts_[1]))
        return invoices.post(self.session, kind, party.id, day(c), lines, is_gross=bool(b % 2))

    def credit(self, a: int, b: int, c: int) -> Invoice:
        invoice = pick(list(Invoice.select().order_by(Invoice.id)), a)
        lines = [invoices.Item(text="x", quantity=1, price=b * 500_000 + 1, rate=1300)] if b % 2 else None
        return invoices.credit(self.session, invoice.id, day(c), lines)

    def allow(self, a: int, b: int, c: int) -> Invoice:
        """A price allowance on any invoice that is no purchase of goods received."""
        which = Invoice.credits.is_null() & ((Invoice.kind == "sale") | (Invoice.source_kind == ""))
        invoice = pick(list(Invoice.select().where(which).order_by(Invoice.id)), a)
        return allowances.post(self.session, invoice.id, day(c), b * 41 + 1, line=None if a % 3 else 1, text="less")

    def become(self, a: int, b: int, c: int) -> Setting:
        """Another kind of taxpayer, or another day for it."""
        since = day(c).replace(day=1)
        return company.change(self.session, name="world", tax_kind=("small", "general")[b % 2], tax_since=since)

    def pay(self, a: int, b: int, c: int) -> Payment:
        kind, party = (("in", self.customer), ("out", self.supplier))[a % 2]
        return payments.post(self.session, kind, party.id, day(c), b * 37 + 1, allocate=() if a // 2 % 3 == 0 else None)

    def pay_back(self, a: int, b: int, c: int) -> object:
        kind, party = (("in_back", self.customer), ("out_back", self.supplier))[a % 2]
        return payments.post(self.session, kind, party.id, day(c), b * 17 + 1)

    def unpay(self, a: int, b: int, c: int) -> Payment:
        payment = pick(list(Payment.select().order_by(Payment.id)), a)
        return payments.storno(self.session, payment.id)

    def unallocate(self, a: int, b: int, c: int) -> Allocation:
        row = pick(list(Allocation.select().order_by(Allocation.id)), a)
        return payments.allocate(self.session, row.claim_id, row.cover_id, -row.amount if b % 2 else b - 50, day(c))

    def voucher(self, a: int, b: int, c: int) -> Entry:
        legs = [ledger.Leg(account="5601", debit=b + 1), ledger.Leg(account="1001", credit=b + 1 + (a % 11 == 0))]
        return ledger.post(self.session, day(c), legs, text="voucher")

    def draft(self, a: int, b: int, c: int) -> Entry:
        row = ledger.draft(self.session, day(c), [ledger.Leg(account="5602", debit=b + 1)])
        legs = [ledger.Leg(account="5602", debit=a + 1), ledger.Leg(account="1002", credit=a + 1)]
        ledger.change_draft(self.session, row.id, 1, date=day(c), lines=legs)
        return ledger.post_draft(self.session, row.id, 2)

    def voucher_storno(self, a: int, b: int, c: int) -> Entry:
        return ledger.storno(self.session, pick(list(Entry.select().where(Entry.posted).order_by(Entry.id)), a).id)

    def open_books(self, a: int, b: int, c: int) -> Entry:
        if a % 2:
            return opening.storno(self.session)
        lines = [
            opening.Opening(account="1122", debit=b * 100 + 1, party=self.customer.id, due=day(b)),
            opening.Opening(account="220201", credit=c * 7 + 1, party=self.supplier.id),
            opening.Opening(account="1002", debit=5000),
            opening.Opening(account="3001", credit=5000 + b * 100 - c * 7),
        ]
        return opening.post(self.session, day(c), lines)

    def bank_line(self, a: int, b: int, c: int) -> object:
        if a % 2:
            row = pick(list(BankLine.select().order_by(BankLine.id)), b)
            found = matching.proposals(row)
            if found:
                what = ("accept", "accept", "reject")[c % 3]
                return matching.decide(self.session, [matching.Decision(line=row.id, what=what, proposal=found[0].key)])
            return bank.accept(self.session, row.id, self.customer.id)
        text = f"date,amount,counterparty\n{day(c)},{b * 37 + 1 if a % 4 else -b - 1}.00,customer\n"
        return bank.import_list(self.session, "1002", text)

    def cash(self, a: int, b: int, c: int) -> Entry:
        """Other ways of money than invoices; also on an account below the bank that was made meanwhile."""
        codes = ("2211", "1601", "2001", "3001", "5603", "22210102", "100201", "560101")
        code = codes[a % len(codes)]
        if code == "100201":
            accounts.add(self.session, code, "asset", f"银行存款—{b}")
        if code == "560101":
            accounts.import_chart(self.session, "code,kind,name_zh\n560101,费用,销售费用—广告费\n")
        legs = [ledger.Leg(account=code, debit=b + 1), ledger.Leg(account=("1002", "1012")[a % 2], credit=b + 1)]
        if b % 3 == 0:
            forecast.add_recurring(self.session, f"rent {b}", "out", c + 1, day(c), months=a % 3 + 1)
        return ledger.post(self.session, day(c), legs, text="cash")

    def close(self, a: int, b: int, c: int) -> None:
        if a % 3 == 0:
            periods.reopen(self.session, periods.closed_until())
        elif a % 4 == 0:
            periods.close(self.session, periods.after(periods.closed_until() or (202510, 202511)[b % 2]))


def items_of() -> list[Item]:
    return list(Item.select().order_by(Item.id))
