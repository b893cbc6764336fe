"""The accountant's pack, looked at by programs that know nothing of us: unzip, sha256sum, csv."""

from __future__ import annotations

import csv
import datetime
import io
import subprocess
import zipfile
from decimal import Decimal
from pathlib import Path

from bizlite.core import attachments, store
from bizlite.core import company as ours
from bizlite.core.database import write
from bizlite.core.session import Session
from bizlite.finance import accounts, figures, invoices, ledger, pack, parties, payments, periods, reports
from bizlite.finance.models import Party

DAY = datetime.date(2026, 12, 10)
MOMENT = [datetime.datetime(2027, 1, 5, tzinfo=datetime.UTC)]
OWNER = Session(user="owner", rights=frozenset({"*"}), now=lambda: MOMENT[0])


def packed(period: int) -> bytes:
    file = io.BytesIO()
    pack.write(file, period, ours.read()["name"])
    return file.getvalue()


def read(directory: Path, name: str) -> list[dict[str, str]]:
    with (directory / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def month(home: Path) -> Party:
    """A month with all kinds of papers."""
    party = parties.add(OWNER, "C", "=customer", is_customer=True)
    item = invoices.Item(text="-10% off", quantity=1500, scale=3, price=33_333_333)
    invoice = invoices.post(OWNER, "sale", party.id, DAY, [item, item])
    invoices.credit(OWNER, invoice.id, DAY, [item])
    payment = payments.post(OWNER, "in", party.id, DAY, 12345)
    payments.storno(OWNER, payment.id)
    ledger.post(OWNER, DAY, [ledger.Leg(account="5602", debit=99), ledger.Leg(account="1001", credit=99)], text="=1+1")
    ledger.post(
        OWNER, DAY.replace(month=11), [ledger.Leg(account="1001", debit=9), ledger.Leg(account="3001", credit=9)]
    )
    attachments.attach(OWNER, home / "files", "INV", invoice.id, "scan.pdf", "application/pdf", b"%PDF")
    return party


def test_an_outside_program_verifies_the_pack(company: None, tmp_path: Path) -> None:
    month(tmp_path)
    periods.close(OWNER, 202612)
    (tmp_path / "pack.zip").write_bytes(packed(202612))
    subprocess.run(["python3", "-m", "zipfile", "-e", "pack.zip", "out"], cwd=tmp_path, check=True)
    out = tmp_path / "out"
    check = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=out, check=True, capture_output=True, text=True)
    names = sorted(path.name for path in out.iterdir())
    assert check.stdout.count(": OK") == len(names) - 1
    vouchers = read(out, "vouchers.csv")
    by_number: dict[str, Decimal] = {}
    by_account: dict[str, Decimal] = {}
    for row in vouchers:
        amount = Decimal(row["借方"] or "0") - Decimal(row["贷方"] or "0")
        by_number[row["凭证号"]] = by_number.get(row["凭证号"], Decimal(0)) + amount
        if row["来源"] != "closing":  # belongs to the year that begins
            by_account[row["科目编码"]] = by_account.get(row["科目编码"], Decimal(0)) + amount
    assert len(by_number) == 7
    assert not any(by_number.values())
    totals = read(out, "trial_balance.csv")
    for row in totals:
        before, after = Decimal(row["期初余额"] or "0"), Decimal(row["期末余额"] or "0")
        assert after - before == by_account.get(row["科目编码"], 0)
    assert not sum(Decimal(row["期末余额"] or "0") for row in totals)
    last = {row["科目编码"]: row["余额"] for row in read(out, "ledger.csv")}
    after = {row["科目编码"]: row["期末余额"] for row in totals}
    assert {account: balance for account, balance in last.items() if balance or account in after} == after
    invoice, note = read(out, "invoices.csv")
    lines = read(out, "invoice_lines.csv")
    assert sum(Decimal(row["不含税"]) for row in lines[:2]) == Decimal(invoice["不含税"]) == 2 * Decimal(note["不含税"])
    assert (invoice["对方名称"], lines[0]["内容"], lines[0]["数量"]) == ("'=customer", "'-10% off", "1.500")
    assert "'=1+1" in {row["摘要"] for row in vouchers}
    assert [row["金额"] for row in read(out, "payments.csv")] == ["123.45", "-123.45"]
    assert [(row["单据"], row["文件名"]) for row in read(out, "attachments.csv")] == [("INV-2026-00001", "scan.pdf")]
    assert "已结账" in (out / "说明.txt").read_text(encoding="utf-8-sig")


def test_the_pack_of_a_closed_month_is_the_same_for_ever(company: None, tmp_path: Path) -> None:
    ours.change(OWNER, name="华美机械厂")
    party = month(tmp_path)
    assert "未结账" in packed(202612).decode(errors="ignore")
    periods.close(OWNER, 202612)
    first = packed(202612)
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert archive.testzip() is None
    MOMENT[0] += datetime.timedelta(days=30)
    with write():
        store.change(OWNER, party, name="renamed")
    ours.change(OWNER, name="华美机械有限公司")
    accounts.change(OWNER, "1001", name_zh="现金", name_en="Cash")
    attachments.attach(OWNER, tmp_path / "files", "INV", 1, "later.pdf", "application/pdf", b"%PDF")
    parties.add(OWNER, "D", "later", is_customer=True)
    accounts.add(OWNER, "560101", "expense", "销售费用—广告费")
    ledger.post(OWNER, DAY.replace(year=2027), [
        ledger.Leg(account="5603", debit=99), ledger.Leg(account="1001", credit=99)
    ])  # fmt: skip
    assert packed(202612) == first
    assert packed(202701) != first


def test_january_begins_with_what_december_left_and_its_parts_agree(company: None, tmp_path: Path) -> None:
    month(tmp_path)
    day = DAY.replace(year=2027, month=1)
    periods.close(OWNER, 202612)
    ledger.post(OWNER, day, [ledger.Leg(account="5602", debit=7), ledger.Leg(account="1001", credit=7)])
    (tmp_path / "pack.zip").write_bytes(packed(202701))
    zipfile.ZipFile(tmp_path / "pack.zip").extractall(tmp_path)
    totals = {row["科目编码"]: row for row in read(tmp_path, "trial_balance.csv")}
    assert list(totals["5602"].values())[2:] == ["", "0.07", "", "0.07"]
    assert "5001" not in totals
    last = {row["科目编码"]: row["余额"] for row in read(tmp_path, "ledger.csv")}
    assert last == {account: row["期末余额"] for account, row in totals.items()}
    for start in (day.replace(day=1), DAY):  # also over the end of the year
        shown = {line.values[0]: line.values[-1] for line in figures.trial_balance(start, day, "zh").lines}
        assert shown == {account: figures.ledger(account, start, day).lines[-1].values[-1] for account in shown}
    assert reports.income_statement(day.replace(day=1), day).result == -7
    earned = reports.income_statement(DAY, DAY).result
    assert reports.income_statement(DAY, day).result == earned - 7
