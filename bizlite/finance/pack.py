"""The accountant's pack (会计资料包): one ZIP file with all that an outside bookkeeper needs of a month.

It needs no program of ours: CSV files, a readable 说明, and ``SHA256SUMS`` as ``sha256sum -c`` reads it. Of a closed
month the bytes are always the same: posted papers never change, names stand as they were when it was closed, and the
files in the ZIP are stored plainly, in one order, with one date.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import IO

from bizlite.core import exact, history, spreadsheet
from bizlite.core.company import NAME as OURS
from bizlite.core.models import Attachment, Setting
from bizlite.finance import closing, periods, reports, statements
from bizlite.finance.models import Account, Entry, Invoice, InvoiceLine, Line, Party, Payment, Period

BOM = b"\xef\xbb\xbf"
NOTES = "说明.txt"
SUMS = "SHA256SUMS"
Rows = Iterable[Sequence[object]]


class _Names:
    """Our own name, those of accounts and parties, as they were when the month was closed."""

    def __init__(self, closed_ms: int | None, company: str) -> None:
        self.company = company
        self.accounts = dict(Account.select(Account.code, Account.name_zh).tuples())
        self.parties = {p.id: (p.code, p.name, p.tax_number) for p in Party.select()}
        if closed_ms is None:
            return
        us = history.values_at(Setting, closed_ms).get(OURS)
        if us is not None:
            self.company = json.loads(us.get("value", "{}")).get("name", "")
        for code, old in history.values_at(Account, closed_ms).items():
            self.accounts[code] = old.get("name_zh", self.accounts.get(code, ""))
        for key, old in history.values_at(Party, closed_ms).items():
            now = self.parties[int(key)]
            words = ("code", "name", "tax_number")
            self.parties[int(key)] = tuple(old.get(word, value) for word, value in zip(words, now, strict=True))

    def aux(self, aux: str) -> str:
        """Who or what a line belongs to: the code of the party, or ``item:5``."""
        return self.parties[int(aux[6:])][0] if aux.startswith("party:") else aux


def write(file: IO[bytes], period: int, company: str) -> None:
    """Writes the pack of a month; ``company`` is our name today. :raise Refused: for what is no month."""
    periods.check(period)
    closed = Period.get_or_none(Period.period == period)
    names = _Names(closed.closed_ms if closed else None, company)
    parts: dict[str, Callable[[], Rows]] = {
        "vouchers.csv": lambda: _vouchers(period, names),
        "trial_balance.csv": lambda: _trial_balance(period, names),
        "ledger.csv": lambda: _ledger(period, names),
        "invoices.csv": lambda: _invoices(period, names),
        "invoice_lines.csv": lambda: _invoice_lines(period),
        "payments.csv": lambda: _payments(period, names),
        "balance_sheet.csv": lambda: _statement(statements.balance_sheet(period), "期末余额", "年初余额"),
        "income_statement.csv": lambda: _statement(statements.income_statement(period), "本月金额", "本年累计金额"),
        "cash_flow.csv": lambda: _statement(statements.cash_flow(period), "本月金额", "本年累计金额"),
        "attachments.csv": lambda: _attachments(period, closed.closed_ms if closed else None),
    }
    sums: list[tuple[str, str, int]] = []
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, rows in parts.items():
            sums.append(_put(archive, name, map(str.encode, spreadsheet.as_csv(rows()))))
        notes = _notes(period, names.company, bool(closed), sums)
        sums.append(_put(archive, NOTES, [notes.encode()]))
        _put(archive, SUMS, [f"{digest}  {name}\n".encode() for name, digest, _ in sums], is_plain=True)


def _put(
    archive: zipfile.ZipFile, name: str, chunks: Iterable[bytes], *, is_plain: bool = False
) -> tuple[str, str, int]:
    """One file of the pack: its name, its SHA-256 and how many lines it has."""
    digest, count = hashlib.sha256(), 0
    with archive.open(zipfile.ZipInfo(name, spreadsheet.MOMENT), "w") as target:
        for chunk in chunks if is_plain else (part for parts in ([BOM], chunks) for part in parts):
            digest.update(chunk)
            count += chunk != BOM
            target.write(chunk)
    return name, digest.hexdigest(), count


def _money(amount: int) -> Decimal | str:
    return Decimal(amount).scaleb(-exact.MINOR) if amount else ""


def _within(period: int) -> object:
    """Entries of a month; December has the closing of its year with it."""
    last = period + 1 if period % 100 == periods.LAST else period
    days = Entry.date.between(periods.first_day(period), closing.last_day(period))
    return Entry.posted & days & Entry.period.between(period, last)


def _vouchers(period: int, names: _Names) -> Iterator[Sequence[object]]:
    yield "凭证号", "日期", "摘要", "科目编码", "科目名称", "辅助核算", "借方", "贷方", "来源", "冲销", "制单", "过账"
    red = Entry.alias()
    query = Line.select(
        Entry.number, Entry.date, Entry.text, Line.text, Line.account, Line.aux, Line.debit, Line.credit,
        Entry.journal, red.number, Entry.created_by, Entry.posted_by,
    ).join(Entry).join(red, "LEFT JOIN", on=(Entry.reverses == red.id)).where(_within(period))  # fmt: skip
    for row in query.order_by(Entry.date, Entry.id, Line.id).tuples().iterator():
        number, date, text, own, account, aux, debit, credit, journal, reverses, created, posted = row
        yield (
            number, date, own or text, account, names.accounts[account], names.aux(aux), _money(debit), _money(credit),
            journal, reverses or "", created, posted,
        )  # fmt: skip


def _trial_balance(period: int, names: _Names) -> Iterator[Sequence[object]]:
    yield "科目编码", "科目名称", "期初余额", "本期借方", "本期贷方", "期末余额"
    for account, before, debit, credit in _turnover(period):
        after = _money(before + debit - credit)
        yield account, names.accounts[account], _money(before), _money(debit), _money(credit), after


def _turnover(period: int) -> list[tuple[str, int, int, int]]:
    """Balance before a month and turnover of it; the closing of a year is in the balance of the year behind it."""
    end, start = closing.last_day(period), periods.first_day(period)
    before = reports.balances_before(start)
    within = {total.account: total for total in reports.trial_balance(end, start=start)}
    return [
        (code, before.get(code, 0), *((within[code].debit, within[code].credit) if code in within else (0, 0)))
        for code in sorted({*before, *within})
        if before.get(code) or code in within
    ]


def _ledger(period: int, names: _Names) -> Iterator[Sequence[object]]:
    yield "科目编码", "科目名称", "日期", "凭证号", "摘要", "辅助核算", "借方", "贷方", "余额"
    balances = {account: before for account, before, _, _ in _turnover(period)}
    for account, before in balances.items():
        yield account, names.accounts[account], "", "", "期初余额", "", "", "", _money(before)
    query = Line.select(
        Line.account, Entry.date, Entry.number, Entry.text, Line.text, Line.aux, Line.debit, Line.credit
    ).join(Entry).where(_within(period) & (Entry.period == period))  # fmt: skip
    for row in query.order_by(Line.account, Entry.date, Entry.id, Line.id).tuples().iterator():
        account, date, number, text, own, aux, debit, credit = row
        balances[account] = balances.get(account, 0) + debit - credit
        yield (
            account, names.accounts[account], date, number, own or text, names.aux(aux), _money(debit), _money(credit),
            _money(balances[account]),
        )  # fmt: skip


def _invoices(period: int, names: _Names) -> Iterator[Sequence[object]]:
    yield (
        "发票号",
        "类型",
        "日期",
        "到期日",
        "对方编码",
        "对方名称",
        "税号",
        "对方发票号",
        "不含税",
        "税额",
        "价税合计",
        "舍入",
    )
    for row in _documents(Invoice, period):
        yield (
            row.number, row.kind, row.date, row.due, *names.parties[row.party_id], row.their_number, _money(row.net),
            _money(row.tax), _money(row.net + row.tax), row.rounding,
        )  # fmt: skip


def _invoice_lines(period: int) -> Iterator[Sequence[object]]:
    yield "发票号", "行", "内容", "科目编码", "数量", "单价", "税率", "不含税", "税额"
    days = Invoice.date.between(periods.first_day(period), closing.last_day(period))
    query = InvoiceLine.select(InvoiceLine, Invoice).join(Invoice).where(Invoice.posted & days)
    for row in query.order_by(Invoice.date, Invoice.id, InvoiceLine.position).iterator():
        yield (
            row.invoice.number, row.position + 1, row.text, row.account_id, exact.show(row.quantity, row.scale),
            exact.show(row.price, exact.PRICE), f"{exact.show(row.rate, 2)}%", _money(row.net), _money(row.tax),
        )  # fmt: skip


def _payments(period: int, names: _Names) -> Iterator[Sequence[object]]:
    yield "收付款号", "类型", "日期", "对方编码", "对方名称", "科目编码", "金额", "摘要"
    for row in _documents(Payment, period):
        amount = -row.amount if row.reverses_id else row.amount
        party = names.parties[row.party_id]
        yield row.number, row.kind, row.date, party[0], party[1], row.account_id, _money(amount), row.text


def _documents(model: type[Invoice] | type[Payment], period: int) -> Iterable[Invoice | Payment]:
    days = model.date.between(periods.first_day(period), closing.last_day(period))
    return model.select().where(model.posted & days).order_by(model.date, model.id).iterator()


def _statement(rows: list[statements.Printed], now: str, year: str) -> Iterator[Sequence[object]]:
    yield "行次", "项目", now, year
    for found in rows:
        yield found.row.number or "", found.row.zh, _money(found.now), _money(found.year)


def _attachments(period: int, closed_ms: int | None) -> Iterator[Sequence[object]]:
    """Files beside the month's papers; what came after it was closed is not in its pack."""
    yield "单据", "文件名", "类型", "字节", "SHA-256"
    for model in (Entry, Invoice, Payment):
        days = model.date.between(periods.first_day(period), closing.last_day(period))
        query = Attachment.select(Attachment, model.number).join(model, on=(Attachment.document == model.id), attr="of")
        where = (Attachment.kind == model.KIND) & model.posted & days
        if closed_ms is not None:
            where &= Attachment.at_ms <= closed_ms
        for row in query.where(where).order_by(model.id, Attachment.id):
            yield row.of.number, row.name, row.media_type, row.size_bytes, row.sha256


def _notes(period: int, company: str, is_closed: bool, sums: list[tuple[str, str, int]]) -> str:
    state = "已结账，内容不再变化" if is_closed else "未结账，内容还会变化"
    counts = "\r\n".join(f"  {name:24}{count - 1:>8} 行" for name, _, count in sums)
    return (
        f"{company}\r\n会计资料包 {period // 100}年{period % 100}月（{state}）\r\n\r\n"
        f"文件（UTF-8 编码的 CSV，第一行是表头，可用 Excel 或 WPS 打开）：\r\n{counts}\r\n\r\n"
        "vouchers 记账凭证；trial_balance 科目余额表（余额为借方减贷方）；ledger 明细账；invoices 发票及红字发票；\r\n"
        "payments 收付款；balance_sheet、income_statement、cash_flow 为会小企01、02、03表；attachments 附件目录。\r\n"
        "金额单位为元。红字以负数表示。文字前的单引号用来防止被当作公式，不属于内容。\r\n\r\n"
        f"核对：在本目录执行 sha256sum -c {SUMS}；凭证的借方合计等于贷方合计。\r\n"
        f"A month's books: CSV in UTF-8, amounts in yuan. Check the files with: sha256sum -c {SUMS}\r\n"
    )
