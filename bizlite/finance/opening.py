"""Opening balances: what the books began with. What a party owes becomes an open item that payments pay.

The value of stock is not entered here on its own account: count the stock on the same day, at its value; the count
books it against 1901, where its total is entered here. When both are there, 1901 stands at 0.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from peewee import fn

from bizlite.core import csvfile, exact, store
from bizlite.core.commands import command
from bizlite.core.errors import Problem, Refused, marked, refuse, refuse_all
from bizlite.core.session import Session
from bizlite.finance import ledger, parties, payments
from bizlite.finance.models import Entry, Line, Open, Party

JOURNAL = "opening"
DOCUMENT = "finance_line"  # the open items of an opening balance belong to its lines
SIDES = {ledger.RECEIVABLE: ("sale", "debit"), ledger.PAYABLE: ("purchase", "credit")}
COLUMNS = {
    "account": ("科目编码", "科目"), "party": ("往来单位", "单位编码"), "due": ("到期日",), "text": ("摘要",),
    "debit": ("借方", "借方余额"), "credit": ("贷方", "贷方余额"),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """One balance; a line on receivables or payables names its party, and when it is due."""

    account: str
    debit: int = 0
    credit: int = 0
    party: int | None = None
    due: datetime.date | None = None
    text: str = ""


@command("finance.opening.post")
def post(session: Session, date: datetime.date, lines: Sequence[Opening]) -> Entry:
    """Posts the opening balances, once. :raise Refused: when they do not balance, or were posted already."""
    there = standing()
    if there is not None:
        raise refuse("date", "%(number)s holds them already", "Reverse it first.", date, number=there.number)
    problems: list[Problem] = []
    for n, line in enumerate(lines):
        if (line.account in SIDES) != (line.party is not None):
            remedy = marked("Name a party for receivables and payables, and for nothing else.")
            problems.append(Problem(field=f"lines.{n}.party", message="does not fit the account", remedy=remedy))
        if line.party is not None:
            store.get(Party, line.party, f"lines.{n}.party")
        problems += ledger.kept_by_stock(line.account, f"lines.{n}.account")
    legs = [
        ledger.Leg(
            account=line.account, debit=line.debit, credit=line.credit, text=line.text,
            aux="" if line.party is None else parties.aux(line.party),
        )
        for line in lines
    ]  # fmt: skip
    refuse_all(problems + ledger.problems_of(legs))
    entry = ledger.enter(session, date, JOURNAL, legs)
    for line, row in zip(lines, Line.select().where(Line.entry == entry).order_by(Line.id), strict=True):
        if line.party is not None:
            _open(session, row, line.due or date)
    return entry


@command("finance.opening.post")
def storno(session: Session) -> Entry:
    """Takes the opening balances back, as long as nothing of them was paid."""
    entry = standing()
    if entry is None:
        raise refuse("date", "there are no opening balances", "Post them first.")
    red = ledger.reverse(session, entry)
    lines = {row.id: row for row in Line.select().where(Line.entry == entry)}
    where = (Open.document_kind == DOCUMENT) & (Open.document_id << list(lines))
    reds = list(Line.select().where(Line.entry == red).order_by(Line.id))
    order = sorted(lines)
    for item in list(Open.select().where(where).order_by(Open.id)):
        if item.rest != item.total:
            raise refuse("date", "some of them were paid already", "Take those payments back first.", entry.number)
        other = "cover" if item.side == "claim" else "claim"
        number = reds[order.index(item.document_id)].id
        kind = "sale" if item.ledger == "receivable" else "purchase"
        against = payments.open_item(
            session, other, kind, DOCUMENT, number, item.party, red.date, red.date, item.total
        )  # fmt: skip
        claim, cover = (item, against) if other == "cover" else (against, item)
        payments.settle(session, claim, cover, item.total, red.date)
    return red


def standing() -> Entry | None:
    """The entry of the opening balances that was not taken back."""
    undone = Entry.select(Entry.reverses).where((Entry.journal == JOURNAL) & Entry.reverses.is_null(False))
    where = (Entry.journal == JOURNAL) & Entry.reverses.is_null() & Entry.id.not_in(undone)
    return Entry.select().where(where).first()


@dataclass(frozen=True, slots=True)
class Sum:
    """A part of what the books were opened with: debits less credits."""

    account: str
    aux: str
    amount: int


def lines(first: int, last: int) -> list[Sum]:
    """What the books were opened with in some months, as far as it stood at their end; the stock that was counted on
    the same day is in it."""
    red = Entry.alias()
    undone = red.select(red.reverses).where(
        (red.journal == JOURNAL) & red.reverses.is_null(False) & (red.period <= last)
    )
    own = Entry.reverses.is_null() & Entry.period.between(first, last) & Entry.posted & Entry.id.not_in(undone)
    entry = Entry.select().where(own & (Entry.journal == JOURNAL)).first()
    if entry is None:
        return []
    counts = Line.select(Line.entry).join(Entry).where((Entry.date == entry.date) & (Line.account == ledger.WAITING))
    which = (Entry.id == entry.id) | ((Entry.journal == "stock") & Entry.id.in_(counts))
    sums = Line.select(Line.account, Line.aux, fn.SUM(Line.debit - Line.credit)).join(Entry).where(Entry.posted & which)
    return [Sum(account, aux, int(amount)) for account, aux, amount in sums.group_by(Line.account, Line.aux).tuples()]


@command("finance.opening.post")
def import_list(session: Session, date: datetime.date, text: str) -> Entry:
    """Posts the opening balances of a CSV. :raise Refused: with each bad row by its number."""
    rows = _read(text)
    try:
        return post(session, date, [line for _, line in rows])
    except Refused as refused:
        raise csvfile.at_rows(refused, [number for number, _ in rows]) from None


def _read(text: str) -> list[tuple[int, Opening]]:
    known = dict(Party.select(Party.code, Party.id).tuples())
    lines: list[tuple[int, Opening]] = []
    problems: list[Problem] = []
    for number, row in csvfile.read(text, COLUMNS, ("account", "debit", "credit")):
        try:
            lines.append((number, _line(row, known)))
        except Refused as refused:
            problems += csvfile.at_row(number, refused.problems)
    refuse_all(problems)
    return lines


def _line(row: dict[str, str], known: dict[str, int]) -> Opening:
    party, due = row.get("party", ""), row.get("due", "")
    if party and party not in known:
        raise refuse("party", "does not exist", "Choose one that exists.", party)
    try:
        day = datetime.date.fromisoformat(due) if due else None
    except ValueError:
        raise refuse("due", "is not a date", "Give a date as 2026-12-31.", due) from None
    debit, credit = (exact.parse(side, row[side] or "0", exact.MINOR) for side in ("debit", "credit"))
    if (debit == 0) == (credit == 0):
        raise refuse("debit", "needs exactly one side", "Give a debit or a credit.")
    return Opening(
        account=row["account"], debit=debit, credit=credit, party=known.get(party), due=day, text=row.get("text", "")
    )


def _open(session: Session, row: Line, due: datetime.date) -> None:
    kind, side = SIDES[row.account_id]
    amount = (row.debit - row.credit) * (1 if side == "debit" else -1)
    party = Party.get_by_id(int(row.aux.removeprefix("party:")))
    day = row.entry.date
    payments.open_item(
        session, "claim" if amount > 0 else "cover", kind, DOCUMENT, row.id, party, day, due, abs(amount)
    )
