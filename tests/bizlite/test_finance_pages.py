"""The pages of the ledger as a bookkeeper uses them, in English and Chinese."""

from __future__ import annotations

import datetime
import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from bizlite.core import company
from bizlite.core.session import Session
from bizlite.finance import bank, invoices, parties, payments
from bizlite.finance.models import Account, BankLine, Entry, Invoice, Open, Payment
from tests.bizlite.conftest import Fresh
from tests.bizlite.pages import form, opened
from tests.bizlite.web_site import call

OWNER = Session(user="owner", rights=frozenset({"*"}))
TODAY = OWNER.today()
PERIOD = TODAY.year * 100 + TODAY.month


@pytest.fixture
def client(sqlite: Fresh) -> Iterator[FlaskClient]:
    with opened(sqlite()) as found:
        yield found


def owed(yuan: int = 100, date: datetime.date = TODAY) -> int:
    party = parties.add(OWNER, f"C{Invoice.select().count()}", "Wang", is_customer=True, payment_days=0)
    line = invoices.Item(text="bolts", quantity=1, price=yuan * 10**6, rate=0)
    return int(invoices.post(OWNER, "sale", party.id, date, [line]).id)


def test_a_voucher_is_kept_as_draft_posted_and_reversed(client: FlaskClient) -> None:
    lines = {"lines.0.account": "5602", "lines.0.debit": "12.50", "lines.1.account": "1001", "lines.1.credit": "12.00"}
    made = form(client, "/business/finance/entry/new", date=str(TODAY), text="stamps", **lines)
    assert made.status_code == 303
    page = f"/business/finance/entry/{Entry.get().id}"
    refused = form(client, page, page + "/post")
    assert refused.status_code == 422
    assert "Debits and credits must be the same: 12.50 and 12.00." in refused.text
    lines["lines.1.credit"] = "12.50"
    assert form(client, page + "/edit", date=str(TODAY), text="stamps", **lines).status_code == 303
    assert form(client, page, page + "/post").status_code == 303
    assert "JE-" in client.get("/business/finance/entry").text
    assert form(client, page, page + "/storno").status_code == 303
    assert "Reversed by" in client.get(page).text


def test_both_sides_on_one_line_are_shown_at_the_field(client: FlaskClient) -> None:
    lines = {"lines.0.account": "5602", "lines.0.debit": "1", "lines.0.credit": "1"}
    answer = form(client, "/business/finance/entry/new", date=str(TODAY), text="", **lines)
    assert answer.status_code == 422
    assert re.search('id="lines.0.debit-error".*?Needs exactly one side. Give a debit or a credit.', answer.text, re.S)
    assert not Entry.select().count()


def test_an_invoice_is_written_credited_and_printed(client: FlaskClient) -> None:
    parties.add(OWNER, "C", "Wang", is_customer=True)
    line = {"lines.0.text": "bolts", "lines.0.quantity": "1.5", "lines.0.price": "2.125", "lines.0.rate": "13",
            "lines.0.account": "5001"}  # fmt: skip
    made = form(client, "/business/finance/invoice/new", kind="sale", party="C", date=str(TODAY), **line)
    assert made.status_code == 303
    invoice = Invoice.get()
    assert (invoice.net, invoice.tax) == (319, 41)
    page = f"/business/finance/invoice/{invoice.id}"
    assert "3.60" in client.get(page).text
    assert "1.5" in client.get(page + "/print").text
    assert form(client, page, page + "/credit", date=str(TODAY)).status_code == 303
    assert "Credit notes" in client.get(page).text
    assert Open.select().where(Open.rest > 0).count() == 0


def test_a_payment_pays_is_freed_and_pays_again(client: FlaskClient) -> None:
    invoice = owed(100)
    made = form(client, "/business/finance/payment/new", kind="in", party="C0", date=str(TODAY), amount="150",
                account="1002", text="")  # fmt: skip
    assert made.status_code == 303
    page = f"/business/finance/payment/{Payment.get().id}"
    assert "50.00" in client.get(page).text
    number = Invoice.get_by_id(invoice).number
    assert form(client, page, page + "/release", invoice=number).status_code == 303
    assert payments.open_of("finance_invoice", invoice).rest == 10000
    assert form(client, page, page + "/pay", invoice=number, amount="30").status_code == 303
    assert payments.open_of("finance_invoice", invoice).rest == 7000
    assert "Give at most 70.00." in form(client, page, page + "/pay", invoice=number, amount="71").text


def test_less_is_to_be_paid_by_an_allowance_on_page_and_rest(client: FlaskClient) -> None:
    invoice = owed(100)
    page = f"/business/finance/invoice/{invoice}"
    assert (
        "Give at most 100.00."
        in form(client, page, page + "/allow", date=str(TODAY), amount="101", text="scratches").text
    )
    assert form(client, page, page + "/allow", date=str(TODAY), amount="10", text="scratches").status_code == 303
    answer = call(
        client,
        "POST",
        f"/api/biz/v1/finance/invoice/{invoice}/allow",
        {"date": TODAY.isoformat(), "amount": 500, "line": 1, "text": "rust"},
    )
    assert (answer.status_code, answer.json["kind"], answer.json["net"]) == (200, "sale_credit", 500)
    assert payments.open_of("finance_invoice", invoice).rest == 8500
    assert "allow" not in call(client, "GET", f"/api/biz/v1/finance/invoice/{answer.json['id']}").json["actions"]


def test_what_waits_at_the_bank_is_decided_on_one_page_and_by_rest(client: FlaskClient) -> None:
    first, second = owed(100), owed(70)
    lines = f"{TODAY},100.00,Wang\n{TODAY},70.00,Wang\n{TODAY},-3.00,bank\n"
    bank.import_list(OWNER, "1002", "date,amount,counterparty\n" + lines)
    address = "/business/finance/matching"
    assert f'href="{address}?state=open"' in client.get("/business/").text
    page = client.get(address).text
    chosen = dict(re.findall(r'name="(line\.\d+)" value="([^"]*)"[^>]* checked', page))
    assert [text.partition(" ")[0] for text in chosen.values()] == ["accept", "accept", ""]
    chosen["line.2"], chosen["line.3"] = chosen["line.2"].replace("accept", "reject"), "ignore"
    wrong = form(client, address, **{**chosen, "line.1": "accept 99:1"})
    assert (wrong.status_code, "Nothing was changed." in wrong.text) == (422, True)
    assert 'value="ignore" id="line-3-i" checked' in wrong.text
    assert form(client, address, **chosen).status_code == 303
    assert (payments.open_of("finance_invoice", first).rest, Payment.select().count()) == (0, 1)
    left = call(client, "GET", "/api/biz/v1/finance/matching").json
    assert [(row["line"], row["amount"], row["proposals"]) for row in left["items"]] == [(2, 7000, [])]
    assert form(client, "/business/finance/bank/3", "/business/finance/bank/3/reopen").status_code == 303
    body = {"lines": [{"line": 3, "what": "ignore"}, {"line": 2, "what": "accept", "proposal": f"2:{second}"}]}
    answers = [call(client, "POST", "/api/biz/v1/finance/matching", body, **{"Idempotency-Key": "k"}) for _ in "12"]
    assert [(answer.status_code, answer.json) for answer in answers] == [(200, {"done": 2})] * 2
    assert call(client, "POST", "/api/biz/v1/finance/matching", {"lines": [{"line": 1}]}).status_code == 422
    assert "No line of the bank waits." in client.get(address).text


def test_the_kind_of_taxpayer_is_read_and_switched_by_rest(client: FlaskClient) -> None:
    address = "/api/biz/v1/finance/taxpayer"
    assert call(client, "GET", address).json == {"tax_kind": "general", "tax_since": ""}
    company.change(OWNER, name="Ours", address="Road 1")
    for body, field in (({"tax_kind": "none"}, "tax_kind"), ({"tax_kind": "small"}, "tax_since")):
        answer = call(client, "POST", address, body)
        assert (answer.status_code, answer.json["error"]["problems"][0]["field"]) == (422, field)
    wanted = {"tax_kind": "small", "tax_since": "2026-05-01"}
    assert call(client, "POST", address, wanted).json == call(client, "GET", address).json == wanted
    assert company.read()["address"] == "Road 1"


def test_figures_are_answered_as_values_by_rest(client: FlaskClient) -> None:
    number = owed(100)
    at = "/api/biz/v1/finance/figures/"

    def rows(address: str) -> dict[str, Any]:
        answer = call(client, "GET", at + address).json
        return {table["name"]: table for table in answer["tables"]}

    trial = rows("trial")["trial-balance"]
    assert {row["account"]: row["after"] for row in trial["rows"]} == {"1122": 10000, "5001": -10000}
    assert trial["totals"]["after"] == 0
    assert [column["kind"] for column in trial["columns"]] == ["text", "text", *["money"] * 4]
    assert [row["total"] for row in rows("ageing")["ageing-receivable"]["rows"]] == [10000]
    account = rows("statement?party=1")["statement"]["rows"]
    assert [(row["date"], row["balance"]) for row in account[1:]] == [(str(TODAY), 10000)]
    assert rows("statement?party=C0")["statement"]["rows"] == account  # by its code
    assert set(rows(f"statements?period={PERIOD}")) == {"balance-statement", "income-statement", "cash-statement"}
    assert len(rows("ledger?account=1122")["ledger"]["rows"]) == 2
    assert call(client, "GET", at + "statement").json["error"]["problems"][0]["field"] == "party"
    assert Invoice.get_by_id(number).posted


def test_the_statements_lead_to_vouchers_and_files(client: FlaskClient) -> None:
    invoice = owed(100)
    page = client.get(f"/business/finance/statements?period={PERIOD}").text
    for words in ("Balance sheet", "Accounts receivable", "Net profit", "Cash at the end", "100.00"):
        assert words in page
    trial = client.get("/business/finance/trial").text
    found = re.search(r'href="(/business/finance/ledger\?account=1122[^"]*)"', trial)
    assert found
    ledger = client.get(found[1].replace("&amp;", "&")).text
    assert re.search(r'href="/business/finance/entry/\d+"', ledger)
    party = client.get("/business/finance/ageing").text
    found = re.search(r'href="(/business/finance/statement\?[^"]*)"', party)
    assert found
    statement = client.get(found[1].replace("&amp;", "&")).text
    assert f'href="/business/finance/invoice/{invoice}"' in statement
    text = client.get("/business/finance/ageing?format=csv").text
    assert text.splitlines()[1] == "Wang,100.00,100.00,0.00,0.00,0.00,0.00"
    with zipfile.ZipFile(io.BytesIO(client.get("/business/finance/trial?format=xlsx").data)) as archive:
        assert "xl/worksheets/sheet1.xml" in archive.namelist()
    with zipfile.ZipFile(io.BytesIO(client.get(f"/business/finance/pack/{PERIOD}").data)) as archive:
        assert "SHA256SUMS" in archive.namelist()


@pytest.mark.parametrize("address", [
    "statements?period=202613", "statements?period=x", "statements?period=202604&months=3", "trial?start=soon",
    "ledger?account=x", "statement?party=99", "statement", "pack/2026", "ageing?ledger=x", "ageing?format=doc",
    "trial?table=x&format=csv", "trial?start=2026-02-02&end=2026-02-01", "ledger?start=2026-02-02&end=2026-02-01",
])  # fmt: skip
def test_a_wrong_address_says_what_is_wrong(client: FlaskClient, address: str) -> None:
    answer = client.get(f"/business/finance/{address}")
    assert answer.status_code in (404, 422)
    said = "Nothing was changed" if answer.status_code == 422 else "There is nothing at this address"
    assert said in answer.text


def test_files_are_taken_in_or_refused_with_their_rows(client: FlaskClient) -> None:
    parties.add(OWNER, "C", "Wang", is_customer=True)
    page = "/business/finance/files"

    def send(to: str, text: str, **values: str) -> object:
        return form(client, page, f"{page}/{to}", file=(io.BytesIO(text.encode("gb18030")), "x.csv"), **values)

    answer = send("chart", "科目编码,类别,名称\n560101,费用,销售费用—广告费\nx,费用,错\n")
    assert answer.status_code == 422
    assert "rows.3.code" in answer.text
    assert Account.get_or_none(Account.code == "560101") is None
    assert send("chart", "科目编码,类别,名称\n560101,费用,销售费用—广告费\n").status_code == 303
    assert send("bank", "日期,金额,对方户名\n2026-03-10,100,Wang\n", account="1002").status_code == 303
    assert send("opening", "account,party,debit,credit\n1122,C,70,\n3001,,,70\n", date="2026-01-01").status_code == 303
    assert "They stand in" in client.get(page).text
    line = BankLine.get()
    lines = f"/business/finance/bank/{line.id}"
    assert form(client, lines, lines + "/accept", party="C").status_code == 303
    assert (Payment.get().amount, Open.get(Open.side == "claim").rest) == (10000, 0)
    assert "Row" not in form(client, page, f"{page}/opening", storno="1").text
    assert form(client, page, f"{page}/bank", account="1002").status_code == 422


def test_accounts_are_added_renamed_and_taken_out_of_use(client: FlaskClient) -> None:
    made = form(client, "/business/finance/account/new", code="100201", kind="asset", name_zh="工行", name_en="")
    assert made.status_code == 303
    page = "/business/finance/account/100201"
    assert form(client, page + "/edit", name_zh="建行", name_en="CCB").status_code == 303
    assert form(client, page, page + "/retire").status_code == 303
    assert not Account.get_by_id("100201").is_active
    assert form(client, page, page + "/restore").status_code == 303
    refused = form(client, "/business/finance/account/1122", "/business/finance/account/1122/retire")
    assert "Is still needed" in refused.text


def test_what_is_due_stands_on_the_start_page(client: FlaskClient) -> None:
    owed(100, TODAY - datetime.timedelta(days=3))
    assert "Invoices that customers have not paid in time" in client.get("/business/").text


def test_the_pages_are_chinese_first(sqlite: Fresh) -> None:
    with opened(sqlite(), "zh") as client:
        owed()
        for address, words in (("statements", "资产负债表"), ("trial", "科目余额表"), ("entry", "凭证"),
                               ("ageing", "账龄"),
                               ("invoice", "发票"), ("payment", "收付款"), ("files", "会计资料包")):  # fmt: skip
            page = client.get(f"/business/finance/{address}").text
            assert words in page
            body = re.sub(r"(?s)<(script|style).*?</\1>|<[^>]*>", " ", page)
            left = set(re.findall(r"\b[A-Z][a-z]{3,}\b", body)) - {"Wang", "English", "Enter", "Ctrl"}
            assert not left, (address, left)
