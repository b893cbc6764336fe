"""Payments, what they pay, and how old what is open is.

A claim (an invoice) is paid by covers (payments, credit notes). The sums that are open are kept by a trigger and held
between 0 and the total by a CHECK: no claim is ever paid twice, no cover used twice.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from peewee import fn

from bizlite.core import exact, numbers, store
from bizlite.core.commands import command
from bizlite.core.errors import refuse
from bizlite.core.session import Session
from bizlite.finance import ledger, parties
from bizlite.finance.models import Account, Allocation, Open, Party, Payment

LEDGERS = {
    "sale": "receivable", "purchase": "payable", "in": "receivable", "out": "payable", "in_back": "receivable",
    "out_back": "payable",
}  # fmt: skip
KINDS, BACK = ("in", "out", "in_back", "out_back"), ("in_back", "out_back")
MONEY = ("1001", "1002", "1012", "1121", "2201")
AGES = (0, 30, 60, 90)  # days overdue; the last class has no end


@command("finance.payment.post")
def post(
    session: Session, kind: str, party: int, date: datetime.date, amount: int, *, account: str = "1002", text: str = "",
    allocate: Sequence[tuple[int, int]] | None = None,
) -> Payment:  # fmt: skip
    """Posts money that came (``in``) or went (``out``), or that of either was paid back (``in_back`` to a customer).

    ``allocate`` names invoices and amounts; without it the oldest that are due are paid first; what is left stays open.
    What is paid back uses up what was paid ahead or credited, the oldest first, and is never more.
    """
    ledger.check_date(date)
    row = store.get(Party, party, "party")
    exact.whole("amount", amount, least=1)
    if kind not in KINDS:
        raise refuse("kind", "is not a kind of payment", "Choose one of %(kinds)s.", kind, kinds=", ".join(KINDS))
    if account not in MONEY and not account.startswith(("1001", "1002", "1012")):
        raise refuse("account", "holds no money", "Choose cash, a bank account or notes.", account)
    store.get(Account, account, "account")
    payment = Payment(
        kind=kind, party=row, date=date, account=account, amount=amount, text=text,
        created_by=session.user, created_ms=session.now_ms(),
    )  # fmt: skip
    store.insert(session, payment)
    store.change(session, payment, **numbers.stamp(session, payment))
    ledger.enter(
        session, date, "payment", _legs(payment, 1), text=payment.number, source=("finance_payment", payment.id)
    )
    side = "claim" if kind in BACK else "cover"
    own = open_item(session, side, kind, "finance_payment", payment.id, row, date, date, amount)
    if kind in BACK:
        _use_up(session, own, date)
    else:
        _allocate(session, own, date, allocate)
    return payment


@command("finance.payment.post")
def storno(session: Session, payment: int, *, date: datetime.date | None = None) -> Payment:
    """Takes a payment back: its invoices are open again; what was paid back can be used again."""
    from bizlite.finance import periods

    row = store.get(Payment, payment, "payment")
    if row.reverses_id is not None or Payment.get_or_none(Payment.reverses == row):
        raise refuse("payment", "cannot be reversed", "Choose a payment that stands.", row.number)
    day = periods.day_for(row.date) if date is None else date
    if day < row.date:
        raise refuse("date", "lies before what it reverses", "Choose %(first)s or later.", day, first=row.date)
    red = Payment(
        kind=row.kind, party=row.party_id, date=day, account=row.account_id, amount=row.amount, reverses=row,
        text=row.text, created_by=session.user, created_ms=session.now_ms(),
    )  # fmt: skip
    store.insert(session, red)
    store.change(session, red, **numbers.stamp(session, red))
    ledger.enter(session, day, "payment", _legs(row, -1), text=red.number, source=("finance_payment", red.id))
    own = open_of("finance_payment", row.id)
    mine, theirs = Allocation.cover, Allocation.claim
    if own.side == "claim":
        mine, theirs = theirs, mine
    sums = Allocation.select(theirs, fn.SUM(Allocation.amount)).where(mine == own).group_by(theirs).order_by(theirs)
    for other, amount in list(sums.tuples()):
        if amount:
            _between(session, own, Open.get_by_id(other), -int(amount), day)
    # The payment and its storno cover each other: nothing of either is open.
    side = "claim" if own.side == "cover" else "cover"
    against = open_item(session, side, row.kind, "finance_payment", red.id, row.party, day, day, row.amount)
    _between(session, open_of("finance_payment", row.id), against, row.amount, day)
    return red


def _between(session: Session, one: Open, other: Open, amount: int, date: datetime.date) -> None:
    claim, cover = (one, other) if one.side == "claim" else (other, one)
    settle(session, claim, cover, amount, date)


def _use_up(session: Session, claim: Open, date: datetime.date) -> None:
    """Covers what is paid back by what the party paid ahead or was credited. :raise Refused: when that is less."""
    where = (Open.party == claim.party_id) & (Open.ledger == claim.ledger) & (Open.side == "cover") & (Open.rest > 0)
    covers = list(Open.select().where(where).order_by(Open.date, Open.id))
    most, left = sum(cover.rest for cover in covers), claim.total
    if left > most:
        raise refuse(
            "amount", "is more than was paid ahead or credited", "Give at most %(most)s.", exact.show(left, 2),
            most=exact.show(most, 2),
        )  # fmt: skip
    for cover in covers:
        part = min(left, cover.rest)
        if part:
            settle(session, Open.get_by_id(claim.id), cover, part, date)
            left -= part


@command("finance.payment.post")
def allocate(session: Session, claim: int, cover: int, amount: int, date: datetime.date) -> Allocation:
    """Pays a part of a claim from a cover; a negative amount undoes what was paid so."""
    one, other = store.get(Open, claim, "claim"), store.get(Open, cover, "cover")
    return settle(session, one, other, exact.whole("amount", amount), date)


@command("finance.payment.post")
def pay(session: Session, payment: int, invoice: int, amount: int | None = None) -> Payment:
    """Pays an invoice from what is left of a payment: an amount, or as much as fits."""
    row = store.get(Payment, payment, "payment")
    claim, cover = _claim_of(invoice), open_of("finance_payment", row.id)
    part = min(claim.rest, cover.rest) if amount is None else exact.whole("amount", amount, least=1)
    settle(session, claim, cover, part, max(row.date, session.today()))
    return row


@command("finance.payment.post")
def release(session: Session, payment: int, invoice: int) -> Payment:
    """Takes what a payment pays of an invoice back: the invoice is open again, the payment can be used otherwise."""
    row = store.get(Payment, payment, "payment")
    claim, cover = _claim_of(invoice), open_of("finance_payment", row.id)
    part = dict(allocated(cover)).get(claim.id, 0)
    if not part:
        raise refuse("invoice", "is not paid by this", "Choose one that it pays.", invoice)
    settle(session, claim, cover, -part, max(row.date, session.today()))
    return row


def _claim_of(invoice: int) -> Open:
    claim = Open.get_or_none((Open.document_kind == "finance_invoice") & (Open.document_id == invoice))
    if claim is None:
        raise refuse("invoice", "does not exist", "Choose one that exists.", invoice)
    return claim


def allocated(cover: Open) -> list[tuple[int, int]]:
    """What a cover pays: claims with their amounts."""
    sums = Allocation.select(Allocation.claim, fn.SUM(Allocation.amount)).where(Allocation.cover == cover)
    rows = sums.group_by(Allocation.claim).order_by(Allocation.claim).tuples()
    return [(claim, int(amount)) for claim, amount in rows if amount]


def settle(session: Session, claim: Open, cover: Open, amount: int, date: datetime.date) -> Allocation:
    """Allocates within the caller's transaction."""
    if (claim.side, cover.side, claim.party_id, claim.ledger) != ("claim", "cover", cover.party_id, cover.ledger):
        raise refuse("cover", "is not one of this party", "Choose what this party paid.", cover.id)
    done = Allocation.select(fn.COALESCE(fn.SUM(Allocation.amount), 0))
    done = int(done.where((Allocation.claim == claim) & (Allocation.cover == cover)).scalar())
    most = min(claim.rest, cover.rest)
    if not amount or not -done <= amount <= most:
        raise refuse(
            "amount", "is more than is open", "Give at most %(most)s.", exact.show(amount, 2), most=exact.show(most, 2)
        )
    row = Allocation(claim=claim, cover=cover, amount=amount, date=date, user=session.user, at_ms=session.now_ms())
    return store.insert(session, row)


def open_item(
    session: Session, side: str, kind: str, document_kind: str, document: int, party: Party, date: datetime.date,
    due: datetime.date, total: int,
) -> Open:  # fmt: skip
    """Begins to keep what is open of a document."""
    row = {
        "side": side, "ledger": LEDGERS[kind], "document_kind": document_kind, "document_id": document,
        "party": party.id, "date": date, "due": due, "total": total, "rest": total,
    }  # fmt: skip
    return Open.get_by_id(store.append(Open, [row])[0])


def open_of(document_kind: str, document: int) -> Open:
    """What is open of a document."""
    return Open.get((Open.document_kind == document_kind) & (Open.document_id == document))


def open_balance(party: int, ledger_name: str) -> int:
    """What a party owes (receivable) or is owed (payable), less what it paid ahead: equal to the"
    " account's part of it."""
    rows = Open.select(Open.side, fn.SUM(Open.rest).alias("sum")).where(
        (Open.party == party) & (Open.ledger == ledger_name) & (Open.rest > 0)
    )
    sums = {row.side: int(row.sum) for row in rows.group_by(Open.side)}
    return sums.get("claim", 0) - sums.get("cover", 0)


@dataclass(frozen=True, slots=True)
class Age:
    """What a party's open claims are, by days overdue: not yet due, then by the classes of ``AGES``."""

    party: int
    classes: tuple[int, ...]


def ageing(ledger_name: str, today: datetime.date) -> list[Age]:
    """Open claims of every party by age, as they are now."""
    edges = [today - datetime.timedelta(days=days) for days in AGES]
    ranges = ["due >= ?", *["due < ? AND due >= ?"] * (len(edges) - 1), "due < ?"]
    sums = ", ".join(f"SUM(CASE WHEN {inside} THEN rest ELSE 0 END)" for inside in ranges)
    rows = store.ask(
        f"SELECT party_id, {sums} FROM finance_open WHERE ledger = ? AND side = 'claim' AND rest > 0"
        " GROUP BY party_id ORDER BY party_id",
        *[edge for edge in edges for _ in range(2)], ledger_name,
    )  # fmt: skip
    return [Age(party, tuple(map(int, classes))) for party, *classes in rows]


def _allocate(session: Session, cover: Open, date: datetime.date, wanted: Sequence[tuple[int, int]] | None) -> None:
    if wanted is not None:
        for n, (invoice, amount) in enumerate(wanted):
            claim = Open.get_or_none((Open.document_kind == "finance_invoice") & (Open.document_id == invoice))
            if claim is None:
                raise refuse(f"allocate.{n}", "does not exist", "Choose one that exists.", invoice)
            settle(session, claim, Open.get_by_id(cover.id), exact.whole(f"allocate.{n}", amount, least=1), date)
        return
    left = cover.rest
    where = (Open.party == cover.party_id) & (Open.ledger == cover.ledger) & (Open.side == "claim") & (Open.rest > 0)
    for claim in list(Open.select().where(where).order_by(Open.due, Open.id)):
        part = min(left, claim.rest)
        if part:
            settle(session, claim, Open.get_by_id(cover.id), part, date)
            left -= part


def _legs(payment: Payment, sign: int) -> list[ledger.Leg]:
    is_in = LEDGERS[payment.kind] == "receivable"
    money, other = ("debit", "credit") if is_in else ("credit", "debit")
    account = ledger.RECEIVABLE if is_in else ledger.PAYABLE
    amount = sign * (-payment.amount if payment.kind in BACK else payment.amount)
    return [
        ledger.Leg(account=payment.account_id, **{money: amount}),
        ledger.Leg(account=account, aux=parties.aux(payment.party_id), **{other: amount}),
    ]
