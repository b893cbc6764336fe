"""A small-scale taxpayer (小规模纳税人): whose VAT stands where, and what goods cost; switching between the kinds."""

from __future__ import annotations

import datetime

import pytest

from bizlite.core import company as core
from bizlite.core.errors import Refused
from bizlite.core.session import Session
from bizlite.finance import accounts, invoices, ledger, parties, reports, statements
from bizlite.finance.models import Account, Line
from bizlite.purchasing import invoices as bills
from bizlite.purchasing import lines, orders, receipts, returns
from bizlite.purchasing.models import OrderLine, ReceiptLine
from bizlite.stock import costing, items
from tests.bizlite import invariants
from tests.bizlite.world import clock

OWNER = Session(user="owner", rights=frozenset({"*"}), now=clock)
MARCH, APRIL, MAY = (datetime.date(2026, month, 10) for month in (3, 4, 5))
FIRST_OF_MAY = MAY.replace(day=1)
YUAN = 1_000_000


def become(kind: str, since: datetime.date | None = None) -> None:
    core.change(OWNER, name="Ours", tax_kind=kind, tax_since=since)


def balances(date: datetime.date = MAY) -> dict[str, int]:
    return {total.account: total.balance for total in reports.trial_balance(date) if total.balance}


def invoice(kind: str, date: datetime.date, **more: object) -> int:
    code = "C" if kind == "sale" else "V"
    party = parties.Party.get_or_none(parties.Party.code == code)
    party = party or parties.add(OWNER, code, code, is_customer=kind == "sale", is_supplier=kind == "purchase")
    account = "5001" if kind == "sale" else "5602"
    item = invoices.Item(text="x", quantity=1, price=100 * YUAN, rate=300, account=account)
    return int(invoices.post(OWNER, kind, party.id, date, [item], **more).id)


def test_the_tax_of_a_sale_stands_on_one_account_and_that_of_a_purchase_is_cost(company: None) -> None:
    become("small")
    sale, purchase = invoice("sale", MARCH), invoice("purchase", MARCH)
    assert balances() == {"1122": 10300, "222101": -300, "220201": -10300, "5001": -10000, "5602": 10300}
    assert {r.row.number: r.now for r in statements.balance_sheet(202603)}[36] == 300
    ledger.post(OWNER, APRIL, [ledger.Leg(account="222101", debit=300), ledger.Leg(account="1002", credit=300)])
    assert {r.row.number: r.now for r in statements.cash_flow(202604)}[5] == 300
    for number in (sale, purchase):
        invoices.credit(OWNER, number, APRIL)
    assert balances() == {"222101": 300, "1002": -300}
    invariants.hold()


def test_another_kind_counts_from_its_day_on_and_a_credit_note_follows_its_invoice(company: None) -> None:
    become("small")
    old = [invoice(kind, APRIL) for kind in ("sale", "purchase")]
    become("general", FIRST_OF_MAY)
    assert [core.tax_kind(day) for day in (APRIL, FIRST_OF_MAY)] == ["small", "general"]
    assert [core.sale_rate(day) for day in (APRIL, MAY)] == [100, 1300]
    for kind in ("sale", "purchase"):
        invoice(kind, MAY)
    found = balances()
    assert (found["222101"], found["22210106"], found["22210101"]) == (-300, -300, 300)
    for number in old:
        invoices.credit(OWNER, number, MAY)
    assert balances() == {
        "1122": 10300, "22210106": -300, "22210101": 300, "220201": -10300, "5001": -10000, "5602": 10000
    }  # fmt: skip
    invoice("sale", APRIL)  # back-dated: we were small then
    assert balances()["222101"] == -300


@pytest.mark.parametrize(("kind", "since", "field"), [
    ("none", None, "tax_kind"), ("small", None, "tax_since"), ("small", datetime.date(2026, 5, 2), "tax_since"),
    ("small", datetime.date(2026, 4, 1), "tax_since"),
])  # fmt: skip
def test_a_switch_that_cannot_be_is_refused(company: None, kind: str, since: datetime.date | None, field: str) -> None:
    become("small", datetime.date(2026, 1, 1))
    become("general", FIRST_OF_MAY)
    before = core.read()
    become("general")  # says nothing new
    with pytest.raises(Refused) as caught:
        become(kind, since)
    assert caught.value.problems[0].field == field
    assert core.read() == before
    become("general", datetime.date(2026, 4, 1))  # the last switch was on another day
    assert core.tax_kind(APRIL) == "general"
    assert core.tax_kind(datetime.date(2025, 12, 31)) == "general"


def test_goods_cost_what_is_paid_for_them_and_parts_come_and_go_to_the_cent(company: None) -> None:
    become("small")
    supplier = parties.add(OWNER, "V", "supplier", is_supplier=True)
    bolt = items.add_item(OWNER, "BOLT", "bolt").id
    wanted = lines.Wanted(item=bolt, quantity=7, price=YUAN // 3, rate=1300)
    order = orders.send(OWNER, orders.draft(OWNER, supplier.id, MARCH, [wanted], is_gross=False).id)
    line = OrderLine.get(OrderLine.order == order).id
    for quantity in (3, 4):
        receipts.post(OWNER, order.id, MARCH, [receipts.Got(line=line, quantity=quantity)])
    gross = order.net + order.tax
    assert (gross, costing.state_at(bolt, MARCH).value) == (263, 263)
    bills.post(OWNER, order.id, MARCH, "FP 1", [bills.Match(line=line, quantity=7, price=YUAN)])  # 7.91 with tax
    assert costing.state_at(bolt, MARCH).value == 791
    assert balances() == {"1405": 791, "220201": -791}
    for number in ReceiptLine.select().order_by(ReceiptLine.id):
        for _ in range(number.quantity):
            returns.post(OWNER, number.receipt_id, APRIL, [returns.Back(line=number.id, quantity=1)])
            invariants.hold()
    assert balances() == {}


def test_the_account_of_a_small_taxpayer_takes_lines_beside_those_of_a_general_one(company: None) -> None:
    accounts.add(OWNER, "22210105", "liability", "应交税费—应交增值税—减免税款")
    assert Account.get_by_id("222101").is_leaf
    ledger.post(OWNER, MARCH, [ledger.Leg(account="222101", debit=1), ledger.Leg(account="22210105", credit=1)])
    assert Line.select().count() == 2
    with pytest.raises(Refused, match="is still needed"):
        accounts.retire(OWNER, "222101")
