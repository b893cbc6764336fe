"""Price allowances (折让): less is to be paid and no goods come back, for what was sold and for what was bought."""

from __future__ import annotations

import datetime

import pytest

from bizlite.core.errors import Refused
from bizlite.core.session import Session
from bizlite.finance import allowances, invoices, parties, payments, reports
from bizlite.finance.models import Invoice, InvoiceLine, Open, Party
from bizlite.purchasing import invoices as bills
from bizlite.purchasing import lines, orders, receipts, returns
from bizlite.purchasing.models import ReceiptLine
from bizlite.reports.models import ALL, Margin
from bizlite.sales import deliveries
from bizlite.sales import invoices as sales
from bizlite.sales import lines as selling
from bizlite.sales import orders as sold
from bizlite.sales import returns as back
from bizlite.sales.models import DeliveryLine
from bizlite.stock import costing, items, transfers
from tests.bizlite import invariants
from tests.bizlite.world import clock

OWNER = Session(user="owner", rights=frozenset({"*"}), now=clock)
DAY = datetime.date(2026, 5, 10)
LATER = DAY + datetime.timedelta(days=5)
YUAN = 1_000_000


def customer() -> Party:
    return parties.add(OWNER, "C", "customer", is_customer=True)


def two_rates(party: Party, **more: object) -> Invoice:
    """100 with 13 %, 100 with 6 %."""
    asked = [invoices.Item(text=f"{r}", quantity=1, price=100 * YUAN, rate=r, account="5001") for r in (1300, 600)]
    return invoices.post(OWNER, "sale", party.id, DAY, asked, **more)


def balance(account: str) -> int:
    return reports.balance_of(account, LATER)


def test_each_line_takes_its_share_with_its_own_tax_and_less_is_open(company: None) -> None:
    party = customer()
    invoice = two_rates(party)
    note = allowances.post(OWNER, invoice.id, LATER, 2190, text="scratches")
    assert (note.kind, note.net, note.tax, note.credits_id) == ("sale_credit", 2000, 190, invoice.id)
    lines_ = InvoiceLine.select().where(InvoiceLine.invoice == note).order_by(InvoiceLine.position)
    assert [(line.net, line.tax, line.of_position) for line in lines_] == [(1000, 130, 0), (1000, 60, 1)]
    assert (balance("5001"), balance("22210106"), balance("1122")) == (-18000, -1710, 19710)
    assert Open.get(Open.document_id == invoice.id).rest == 19710
    assert payments.ageing("receivable", LATER)[0].classes[0] == 19710
    one = allowances.post(OWNER, invoice.id, LATER, 1130, line=1)
    assert (one.net, one.tax) == (1000, 130)
    rest = invoices.credit(OWNER, invoice.id, LATER)  # what is left of it
    assert (rest.net, rest.tax) == (17000, 1580)
    assert (balance("5001"), balance("22210106"), balance("1122")) == (0, 0, 0)
    invariants.hold()


def test_an_invoice_that_was_paid_leaves_the_allowance_to_the_customer(company: None) -> None:
    party = customer()
    invoice = two_rates(party, is_gross=True)
    payments.post(OWNER, "in", party.id, DAY, 20000)
    note = allowances.post(OWNER, invoice.id, LATER, 500)
    assert payments.open_of("finance_invoice", note.id).rest == 500
    assert payments.open_balance(party.id, "receivable") == -500


@pytest.mark.parametrize(("values", "field"), [
    ({"amount": 0}, "amount"), ({"amount": 21901}, "amount"), ({"amount": 11301, "line": 1}, "amount"),
    ({"amount": 1, "line": 3}, "line"), ({"amount": 1, "line": 0}, "line"),
])  # fmt: skip
def test_more_than_there_is_is_refused(company: None, values: dict[str, int], field: str) -> None:
    invoice = two_rates(customer())
    with pytest.raises(Refused) as caught:
        allowances.post(OWNER, invoice.id, LATER, **values)
    assert caught.value.problems[0].field == field
    assert Invoice.select().count() == 1


def test_an_allowance_is_none_on_a_credit_note_or_before_its_invoice(company: None) -> None:
    invoice = two_rates(customer())
    note = allowances.post(OWNER, invoice.id, LATER, 100)
    with pytest.raises(Refused, match="cannot be credited"):
        allowances.post(OWNER, note.id, LATER, 50)
    with pytest.raises(Refused, match="lies before"):
        allowances.post(OWNER, invoice.id, DAY - datetime.timedelta(days=1), 50)


def test_goods_that_come_back_later_are_credited_at_what_was_left_of_them(company: None) -> None:
    party, bolt = customer(), items.add_item(OWNER, "BOLT", "bolt").id
    there = transfers.Line(item=bolt, quantity=3, source=2, target=1, value=300)
    transfers.post(OWNER, "receipt", DAY, [there])
    wanted = selling.Wanted(item=bolt, quantity=3, price=10 * YUAN, rate=1300)
    order = sold.confirm(OWNER, sold.draft(OWNER, party.id, DAY, [wanted], is_gross=False).id)
    delivery = deliveries.post(OWNER, order.id, DAY)
    invoice = sales.post(OWNER, order.id, DAY)
    line = DeliveryLine.get(DeliveryLine.delivery == delivery).id
    back.post(OWNER, delivery.id, LATER, [back.Back(line=line, quantity=1)])
    allowances.post(OWNER, invoice.id, LATER, 1001)
    for _ in range(2):
        back.post(OWNER, delivery.id, LATER, [back.Back(line=line, quantity=1)])
    assert (balance("5001"), balance("22210106"), balance("1122")) == (0, 0, 0)
    assert Margin.get((Margin.party == ALL) & (Margin.item == bolt)).revenue == 0
    invariants.hold()


def test_a_suppliers_allowance_makes_the_goods_cheaper_and_the_rest_goes_back(company: None) -> None:
    supplier, bolt = parties.add(OWNER, "V", "supplier", is_supplier=True), items.add_item(OWNER, "BOLT", "bolt").id
    wanted = lines.Wanted(item=bolt, quantity=10, price=10 * YUAN, rate=1300)
    order = orders.send(OWNER, orders.draft(OWNER, supplier.id, DAY, [wanted], is_gross=False).id)
    receipt = receipts.post(OWNER, order.id, DAY)
    invoice = bills.post(OWNER, order.id, DAY, "FP 1")
    transfers.post(OWNER, "delivery", DAY, [transfers.Line(item=bolt, quantity=4, source=1, target=3)])
    with pytest.raises(Refused, match="is for goods received"):
        allowances.post(OWNER, invoice.id, LATER, 1130)
    note = bills.allow(OWNER, order.id, "FP 1", LATER, 1130, text="rust")
    assert (note.kind, note.net, note.tax, note.text) == ("purchase_credit", 1000, 130, "rust")
    assert costing.state_at(bolt, LATER).value == 5400
    assert (balance("5401"), balance("220202"), balance("220201"), balance("22210101")) == (3600, 0, -10170, 1170)
    invariants.hold()
    line = ReceiptLine.get(ReceiptLine.receipt == receipt).id
    returns.post(OWNER, receipt.id, LATER, [returns.Back(line=line, quantity=6)])
    assert balance("220201") == -4068  # 4 of 10 at 9 with their tax
    assert bills.credit(OWNER, invoice.id, LATER).net == 3600
    assert (balance("220201"), balance("22210101")) == (0, 0)
    invariants.hold()
    with pytest.raises(Refused, match="is no invoice of this order"):
        bills.allow(OWNER, order.id, "FP 1", LATER, 1)
