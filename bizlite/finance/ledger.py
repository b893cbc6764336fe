"""The journal: posting, drafts of vouchers, storno. Every other module's money goes through ``enter``."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from bizlite.core import exact, numbers, store
from bizlite.core.commands import command
from bizlite.core.errors import Problem, marked, refuse, refuse_all
from bizlite.core.session import Session
from bizlite.finance import periods
from bizlite.finance.models import Account, Entry, Line

RECEIVABLE, PAYABLE = "1122", "220201"
RECEIVED = "220202"  # goods are here, their invoice is not
INPUT_TAX, OUTPUT_TAX = "22210101", "22210106"
SMALL_TAX = "222101"  # a small-scale taxpayer's VAT: the accounts below are a general one's
PROFIT, RETAINED = "3103", "3104"  # 本年利润, 利润分配
WAITING = "1901"  # 待处理财产损溢: cleared before a balance sheet is made
EARLIEST, LATEST = datetime.date(periods.FIRST_YEAR, 1, 1), datetime.date(periods.LAST_YEAR, 12, 31)


@dataclass(frozen=True, kw_only=True, slots=True)
class Leg:
    """One line to post, on one side; negative (red) where something is taken back."""

    account: str
    debit: int = 0
    credit: int = 0
    aux: str = ""
    text: str = ""


def problems_of(legs: Sequence[Leg]) -> list[Problem]:
    """Everything that is wrong with the lines of an entry that is to be posted."""
    problems = _problems_of_lines(legs)
    debit, credit = sum(leg.debit for leg in legs), sum(leg.credit for leg in legs)
    if not legs or debit != credit:
        words = {"debit": exact.show(debit, exact.MINOR), "credit": exact.show(credit, exact.MINOR)}
        remedy = marked("Debits and credits must be the same: %(debit)s and %(credit)s.")
        problems.append(Problem(field="lines", message="do not balance", remedy=remedy, params=words))
    return problems


def _problems_of_lines(legs: Sequence[Leg]) -> list[Problem]:
    """What is wrong also with the lines of a draft."""
    problems = []
    known = {row.code: row for row in Account.select().where(Account.code << sorted({leg.account for leg in legs}))}
    for n, leg in enumerate(legs):
        account = known.get(leg.account)
        if account is None or not account.is_leaf or not account.is_active:
            remedy = marked("Choose an active account without accounts below it.")
            problems.append(
                Problem(field=f"lines.{n}.account", message="takes no lines", remedy=remedy, value=leg.account)
            )
        if (leg.debit == 0) == (leg.credit == 0):
            problems.append(_sides(n))
        for amount in (leg.debit, leg.credit):
            exact.whole(f"lines.{n}.debit", amount)
    return problems


def kept_by_stock(account: str, field: str, remedy: str = marked("Count the stock, or move it.")) -> list[Problem]:
    """A problem when the account holds the value of items: only moves of stock may change that."""
    held = (Line.account == account) & Line.aux.between("item:", "item;") & (Account.kind << ("asset", "cost"))
    if not Line.select(Line.id).join(Account).where(held).exists():
        return []
    return [Problem(field=field, message="is kept by the stock", remedy=remedy, value=account)]


def _by_hand(legs: Sequence[Leg]) -> list[Problem]:
    """What a voucher that a person wrote may not touch: what documents keep in step with their own sums."""
    problems = []
    for n, leg in enumerate(legs):
        if leg.account in (RECEIVABLE, PAYABLE):
            remedy = marked("Post an invoice, a credit note or a payment.")
            problems.append(
                Problem(field=f"lines.{n}.account", message="is kept by invoices and payments", remedy=remedy,
                        value=leg.account)
            )  # fmt: skip
        problems += kept_by_stock(leg.account, f"lines.{n}.account")
    return problems


def _sides(n: int) -> Problem:
    remedy = marked("Give a debit or a credit.")
    return Problem(field=f"lines.{n}.debit", message="needs exactly one side", remedy=remedy)


def check_date(date: object, field: str = "date") -> datetime.date:
    """:raise Refused: when it is no date that a company can mean."""
    if not isinstance(date, datetime.date) or isinstance(date, datetime.datetime) or not EARLIEST <= date <= LATEST:
        raise refuse(field, "is not a date of business", "Give a date as 2026-12-31.", date)
    return date


def enter(
    session: Session, date: datetime.date, journal: str, legs: Sequence[Leg], *, text: str = "",
    source: tuple[str, int] = ("", 0), reverses: Entry | None = None, period: int | None = None,
) -> Entry:  # fmt: skip
    """Posts an entry within the caller's transaction: what the rules of all modules call."""
    entry = _draft(session, date, journal, legs, text=text, source=source, reverses=reverses, period=period)
    return _post(session, entry, legs)


@command("finance.entry.post")
def post(session: Session, date: datetime.date, lines: Sequence[Leg], *, text: str = "") -> Entry:
    """Posts a voucher that a person wrote."""
    return enter(session, date, "general", lines, text=text)


@command("finance.entry.post")
def draft(session: Session, date: datetime.date, lines: Sequence[Leg], *, text: str = "") -> Entry:
    """Keeps a voucher that is not yet posted; it may be unbalanced."""
    refuse_all(_problems_of_lines(lines))
    return _draft(session, date, "general", lines, text=text)


@command("finance.entry.post")
def change_draft(
    session: Session, entry: int, version: int, *, date: datetime.date, lines: Sequence[Leg], text: str = ""
) -> Entry:
    """Writes a draft anew. :raise Stale: when somebody else did so since ``version``."""
    row = _found_draft(entry)
    period = periods.of(check_date(date))
    refuse_all(_problems_of_lines(lines))
    store.change(session, row, version=version, date=date, period=period, text=text)
    Line.delete().where(Line.entry == row).execute()
    _append(row, lines)
    return row


@command("finance.entry.post")
def post_draft(session: Session, entry: int, version: int | None = None) -> Entry:
    """Posts a draft as it stands."""
    row = _found_draft(entry)
    legs = [
        Leg(account=line.account_id, debit=line.debit, credit=line.credit, aux=line.aux, text=line.text)
        for line in Line.select().where(Line.entry == row).order_by(Line.id)
    ]
    return _post(session, row, legs, version)


@command("finance.entry.post")
def storno(session: Session, entry: int, *, date: datetime.date | None = None, text: str = "") -> Entry:
    """Reverses a voucher that a person wrote, in red: what documents posted is reversed by their own storno."""
    row = store.get(Entry, entry, "entry")
    if row.journal != "general":
        remedy = marked("Reverse the document that posted it.")
        raise refuse("entry", "was posted by a document", remedy, f"{row.source_kind} {row.source_id}".strip())
    return reverse(session, row, date=date, text=text)


def reverse(session: Session, entry: Entry, *, date: datetime.date | None = None, text: str = "") -> Entry:
    """The red opposite of an entry, on its own day while that is open, within the caller's transaction."""
    if not entry.posted or entry.reverses_id is not None:
        raise refuse("entry", "cannot be reversed", "Choose a posted entry that is no storno.", entry.number or "")
    earlier = Entry.get_or_none(Entry.reverses == entry)
    if earlier is not None:
        raise refuse("entry", "is reversed already", "Look at %(number)s.", entry.number, number=earlier.number)
    legs = [
        Leg(account=line.account_id, debit=-line.debit, credit=-line.credit, aux=line.aux, text=line.text)
        for line in Line.select().where(Line.entry == entry).order_by(Line.id)
    ]
    day = periods.day_for(entry.date) if date is None else date
    if day < entry.date:
        raise refuse("date", "lies before what it reverses", "Choose %(first)s or later.", day, first=entry.date)
    source = (entry.source_kind, entry.source_id)
    return enter(session, day, entry.journal, legs, text=text or entry.text, source=source, reverses=entry)


def _draft(
    session: Session, date: datetime.date, journal: str, legs: Sequence[Leg], *, text: str = "",
    source: tuple[str, int] = ("", 0), reverses: Entry | None = None, period: int | None = None,
) -> Entry:  # fmt: skip
    check_date(date)
    entry = Entry(
        date=date, period=periods.of(date) if period is None else period, journal=journal, text=text,
        source_kind=source[0], source_id=source[1], reverses=reverses,
        created_by=session.user, created_ms=session.now_ms(),
    )  # fmt: skip
    store.insert(session, entry)
    _append(entry, legs)
    return entry


def _append(entry: Entry, legs: Sequence[Leg]) -> None:
    refuse_all([_sides(n) for n, leg in enumerate(legs) if leg.debit and leg.credit])  # a draft may have neither
    store.append(
        Line,
        [
            {
                "entry": entry.id,
                "account": leg.account,
                "aux": leg.aux,
                "debit": leg.debit,
                "credit": leg.credit,
                "text": leg.text,
            }
            for leg in legs
        ],
    )


def _post(session: Session, entry: Entry, legs: Sequence[Leg], version: int | None = None) -> Entry:
    if entry.period % 100 <= periods.LAST:
        periods.check_open(entry.date)
    by_hand = _by_hand(legs) if entry.journal == "general" and entry.reverses_id is None else []
    refuse_all(problems_of(legs) + by_hand)
    return store.change(session, entry, version=version, **numbers.stamp(session, entry))


def _found_draft(entry: int) -> Entry:
    row = store.get(Entry, entry, "entry")
    if row.posted:
        raise refuse("entry", "is posted", "Reverse it instead.", row.number)
    return row
