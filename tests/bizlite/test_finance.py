"""Charts, opening balances, statements, forecast, bank lists: what a bookkeeper does beside documents."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import pytest

from bizlite.core.errors import Refused
from bizlite.core.session import Session
from bizlite.finance import (
    account_statement,
    accounts,
    bank,
    closing,
    forecast,
    invoices,
    ledger,
    matching,
    opening,
    parties,
    payments,
    periods,
    reports,
    statements,
)
from bizlite.finance.models import Account, BankLine, Entry, Line, Open, Party, Payment
from bizlite.stock import counting, items, transfers
from tests.bizlite import invariants
from tests.bizlite.world import clock

DAY = datetime.date(2026, 3, 10)
OWNER = Session(user="owner", rights=frozenset({"*"}), now=clock)
AT_THE_END = Session(
    user="owner", rights=frozenset({"*"}), now=lambda: datetime.datetime(2026, 12, 31, 4, tzinfo=datetime.UTC)
)
Leg = ledger.Leg
Opening = opening.Opening


def book(debit: str, credit: str, yuan: int, date: datetime.date = DAY) -> Entry:
    return ledger.post(OWNER, date, [Leg(account=debit, debit=yuan * 100), Leg(account=credit, credit=yuan * 100)])


def refused(action: Callable[[], object]) -> dict[str, str]:
    """Field and message of what was refused."""
    with pytest.raises(Refused) as caught:
        action()
    return {problem.field: problem.message % problem.params for problem in caught.value.problems}


def customer(code: str = "C", **values: object) -> Party:
    return parties.add(OWNER, code, f"customer {code}", is_customer=True, **values)


def sell(party: Party, yuan: int, date: datetime.date = DAY) -> int:
    item = invoices.Item(text="x", quantity=1, price=yuan * 10**6, rate=0)
    return int(invoices.post(OWNER, "sale", party.id, date, [item]).id)


def rows(found: list[statements.Printed]) -> dict[int, tuple[int, int]]:
    """By number, in yuan, what is not 0."""
    return {row.row.number: (row.now // 100, row.year // 100) for row in found if row.now or row.year}


# --- the chart
def test_an_account_below_another_and_none_below_what_documents_post_to(company: None) -> None:
    accounts.add(OWNER, "100201", "asset", "银行存款—工行")
    assert not Account.get_by_id("1002").is_leaf
    book("100201", "3001", 5)
    assert refused(lambda: book("1002", "3001", 5)) == {"lines.0.account": "takes no lines"}
    assert "code" in refused(lambda: accounts.add(OWNER, "112201", "asset", "应收账款—甲"))
    assert "code" in refused(lambda: accounts.add(OWNER, "10020101", "asset", "工行—基本户"))
    assert "kind" in refused(lambda: accounts.add(OWNER, "560101", "asset", "销售费用—广告费"))
    assert list(refused(lambda: accounts.retire(OWNER, "100201"))) == ["code"]


def test_an_imported_chart_is_all_or_nothing_with_each_bad_row(company: None) -> None:
    text = "科目编码,类别,名称\n560101,费用,销售费用—广告费\n56x,费用,错\n660101,成本,\n560101,费用,再次\n"
    found = refused(lambda: accounts.import_chart(OWNER, text))
    assert list(found) == ["rows.3.code", "rows.4.name_zh", "rows.5.code"]
    assert Account.get_or_none(Account.code == "560101") is None
    assert "rows.1" in refused(lambda: accounts.import_chart(OWNER, "编码,名称\n1,2\n"))


def test_a_whole_chart_puts_out_of_use_what_it_does_not_name(company: None) -> None:
    book("1001", "3001", 5)
    every = list(accounts.export_chart())
    assert accounts.import_chart(OWNER, "".join(every[:1] + every[2:4]), is_whole=True) == 2
    active = {row.code for row in Account.select().where(Account.is_active)}
    assert {"1001", "1002", "1012", "3001", "1122", "2221", "22210101", "5401"} <= active
    assert not active & {"1101", "2001", "5602", "22210102"}


# --- opening balances
def test_opening_balances_are_paid_like_invoices_and_taken_back_before(company: None) -> None:
    party = customer()
    text = "account,party,due,debit,credit\n1122,C,2026-02-01,70.00,\n1002,,,30,\n3001,,,,100\n"
    opening.import_list(OWNER, DAY, text)
    assert payments.open_balance(party.id, "receivable") == 7000
    assert payments.ageing("receivable", DAY)[0].classes == (0, 0, 7000, 0, 0)
    assert "date" in refused(lambda: opening.import_list(OWNER, DAY, text))
    opening.storno(OWNER)
    assert payments.open_balance(party.id, "receivable") == 0
    opening.import_list(OWNER, DAY, text)
    payments.post(OWNER, "in", party.id, DAY, 7000)
    assert "date" in refused(lambda: opening.storno(OWNER))
    assert not Open.select().where(Open.rest > 0).count()


def test_wrong_opening_balances_are_named_by_row_and_change_nothing(company: None) -> None:
    customer()
    text = "account,party,due,debit,credit\n1122,X,,70,\n1122,C,soon,1,\n1002,,,1,1\n1002,,,1.234,\n"
    rows_ = ["rows.2.party", "rows.3.due", "rows.4.debit", "rows.5.debit"]
    assert list(refused(lambda: opening.import_list(OWNER, DAY, text))) == rows_
    text = "account,party,debit,credit\n,,,\n1122,,70,\n1002,C,,70\n"
    assert list(refused(lambda: opening.import_list(OWNER, DAY, text))) == ["rows.3.party", "rows.4.party"]
    assert not Entry.select().count()


# --- vouchers
def test_a_voucher_by_hand_cannot_drive_documents_and_ledger_apart(company: None) -> None:
    item = items.add_item(OWNER, "I", "item")
    line = transfers.Line(item=item.id, quantity=1, source=2, target=1, value=500)
    transfers.post(OWNER, "receipt", DAY, [line])
    for account in ("1122", "220201", "1405"):
        found = refused(lambda account=account: book(account, "5001", 1))
        assert list(found) == ["lines.0.account"]
    draft = ledger.draft(OWNER, DAY, [Leg(account="1405", debit=5), Leg(account="1001", credit=5)])
    assert list(refused(lambda: ledger.post_draft(OWNER, draft.id, 1))) == ["lines.0.account"]


def test_an_invoice_by_hand_cannot_either_and_a_suppliers_number_stands_once(company: None) -> None:
    item = items.add_item(OWNER, "I", "item")
    transfers.post(OWNER, "receipt", DAY, [transfers.Line(item=item.id, quantity=1, source=2, target=1, value=500)])
    party = parties.add(OWNER, "B", "both", is_customer=True, is_supplier=True).id

    def write(kind: str, account: str, number: str = "") -> int:
        line = invoices.Item(text="x", quantity=1, price=10**6, account=account)
        return int(invoices.post(OWNER, kind, party, DAY, [line], their_number=number).id)

    for kind in ("sale", "purchase"):
        for account in ("1122", "220201", "1405"):
            assert list(refused(lambda kind=kind, account=account: write(kind, account))) == ["lines.0.account"]
    assert refused(lambda: write("purchase", "5001")) == {"lines.0.account": "is an account of revenue"}
    first = write("purchase", "5602", "24312000000012345678 ")
    assert list(refused(lambda: write("purchase", "5602", "24312000000012345678"))) == ["their_number"]
    invoices.credit(OWNER, first, DAY)
    write("purchase", "5602", "24312000000012345678")  # the first one is taken back
    for _ in range(2):
        write("purchase", "5602")  # a receipt without a number
        write("sale", "5001", "order 7")  # their order's number may come twice


def test_money_is_paid_back_of_what_was_credited_or_paid_ahead(company: None) -> None:
    party = customer()
    invoice = sell(party, 100)
    payments.post(OWNER, "in", party.id, DAY, 12000)  # 20 too much
    assert "amount" in refused(lambda: payments.post(OWNER, "in_back", party.id, DAY, 2001))
    invoices.credit(OWNER, invoice, DAY)
    back = payments.post(OWNER, "in_back", party.id, DAY, 11000)
    assert [(line.account_id, line.debit, line.credit) for line in Line.select().where(Line.id > 6)] == [
        ("1002", -11000, 0), ("1122", 0, -11000)
    ]  # fmt: skip
    assert payments.open_balance(party.id, "receivable") == reports.balance_of("1122", DAY) == -1000
    assert rows(statements.cash_flow(202603))[1] == (10, 10)
    payments.storno(OWNER, back.id)
    assert payments.open_balance(party.id, "receivable") == reports.balance_of("1122", DAY) == -12000
    bank.import_list(OWNER, "1002", f"date,amount,counterparty\n2026-03-11,-120,{party.name}\n")
    assert bank.accept(OWNER, BankLine.get().id, party.id).kind == "in_back"
    assert payments.open_balance(party.id, "receivable") == reports.balance_of("1122", DAY.replace(day=11)) == 0
    supplier = parties.add(OWNER, "V", "supplier", is_supplier=True)
    payments.post(OWNER, "out", supplier.id, DAY, 700)
    payments.post(OWNER, "out_back", supplier.id, DAY, 700)
    assert payments.open_balance(supplier.id, "payable") == reports.balance_of("220201", DAY) == 0
    invariants.hold()


# --- statements
def test_the_three_statements_of_a_small_firm(company: None) -> None:
    accounts.add(OWNER, "560101", "expense", "销售费用—广告费")
    book("1002", "3001", 1000, DAY.replace(year=2025))
    book("1601", "1002", 400)
    book("5602", "1602", 10)
    book("560101", "1001", 5)
    book("1002", "2001", 300)
    party = customer()
    payments.post(OWNER, "in", party.id, DAY, 2000, account="1002")  # paid ahead: an advance, not a negative claim
    sell(customer("D"), 50)
    assert rows(statements.balance_sheet(202603)) == {
        1: (915, 1000), 4: (50, 0), 15: (965, 1000), 18: (400, 0), 19: (10, 0), 20: (390, 0), 29: (390, 0),
        30: (1355, 1000), 31: (300, 0), 34: (20, 0), 41: (320, 0), 47: (320, 0), 48: (1000, 1000), 51: (35, 0),
        52: (1035, 1000), 53: (1355, 1000),
    }  # fmt: skip
    assert rows(statements.income_statement(202603)) == {
        1: (50, 50), 11: (5, 5), 13: (5, 5), 14: (10, 10), 21: (35, 35), 30: (35, 35), 32: (35, 35)
    }  # fmt: skip
    assert rows(statements.cash_flow(202603)) == {
        1: (20, 20), 6: (5, 5), 7: (15, 15), 12: (400, 400), 13: (-400, -400), 14: (300, 300), 19: (300, 300),
        20: (-85, -85), 21: (1000, 1000), 22: (915, 915),
    }  # fmt: skip
    assert rows(statements.income_statement(202604))[32] == (0, 35)
    assert rows(statements.income_statement(202603, 3))[32] == (35, 35)
    assert list(refused(lambda: statements.income_statement(202604, 3))) == ["months"]
    assert list(refused(lambda: statements.balance_sheet(202613))) == ["period"]


def test_what_the_books_were_opened_with_is_the_first_years_begin(company: None) -> None:
    late = customer()
    first = DAY.replace(month=1, day=1)
    opened = [
        Opening(account="1002", debit=90000), Opening(account="1122", debit=20000, party=late.id),
        Opening(account="1122", credit=5000, party=customer("D").id), Opening(account="1901", debit=30000),
        Opening(account="3001", credit=135000),
    ]  # fmt: skip
    opening.post(OWNER, first, opened)
    item = items.add_item(OWNER, "I", "item")
    counting.post(OWNER, first, [counting.Counted(item=item.id, location=1, quantity=3, value=30000)])
    book("5602", "1002", 100)
    begin = {1: 900, 4: 200, 9: 300, 12: 300, 15: 1400, 30: 1400, 34: 50, 41: 50, 47: 50, 48: 1350, 52: 1350, 53: 1400}
    sheet = statements.balance_sheet(202603)
    assert {row.row.number: row.year // 100 for row in sheet if row.year} == begin
    assert {row.row.number: row.year // 100 for row in statements.balance_sheet(202701) if row.year}[1] == 800
    assert rows(statements.cash_flow(202603))[21] == (900, 900)
    assert rows(statements.cash_flow(202612, 12)) == {
        6: (100, 0), 7: (-100, 0), 20: (-100, 0), 21: (900, 900), 22: (800, 900)
    }  # fmt: skip
    opening.storno(OWNER)
    assert not [row for row in statements.balance_sheet(202603) if row.year]


def test_books_opened_within_a_year_bring_what_it_earned_until_then(company: None) -> None:
    book("1002", "5001", 7, DAY.replace(year=2025))
    earned = [
        Opening(account="1002", debit=5000),
        Opening(account="5001", credit=8000),
        Opening(account="5602", debit=3000),
    ]
    opening.post(OWNER, DAY, earned)
    book("1002", "5001", 10)
    assert rows(statements.income_statement(202603))[32] == (10, 60)
    assert rows(statements.income_statement(202603, 3))[32] == (60, 60)
    assert rows(statements.income_statement(202604))[32] == (0, 60)
    assert rows(statements.income_statement(202612, 12))[32] == (60, 7)  # and the year before


def test_accounts_of_another_chart_have_their_row(company: None) -> None:
    accounts.import_chart(OWNER, "code,kind,name_zh\n1999,资产,另一资产\n2999,负债,另一负债\n5999,收入,另一收入\n")
    book("1999", "2999", 7)
    book("1001", "5999", 3)
    sheet = rows(statements.balance_sheet(202603))
    assert (sheet[14], sheet[40], sheet[30], sheet[53]) == ((7, 0), (7, 0), (10, 0), (10, 0))
    assert rows(statements.income_statement(202603))[22] == (3, 3)
    assert rows(statements.cash_flow(202603))[2] == (3, 3)


def test_a_partys_statement_begins_with_what_was_before(company: None) -> None:
    party = customer()
    sell(party, 10, DAY.replace(month=1))
    sell(party, 20, DAY.replace(day=1))
    sell(party, 30)
    payments.post(OWNER, "in", party.id, DAY + datetime.timedelta(days=1), 1500)
    found = account_statement.make(party.id, "receivable", DAY, DAY + datetime.timedelta(days=1))
    assert (found.before, found.after) == (3000, 4500)
    assert [(line.debit, line.credit, line.balance) for line in found.postings] == [(3000, 0, 6000), (0, 1500, 4500)]


# --- forecast
def test_the_forecast_knows_the_habit_of_a_party_taxes_and_recurring_costs(company: None) -> None:
    book("1002", "3001", 1000)
    late = customer(payment_days=0)
    first = sell(late, 100, DAY.replace(month=1))
    paid = DAY.replace(month=1) + datetime.timedelta(days=10)
    payments.post(OWNER, "in", late.id, paid, 10000, allocate=[(first, 10000)])
    sell(late, 200)
    forecast.add_recurring(OWNER, "rent", "out", 5000, datetime.date(2026, 1, 31))
    book("5403", "222102", 6)
    made = forecast.make(DAY, weeks=9)
    assert made.cash == 110000
    assert [(flow.date.isoformat(), flow.amount, flow.kind) for flow in made.flows] == [
        ("2026-03-15", -600, "tax"), ("2026-03-20", 20000, "invoice"), ("2026-03-31", -5000, "recurring"),
        ("2026-04-30", -5000, "recurring"),
    ]  # fmt: skip
    assert [week.balance for week in made.weeks[:4]] == [109400, 129400, 129400, 124400]
    assert made.lowest.start == DAY
    payments.post(OWNER, "in", late.id, DAY, 5000, allocate=())  # paid ahead
    assert [flow.amount for flow in forecast.invoices(DAY)] == [15000]


def test_a_recurring_cost_begins_on_a_day_that_the_forecast_can_reckon_from(company: None) -> None:
    for first in (datetime.date.max, datetime.date.min):
        assert list(refused(lambda first=first: forecast.add_recurring(OWNER, "rent", "out", 5000, first))) == ["first"]
    assert not forecast.make(DAY).flows


# --- the bank's list
BANK = "交易日期,收入,支出,对方户名,摘要,流水号\n2026-03-10,100.00,,customer C,货款,1\n2026/03/11,,20.50,房东,房租,2\n"


def test_a_bank_list_is_taken_in_once_and_matched(company: None) -> None:
    party = customer()
    sell(party, 30)
    wanted = sell(party, 100)
    assert bank.import_list(OWNER, "1002", BANK) == 2
    assert bank.import_list(OWNER, "1002", BANK) == 0
    came, went = BankLine.select().order_by(BankLine.id)
    assert (came.amount, went.amount) == (10000, -2050)
    assert matching.proposals(came) == [matching.Proposal(party.id, ((wanted, 10000),), "amount")]
    assert not matching.proposals(went)
    assert closing.points(202603)[1].count == 2
    payment = bank.accept(OWNER, came.id, party.id, [(wanted, 10000)])
    assert (payment.amount, Open.get(Open.document_id == wanted).rest) == (10000, 0)
    assert list(refused(lambda: bank.accept(OWNER, came.id, party.id))) == ["line"]
    bank.ignore(OWNER, went.id)
    assert closing.points(202603)[1].is_done


def test_of_two_columns_that_fit_the_nearer_counts_and_a_side_gives_the_sign(company: None) -> None:
    text = "户名,交易日期,交易时间,借贷标志,交易金额,对方户名,摘要,备注\n"
    text += (
        "我方公司,2026-03-10,10:15:00,贷,100.00,customer C,货款,\n我方公司,2026-03-11,09:00:00,借,20.50,房东,房租,\n"
    )
    assert bank.import_list(OWNER, "1002", text) == 2
    found = [(row.amount, row.counterparty, row.text) for row in BankLine.select().order_by(BankLine.id)]
    assert found == [(10000, "customer C", "货款"), (-2050, "房东", "房租")]
    wrong = "date,amount,side\n2026-03-10,5,收入\n2026-03-10,5,?\n"
    assert list(refused(lambda: bank.import_list(OWNER, "1002", wrong))) == ["rows.3.side"]


def test_a_line_of_a_closed_month_is_posted_on_the_first_open_day(company: None) -> None:
    party = customer()
    bank.import_list(OWNER, "1002", "date,amount\n2026-03-31,5\n2026-04-02,6\n")
    periods.close(OWNER, 202603)
    late, there = (bank.accept(OWNER, line.id, party.id) for line in BankLine.select().order_by(BankLine.id))
    assert (late.date, there.date) == (datetime.date(2026, 4, 1), datetime.date(2026, 4, 2))


def test_a_list_is_of_an_account_that_takes_lines(company: None) -> None:
    accounts.add(OWNER, "100201", "asset", "银行存款—基本户")
    assert refused(lambda: bank.import_list(OWNER, "1002", BANK)) == {"account": "takes no lines"}
    assert bank.import_list(OWNER, "100201", BANK) == 2


def test_a_number_in_the_text_and_a_name_lead_to_invoices(company: None) -> None:
    party, other = customer(), customer("D")
    first, second = sell(party, 30), sell(party, 50)
    sell(other, 60)
    bank.import_list(OWNER, "1002", "date,amount,counterparty,text\n2026-03-12,60,somebody,INV-2026-00001 and more\n")
    bank.import_list(OWNER, "1002", "date,amount,counterparty\n2026-03-12,70,customer C\n")
    one, two = BankLine.select().order_by(BankLine.id)
    assert matching.proposals(one)[0] == matching.Proposal(party.id, ((first, 3000),), "number")
    assert matching.proposals(two) == [matching.Proposal(party.id, ((first, 3000), (second, 4000)), "name")]


def test_a_part_of_a_number_and_the_amount_of_somebody_else_are_no_proposal(company: None) -> None:
    supplier = parties.add(OWNER, "V", "Hongtu", is_supplier=True)
    expense = invoices.Item(text="x", quantity=1, price=10**6, rate=0, account="5602")
    for number in ("26", "20260310", "FP-7788"):
        invoices.post(OWNER, "purchase", supplier.id, DAY, [expense], their_number=number)
    sell(customer(), 80)
    customer("D")
    lines = ["-9,宏图,3月26日货款 120260310号", "-9,宏图,发票FP-7788货款", "80,customer D,货款", "80,王某,货款"]
    text = "date,amount,counterparty,text\n" + "\n".join(f"2026-03-12,{line}" for line in lines)
    assert bank.import_list(OWNER, "1002", text) == 4
    chance, named, of_another, unknown = BankLine.select().order_by(BankLine.id)
    assert not matching.proposals(chance)
    assert [proposal.why for proposal in matching.proposals(named)] == ["number"]
    assert not matching.proposals(of_another)  # D is known, and owes nothing
    assert [proposal.why for proposal in matching.proposals(unknown)] == ["amount"]


def test_many_lines_are_decided_at_once_and_no_two_propose_the_same_money(company: None) -> None:
    one, two = customer(), customer("D")
    same = [sell(one, 100), sell(one, 100), sell(two, 70)]
    lines = [f"2026-03-12,100.00,{one.name},", f"2026-03-13,100.00,{one.name},", "2026-03-14,70.00,X,fee",
             f"2026-03-15,5.00,{one.name},", "2026-03-16,-3.00,bank,fee"]  # fmt: skip
    assert bank.import_list(OWNER, "1002", "date,amount,counterparty,text\n" + "\n".join(lines)) == 5
    found = matching.waiting()
    keys = [[proposal.key for proposal in row.proposals] for row in found]
    assert keys == [[f"{one.id}:{same[0]}", f"{one.id}:{same[1]}"], [f"{one.id}:{same[1]}"],
                    [f"{two.id}:{same[2]}"], [], []]  # fmt: skip
    numbers = [row.line.id for row in found]
    chosen = [matching.Decision(line=numbers[n], what="accept", proposal=keys[n][0]) for n in range(2)]
    chosen += [matching.Decision(line=numbers[2], what="reject", proposal=keys[2][0]),
               matching.Decision(line=numbers[4], what="ignore")]  # fmt: skip
    wrong = [*chosen, matching.Decision(line=numbers[3], what="accept", proposal=keys[0][0])]
    assert list(refused(lambda: matching.decide(OWNER, wrong))) == ["lines.4.proposal"]
    assert not Payment.select().count()
    assert matching.decide(OWNER, chosen, key="k") == matching.decide(OWNER, chosen, key="k") == 4
    assert [Open.get(Open.document_id == number).rest for number in same] == [0, 0, 7000]
    assert [(row.line.id, row.proposals) for row in matching.waiting()] == [(numbers[2], []), (numbers[3], [])]
    payments.storno(OWNER, BankLine.get_by_id(numbers[0]).payment_id)
    for number in (numbers[0], numbers[4]):
        assert bank.reopen(OWNER, number).state == "open"
    assert list(refused(lambda: bank.reopen(OWNER, numbers[1]))) == ["line"]
    assert [row.line.id for row in matching.waiting(numbers[0], 2)] == numbers[2:4]


@pytest.mark.parametrize(("what", "proposal", "field"), [
    ("accept", "x", "proposal"), ("accept", "", "proposal"), ("accept", "99:", "party"), ("accept", "1:99", "proposal"),
    ("reject", "1:2:3", "proposal"), ("pay", "", "what"),
])  # fmt: skip
def test_a_wrong_decision_is_named_by_its_line(company: None, what: str, proposal: str, field: str) -> None:
    customer()
    bank.import_list(OWNER, "1002", "date,amount\n2026-03-12,5.00\n")
    wrong = matching.Decision(line=1, what=what, proposal=proposal)
    assert list(refused(lambda: matching.decide(OWNER, [wrong]))) == [f"lines.0.{field}"]
    assert list(refused(lambda: matching.decide(OWNER, []))) == ["lines"]
    assert BankLine.get().state == "open"


def test_a_wrong_bank_list_is_named_by_row_and_nothing_of_it_is_kept(company: None) -> None:
    text = "date,amount\n2026-03-10,5\nsoon,5\n2026-03-10,\n2026-03-10,1.234\n"
    found = refused(lambda: bank.import_list(OWNER, "1002", text))
    assert list(found) == ["rows.3.date", "rows.4.amount", "rows.5.amount"]
    assert not BankLine.select().count()
    assert list(refused(lambda: bank.import_list(OWNER, "1001", BANK))) == ["account"]


# --- the end of a month
def test_a_year_ends_by_its_profit_of_the_year_and_leaves_nothing_there(company: None) -> None:
    accounts.import_chart(OWNER, "code,kind,name_zh\n6999,收入,另一收入\n5999,成本,另一成本\n")
    opened = [Opening(account="1002", debit=90000), Opening(account="3001", credit=70000),
              Opening(account="3103", credit=20000)]  # fmt: skip
    opening.post(OWNER, DAY, opened)  # what the books before had carried there by then
    book("1002", "5001", 500)
    book("5602", "1002", 120)
    book("1002", "6999", 30)
    book("5999", "1002", 7)
    periods.close(AT_THE_END, 202612)
    closing_ = Entry.select().where(Entry.journal == "closing").order_by(Entry.id)
    assert [[(line.account_id, line.debit, line.credit) for line in Line.select().where(Line.entry == entry)
             .order_by(Line.id)] for entry in closing_] == [
        [("5001", 50000, 0), ("5602", 0, 12000), ("6999", 3000, 0), ("3103", 0, 41000)],
        [("3103", 61000, 0), ("3104", 0, 61000)],
    ]  # fmt: skip
    left = {total.account: total.balance for total in reports.trial_balance(DAY.replace(year=2027)) if total.balance}
    assert left == {"1002": 130300, "3001": -70000, "3104": -61000, "5999": 700}
    assert rows(statements.income_statement(202603))[32] == (410, 410)
    assert not rows(statements.income_statement(202701))


def test_a_year_that_is_not_over_is_not_closed(company: None) -> None:
    book("5602", "1001", 5, DAY.replace(month=11))
    periods.close(OWNER, 202611)
    assert refused(lambda: periods.close(OWNER, 202612)) == {"period": "ends a year that is not over"}
    for nothing in (12, 202600, 202613, 22_000_12):
        assert refused(lambda nothing=nothing: periods.close(OWNER, nothing)) == {"period": "is not a month"}
    assert periods.closed_until() == 202611
    periods.close(AT_THE_END, 202612)
    assert periods.closed_until() == 202613


def test_a_new_company_closes_the_first_month_with_an_entry(company: None) -> None:
    assert closing.next_period(DAY) == 202603  # nothing is there yet
    ledger.draft(OWNER, DAY.replace(year=2020), [Leg(account="5602", debit=1)])
    assert closing.next_period(DAY) == 202603
    book("5602", "1001", 5, DAY.replace(month=2))
    assert closing.next_period(DAY) == 202602
    opening.post(OWNER, DAY.replace(month=1), [Opening(account="1002", debit=5), Opening(account="3001", credit=5)])
    assert closing.next_period(DAY) == 202601


def test_what_is_left_to_do_before_a_month_is_closed(company: None) -> None:
    assert [point.name for point in closing.points(202603) if not point.is_done] == []
    book("5602", "1001", 5)
    ledger.draft(OWNER, DAY, [Leg(account="5602", debit=1)])
    payments.post(OWNER, "in", customer().id, DAY, 700, account="1002")
    item = items.add_item(OWNER, "I", "item")
    transfers.post(OWNER, "r", DAY, [transfers.Line(item=item.id, quantity=1, source=2, target=1, value=5)])
    left = {point.name: (point.count, point.amount) for point in closing.points(202603) if not point.is_done}
    assert left == {
        "drafts": (1, 0), "unmatched_payments": (1, 700), "received_not_invoiced": (0, 5), "money_below_zero": (1, 0)
    }  # fmt: skip
    assert "period" in refused(lambda: periods.close(OWNER, 202603))
    periods.close(OWNER, 202602)
    assert (closing.next_period(DAY), closing.last_day(202612)) == (202603, datetime.date(2026, 12, 31))
    assert Payment.select().count() == 1
