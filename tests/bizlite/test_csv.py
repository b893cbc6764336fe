"""Wrong input in every CSV that can be taken in: each bad row by its number, all or nothing, never a fault of ours."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient

from bizlite.core.csvfile import MOST_BYTES, MOST_ROWS, decode
from bizlite.core.errors import Refused
from bizlite.core.session import Session
from bizlite.finance import accounts, bank, opening, parties
from tests.bizlite.pages import form, opened
from tests.bizlite.web_site import OWNER, content

DAY = datetime.date(2026, 3, 10)
Rows = list[dict[str, str]]
Take = Callable[[Session, str], object]
# What takes a CSV in; three good rows of it; and which column is wrong when any of these is put there.
DOORS: dict[str, tuple[Take, Rows, dict[str, tuple[str, ...]]]] = {
    "chart": (
        accounts.import_chart,
        [{"code": f"56010{n}", "kind": "expense", "name_zh": f"广告 {n}", "name_en": ""} for n in (1, 2, 3)],
        {"code": ("", "x", "-5601", "5" * 13, "=1+1", "٣٣٣٣", "1122"), "kind": ("", "colour", "asset"),
         "name_zh": ("", "x" * 300, "a\u202eb")},
    ),
    "bank": (
        lambda session, text: bank.import_list(session, "1002", text),
        [{"date": f"2026-03-0{n}", "amount": "1.50", "counterparty": "甲", "text": "x"} for n in (1, 2, 3)],
        {"date": ("", "soon", "2026-02-30", "0001-01-01", "9999-12-31", "=1+1"),
         "amount": ("", "0", "1.234", "1e9", "NaN", "9" * 40, "=1+1", "<script>", "1,2,3.4.5")},
    ),
    "opening": (
        lambda session, text: opening.import_list(session, DAY, text),
        [{"account": "1122", "party": "C", "due": "2026-04-01", "debit": "70", "credit": ""},
         {"account": "1002", "party": "", "due": "", "debit": "30", "credit": ""},
         {"account": "3001", "party": "", "due": "", "debit": "", "credit": "100"}],
        {"account": ("", "x", "1122", "=1+1", "9" * 40, "2221"), "party": ("X", "C", "'"),
         "due": ("soon", "2026-02-30"), "debit": ("x", "1.234", "9" * 40, "NaN", "0")},
    ),
}  # fmt: skip
NAMES = pytest.mark.parametrize("name", [*DOORS])


@pytest.fixture(autouse=True)
def _customer(company: None) -> None:
    parties.add(OWNER, "C", "customer", is_customer=True)
    accounts.add(OWNER, "222107", "liability", "应交税费—其他")  # 2221 takes no lines then


def file(rows: Rows) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def changes(rows: Rows, wrong: dict[str, tuple[str, ...]]) -> Iterator[tuple[int, str, str]]:
    for column, values in wrong.items():
        yield from ((1, column, value) for value in values if rows[1][column] != value)


def refused(take: Take, text: str) -> list[str]:
    before = content()
    with pytest.raises(Refused) as caught:
        take(OWNER, text)
    assert content() == before
    assert all(problem.message and problem.remedy for problem in caught.value.problems)
    return [problem.field for problem in caught.value.problems]


@NAMES
def test_a_wrong_cell_is_named_by_its_row_and_nothing_is_taken_in(name: str) -> None:
    take, rows, wrong = DOORS[name]
    for at, column, value in changes(rows, wrong):
        spoilt = [row | {column: value} if n == at else row for n, row in enumerate(rows)]
        text = file(spoilt).replace("\r\n", "\r\n,,,\r\n", 1)  # an empty row counts as well
        assert [field for field in refused(take, text) if field.startswith("rows.4.")], (column, value)


@NAMES
def test_each_bad_row_is_named_and_then_all_are_taken_in_at_once(name: str) -> None:
    take, rows, wrong = DOORS[name]
    column = next(iter(wrong))
    spoilt = [row if n == 1 else row | {column: "x"} for n, row in enumerate(rows)]
    assert {field.rpartition(".")[0] for field in refused(take, file(spoilt))} == {"rows.2", "rows.4"}
    before = content()
    take(OWNER, file(rows))
    assert content() != before


@NAMES
def test_what_is_no_table_is_refused_with_words(name: str) -> None:
    take, rows, _ = DOORS[name]
    good = file(rows)
    head = good.splitlines()[0]
    for text, field in (
        ("", "rows.1"), ("\r\n", "rows.1"), (head, "file"), (head + "\n,,\n\n", "file"), (good + "\x00", "file"),
        (good + '"open, and so on\n', "rows.5"), (good + "x" * 200_000, "rows.5"),
        (head + "\nx" * (MOST_ROWS + 1), "file"), (head.replace(",", ";"), "rows.1"),
    ):  # fmt: skip
        assert field in refused(take, text)[0], text[:50]


@NAMES
def test_rows_end_as_any_program_ends_them(name: str) -> None:
    take, rows, _ = DOORS[name]
    take(OWNER, file(rows).replace("\r\n", "\r"))


def test_a_file_that_is_no_text_is_refused_on_the_page(sqlite: Callable[[], str]) -> None:
    with pytest.raises(Refused, match="file: is too large"):
        decode(b"x" * (MOST_BYTES + 1))
    with opened(sqlite()) as client:
        before = content()
        for data, words in (
            (b"", "missing"), (b"\xff\xfe\x00\x01\xff", "is not a text"),
            (b"code,kind,name_zh\n1,2,<script>", "rows.2.code"),
        ):  # fmt: skip
            page = sent(client, data)
            assert words in page.lower()
            assert "<script>" not in page
        assert content() == before


def sent(client: FlaskClient, data: bytes) -> str:
    answer = form(client, "/business/finance/files", "/business/finance/files/chart", file=(io.BytesIO(data), "x.csv"))
    assert answer.status_code == 422
    return str(answer.text)
