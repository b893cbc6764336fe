"""Forms and documents that declarations make, asked as a browser asks them."""

from __future__ import annotations

import datetime
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, g
from flask.testing import FlaskClient

from bizlite.core import rights, transfer
from bizlite.core.models import Key
from bizlite.core.session import Session
from bizlite.finance import parties
from bizlite.finance.models import Entry, Line, Party
from bizlite.stock.models import Item
from bizlite.web.app import create_app
from bizlite.web.resource import find
from tests.bizlite.conftest import Fresh, leave
from tests.bizlite.web_site import OWNER, USER, asker, call, hidden, identify, send


@pytest.fixture
def app(sqlite: Fresh, tmp_path: Path) -> Iterator[Flask]:
    yield create_app(sqlite(), identify, folder=tmp_path)
    leave()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return asker(app)


def test_a_party_is_made_listed_and_changed(client: FlaskClient) -> None:
    answer = send(client, "/business/finance/party/new", code="C1", name="Wang & Co <x>", is_customer="1",
                  payment_days="30", credit_limit="1,200.50")  # fmt: skip
    assert answer.status_code == 303
    page = client.get(answer.location).text
    assert "Wang &amp; Co &lt;x&gt;" in page
    assert "1,200.50" in page
    assert Party.get().credit_limit == 120_050
    assert "Wang &amp; Co" in client.get("/business/finance/party").text
    answer = send(client, "/business/finance/party/1/edit", name="Wang", payment_days="14")
    assert answer.status_code == 303
    row = Party.get()
    assert (row.code, row.name, row.is_customer, row.payment_days, row.credit_limit) == ("C1", "Wang", False, 14, None)
    log = client.get("/business/log/finance.party/1").text
    assert re.search(r"Payment term in days</td><td[^>]*>30</td><td[^>]*>14</td>", log)
    assert re.search(r"Credit limit</td><td[^>]*>1,200.50</td><td[^>]*></td>", log)
    assert "None" not in log
    assert "admin" in log


def test_wrong_input_is_shown_at_its_field_and_nothing_typed_is_lost(client: FlaskClient) -> None:
    answer = send(client, "/business/finance/party/new", code="", name="Kept <name>", payment_days="ten",
                  credit_limit="1.234")  # fmt: skip
    assert answer.status_code == 422
    for field, words in (("code", "Is missing. Fill it in."), ("payment_days", "Is not a number. Give digits"),
                         ("credit_limit", "Has too many decimals. Give at most 2 decimals.")):  # fmt: skip
        assert re.search(f'id="{field}-error".*?{re.escape(words)}', answer.text, re.S), field
    assert 'value="Kept &lt;name&gt;"' in answer.text
    assert 'value="ten"' in answer.text
    assert not Party.select().count()


def test_what_the_rules_refuse_is_shown_at_its_field_too(client: FlaskClient) -> None:
    parties.add(OWNER, "C1", "One")
    answer = send(client, "/business/finance/party/new", code="C1", name="Two", payment_days="5")
    assert answer.status_code == 422
    assert re.search('id="code-error".*?Is taken. Choose another code.', answer.text, re.S)


def test_a_double_click_posts_once(client: FlaskClient) -> None:
    page = client.get("/business/finance/party/new").text
    sent = {"csrf": hidden(page, "csrf"), "key": hidden(page, "key"), "code": "C1", "name": "One", "payment_days": "1"}
    first, second = (client.post("/business/finance/party/new", data=sent) for _ in range(2))
    assert first.location == second.location
    assert (Party.select().count(), Key.select().count()) == (1, 1)


def test_who_goes_back_to_a_form_and_changes_it_is_told_and_can_save(client: FlaskClient) -> None:
    """The key of the form is used: it could not be saved any more, and said so in words of programs."""
    page = client.get("/business/finance/party/new").text
    sent = {"csrf": hidden(page, "csrf"), "key": hidden(page, "key"), "code": "C1", "name": "One", "payment_days": "30"}
    assert client.post("/business/finance/party/new", data=sent).status_code == 303
    answer = client.post("/business/finance/party/new", data={**sent, "code": "C2", "name": "Two"})
    assert answer.status_code == 422
    assert "This form was saved already, and was changed since." in answer.text
    again = {**sent, "code": "C2", "name": "Two", "key": hidden(answer.text, "key")}
    assert client.post("/business/finance/party/new", data=again).status_code == 303
    assert [row.name for row in Party.select().order_by(Party.id)] == ["One", "Two"]


def test_a_reference_is_typed_by_its_code(client: FlaskClient) -> None:
    fields = {"code": "I1", "name": "Bolt", "unit": "pcs"}
    answer = send(client, "/business/stock/item/new", **fields, account="no such")
    assert re.search('id="account-error".*?Does not exist.', answer.text, re.S)
    answer = send(client, "/business/stock/item/new", **fields, account="14")
    assert re.search('id="account-error".*?Fits more than one.', answer.text, re.S)
    assert send(client, "/business/stock/item/new", **fields, account="1405").status_code == 303
    assert Item.get().account == "1405"
    found = client.get("/business/finance/account/lookup?q=1405").json
    assert found[0]["code"] == "1405"


def legs(*rows: tuple[str, str, str]) -> dict[str, str]:
    return {f"lines.{n}.{name}": text for n, row in enumerate(rows)
            for name, text in zip(("account", "debit", "credit"), row, strict=True)}  # fmt: skip


def test_a_voucher_is_drafted_changed_posted_and_taken_back(client: FlaskClient) -> None:
    rows = legs(("1001", "12.50", ""), ("5001", "", "12.00"), ("", "", ""))
    answer = send(client, "/business/finance/entry/new", date="2026-03-01", text="Sold", **rows)
    assert answer.status_code == 303
    assert [(line.account_id, line.debit, line.credit) for line in Line.select().order_by(Line.id)] == [
        ("1001", 1250, 0), ("5001", 0, 1200),
    ]  # fmt: skip
    page = client.get("/business/finance/entry/1").text
    sent = {name: hidden(page, name) for name in ("csrf", "key", "version")}
    answer = client.post("/business/finance/entry/1/post", data=sent)
    assert answer.status_code == 422
    assert "Do not balance. Debits and credits must be the same: 12.50 and 12.00." in answer.text
    rows = legs(("1001", "12.50", ""), ("5001", "", "12.50"))
    assert send(client, "/business/finance/entry/1/edit", date="2026-03-01", **rows).status_code == 303
    sent["version"] = hidden(client.get("/business/finance/entry/1").text, "version")
    done = client.post("/business/finance/entry/1/post", data=sent)
    page = client.get(done.location).text
    assert "Undo" in page
    assert "JE-2026-00001" in page
    assert client.get("/business/finance/entry/1/edit").status_code == 303
    undo = {name: hidden(page, name) for name in ("csrf", "version")} | {"key": "undo"}
    assert client.post("/business/finance/entry/1/storno", data=undo).location.startswith("/business/finance/entry/2")


def test_problems_of_lines_stand_at_their_line(client: FlaskClient) -> None:
    rows = legs(("1001", "1", ""), ("", "", ""), ("none", "x", ""))
    answer = send(client, "/business/finance/entry/new", date="2026-02-30", **rows)
    assert answer.status_code == 422
    for field in ("date", "lines.1.account", "lines.1.debit"):
        assert f'id="{field}-error"' in answer.text, field
    assert 'name="lines.1.debit" type="text" value="x"' in answer.text


def test_a_stale_draft_says_who_and_shows_both(client: FlaskClient) -> None:
    rows = legs(("1001", "1", ""))
    send(client, "/business/finance/entry/new", date="2026-03-01", text="First", **rows)
    page = client.get("/business/finance/entry/1/edit").text
    sent = {name: hidden(page, name) for name in ("csrf", "key", "version")} | {"date": "2026-03-01", **rows}
    other = call(
        client,
        "PATCH",
        "/api/biz/v1/finance/entry/1",
        {"version": 1, "date": "2026-03-01", "text": "Theirs", "lines": [{"account": "1001", "debit": 5}]},
    )
    assert other.status_code == 200
    answer = client.post("/business/finance/entry/1/edit", data={**sent, "text": "Mine"})
    assert answer.status_code == 409
    assert "admin changed this meanwhile" in answer.text
    for words in ("Mine", "Theirs", "1001 ·  · 0.05"):
        assert words in answer.text
    assert Entry.get().text == "Theirs"
    again = {**sent, "version": hidden(answer.text, "version"), "text": "Mine"}
    assert client.post("/business/finance/entry/1/edit", data=again).status_code == 303
    assert Entry.get().text == "Mine"


def test_a_file_is_kept_at_its_document_and_saved_from_there(client: FlaskClient) -> None:
    parties.add(OWNER, "C1", "One")
    token = hidden(client.get("/business/finance/party/1").text, "csrf")

    def add(content: bytes) -> Any:
        part = b'--x\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
        name = '; filename="合同.html"'.encode()
        body = part % (b"csrf", b"", token.encode()) + part % (b"file", name, content) + b"--x--\r\n"
        return client.post("/business/files/finance.party/1", data=body, content_type="multipart/form-data; boundary=x")

    assert add(b"<script>alert(1)</script>").status_code == 303
    assert "合同.html" in client.get("/business/finance/party/1").text
    answer = client.get("/business/file/1")
    assert answer.data == b"<script>alert(1)</script>"
    answer.close()
    assert answer.mimetype == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert client.get(f"/business/file/{'9' * 30}").status_code == 404
    assert add(b"").status_code == 422
    assert add(b"x" * (5 * 2**20 + 1)).status_code == 422
    assert add(b"x" * (6 * 2**20)).status_code == 413
    rights.grant(OWNER, "other", "stock.view")
    rights.assign(OWNER, "zhao", "other")
    assert client.get("/business/file/1", environ_overrides={USER: "zhao"}).status_code == 403


def test_a_wide_space_is_a_space(client: FlaskClient) -> None:
    """A Chinese keyboard and what is pasted from a spreadsheet have others; they were refused as no name."""
    sent = {"code": "C1", "name": "\u3000王\u3000记\xa0五金 ", "payment_days": "30"}
    assert send(client, "/business/finance/party/new", **sent).status_code == 303
    assert Party.get().name == "王 记 五金"
    token = hidden(client.get("/business/finance/party/1").text, "csrf")
    data = {"csrf": token, "file": (io.BytesIO(b"x"), "合同\u3000二.pdf")}
    assert client.post("/business/files/finance.party/1", data=data).status_code == 303
    assert "合同 二.pdf" in client.get("/business/finance/party/1").text


def test_a_backup_has_the_database_and_the_files(client: FlaskClient) -> None:
    parties.add(OWNER, "C1", "One")
    token = hidden(client.get("/business/").text, "csrf")
    data = {"csrf": token, "file": (io.BytesIO(b"x"), "a.txt")}
    assert client.post("/business/files/finance.party/1", data=data).status_code == 303
    answer = client.post("/business/backup", data={"csrf": token})
    archive = zipfile.ZipFile(io.BytesIO(answer.data))
    answer.close()
    names = archive.namelist()
    assert {"company.db", "finance_party.csv"} & set(names)
    assert [archive.read(name) for name in names if name.startswith("attachments/")] == [b"x"]


def test_what_a_backup_left_that_was_broken_off_goes_at_the_next_start(sqlite: Fresh, tmp_path: Path) -> None:
    with transfer._packed(io.BytesIO(), tmp_path) as (_, place):  # the power goes
        (place / "company.db").write_bytes(b"all of the books")
        create_app(sqlite(), identify, folder=tmp_path)
        assert not place.exists()
    leave()


def test_pages_and_problems_are_chinese_unless_english_is_asked_for(client: FlaskClient) -> None:
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "zh-CN"
    assert "客户与供应商" in client.get("/business/finance/party").text
    answer = call(client, "POST", "/api/biz/v1/finance/party", {})
    assert answer.json["error"]["problems"][0]["remedy"] == "请填写。"


def test_a_language_that_was_chosen_is_kept(client: FlaskClient) -> None:
    assert "What is due" in client.get("/business/").text
    assert "待办" in client.get("/business/?lang=zh").text
    assert "待办" in client.get("/business/").text
    assert "待办" in client.get("/business/?lang=xx").text


def test_a_small_taxpayer_sells_and_buys_with_other_rates(client: FlaskClient) -> None:
    def rates() -> list[str]:
        pages = ("/business/sales/price/new", "/business/purchasing/supplier_item/new")
        return [re.search(r'name="rate"[^>]*value="([^"]*)"', client.get(page).text)[1] for page in pages]

    assert rates() == ["13", "13"]
    for kind, status in (("none", 422), ("small", 303)):
        sent = {"csrf": hidden(client.get("/business/company").text, "csrf"), "name": "Ours", "tax_kind": kind}
        assert client.post("/business/company", data=sent).status_code == status
    assert rates() == ["1", "0"]
    for since, status in (("", 422), ("2026-05-02", 422), ("2026-05-01", 303)):
        sent["csrf"] = hidden(client.get("/business/company").text, "csrf")
        answer = client.post("/business/company", data={**sent, "tax_kind": "general", "tax_since": since})
        assert answer.status_code == status
        assert status == 303 or "first day" in answer.text
    page = client.get("/business/company").text
    assert 'value="2026-05-01"' in page
    assert rates() == ["13", "13"]


def test_an_error_keeps_the_menu_for_whoever_is_logged_in(client: FlaskClient) -> None:
    answer = client.get("/business/finance/party/999")
    assert (answer.status_code, "There is nothing at this address." in answer.text) == (404, True)
    assert ("Nothing was changed" in answer.text, 'href="/business/finance/party"' in answer.text) == (False, True)
    assert answer.text.count("<main") == answer.text.count("<h1") == 1


def test_a_new_paper_is_of_the_day_at_the_site(app: Flask) -> None:
    """At five in the evening by UTC the next day has begun in China."""
    now = datetime.datetime(2026, 11, 27, 17, tzinfo=datetime.UTC)
    with app.test_request_context():
        g.session = Session(user="x", rights=frozenset(), now=lambda: now)
        for name in ("sales.order", "purchasing.order", "stock.transfer", "production.order", "finance.payment"):
            assert find(name).field("date").first() == datetime.date(2026, 11, 28), name
