"""The bank's list: imported from its CSV, each line posted as a payment (``matching`` proposes of what), or set aside.

A line that was imported before is left out, so that lists may overlap.
"""

from __future__ import annotations

import datetime
import hashlib
from collections import Counter
from collections.abc import Sequence

from bizlite.core import csvfile, exact, store
from bizlite.core.commands import command
from bizlite.core.errors import Refused, refuse, refuse_all
from bizlite.core.session import Session
from bizlite.finance import ledger, payments, periods
from bizlite.finance.models import Account, BankLine, Party, Payment

COLUMNS = {
    "date": ("日期", "交易日期", "交易时间", "记账日期"), "amount": ("金额", "发生额", "交易金额"),
    "in": ("收入", "贷方发生额", "贷方金额", "收入金额", "存入"),
    "out": ("支出", "借方发生额", "借方金额", "支出金额", "支取"),
    "counterparty": ("对方户名", "对方名称", "对方单位", "户名"), "text": ("摘要", "用途", "附言", "备注"),
    "bank_number": ("流水号", "交易流水号", "凭证号"),
    "side": ("借贷标志", "借贷标记", "借贷方向", "借贷", "收支方向", "收支", "收/支"),
}  # fmt: skip
WENT, CAME = ("借", "支", "出", "d"), ("贷", "收", "入", "c")  # how a side begins; a bank debits what goes out
FORMS = ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%Y.%m.%d")


@command("finance.bank.import")
def import_list(session: Session, account: str, text: str) -> int:
    """Takes the lines of a CSV in, and gives how many were new. All or nothing.

    :raise Refused: with each bad row by its number.
    """
    own = store.get(Account, account, "account")
    if not own.code.startswith("1002"):
        raise refuse("account", "is no bank account", "Choose 1002 or one below it.", account)
    if not own.is_leaf or not own.is_active:  # its lines could never be posted
        raise refuse("account", "takes no lines", "Choose an active account without accounts below it.", account)
    rows, problems, seen = [], [], Counter[tuple[object, ...]]()
    for number, row in csvfile.read(text, COLUMNS, ("date",)):
        try:
            rows.append(_row(account, row, seen))
        except Refused as refused:
            problems += csvfile.at_row(number, refused.problems)
    refuse_all(problems)
    digests = {row["digest"] for row in rows}
    known = {line.digest for line in BankLine.select(BankLine.digest) if line.digest in digests}
    new = [row for row in rows if row["digest"] not in known]
    for row in new:
        store.insert(session, BankLine(**row))
    return len(new)


@command("finance.payment.post")
def accept(session: Session, line: int, party: int, allocate: Sequence[tuple[int, int]] | None = None) -> Payment:
    """Posts the payment of a line, on its day while that is open; what it pays as in ``payments.post``."""
    row = open_line(line)
    kind, who = "in" if row.amount > 0 else "out", store.get(Party, party, "party")
    if who.is_customer != who.is_supplier and who.is_customer == (kind == "out"):
        kind = "in_back" if kind == "out" else "out_back"  # who only buys is never paid but back
    day = periods.day_for(row.date)
    payment = payments.post(
        session, kind, party, day, abs(row.amount), account=row.account_id, text=row.text, allocate=allocate
    )
    store.change(session, row, state="paid", payment=payment)
    return payment


@command("finance.payment.post")
def ignore(session: Session, line: int) -> BankLine:
    """Sets a line aside that is posted otherwise: fees, wages, taxes, money between our own accounts."""
    return store.change(session, open_line(line), state="ignored")


@command("finance.payment.post")
def reopen(session: Session, line: int) -> BankLine:
    """Takes a line up again that was set aside, or whose payment was reversed."""
    row = store.get(BankLine, line, "line")
    if not may_reopen(row):
        raise refuse("line", "cannot be opened again", "Reverse its payment first.", line)
    return store.change(session, row, state="open", payment=None)


def may_reopen(row: BankLine) -> bool:
    """Whether nothing stands that the line was settled by."""
    return row.state == "ignored" or (row.state == "paid" and not store.stands(row.payment))


def open_line(line: int) -> BankLine:
    """The line. :raise Refused: when it is settled already."""
    row = store.get(BankLine, line, "line")
    if row.state != "open":
        raise refuse("line", "is settled already", "Choose an open line.", line)
    return row


def _row(account: str, row: dict[str, str], seen: Counter[tuple[object, ...]]) -> dict[str, object]:
    date, amount = _date(row["date"]), _amount(row)
    words = {name: row.get(name, "")[:200] for name in ("counterparty", "text", "bank_number")}
    key = (account, date.isoformat(), amount, *words.values())
    seen[key] += 1  # two equal payments on one day are two
    digest = hashlib.sha256(repr((*key, seen[key])).encode()).hexdigest()
    return {"account": account, "date": date, "amount": amount, "digest": digest, "state": "open", **words}


def _date(text: str) -> datetime.date:
    for form in FORMS:
        try:
            day = datetime.datetime.strptime(text.partition(" ")[0], form).date()
        except ValueError:
            continue
        return ledger.check_date(day)
    raise refuse("date", "is not a date", "Give a date as 2026-12-31.", text)


def _amount(row: dict[str, str]) -> int:
    parts = [(name, row.get(name, "")) for name in ("amount", "in", "out")]
    given = {name: exact.parse(name, text, exact.MINOR) for name, text in parts if text}
    given = {name: value for name, value in given.items() if value}
    if len(given) != 1:
        raise refuse("amount", "needs exactly one side", "Give an amount, or what came in or went out.")
    name, value = given.popitem()
    side = row.get("side", "").lower()
    if name == "amount" and side:
        if not side.startswith((*WENT, *CAME)):
            raise refuse("side", "is neither in nor out", "Write 收 or 支.", side[:100])
        name = "out" if side.startswith(WENT) else "in"
    return -abs(value) if name == "out" else value
