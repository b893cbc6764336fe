"""A list is sent as CSV while it is read."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from bizlite.core.database import database, write
from bizlite.core.store import append
from bizlite.finance import parties
from bizlite.finance.models import Party
from bizlite.web import listing
from bizlite.web.app import create_app
from tests.bizlite.conftest import Fresh, leave
from tests.bizlite.web_site import OWNER, asker, identify

LIST = "/business/finance/party.csv"


@pytest.fixture
def app(sqlite: Fresh, tmp_path: Path) -> Iterator[Flask]:
    yield create_app(sqlite(), identify, folder=tmp_path)
    leave()


def test_a_long_list_arrives_whole_in_parts(app: Flask) -> None:
    count = 2 * listing.CSV_ROWS + 7
    parties.add(OWNER, code="C0", name="Works", is_customer=True)
    row = Party.select().dicts().get()
    del row["id"]
    with write():
        append(Party, [{**row, "code": f"C{number}"} for number in range(1, count)])
    answer = asker(app).get(LIST)
    parts = list(answer.iter_encoded())
    answer.close()
    assert len(parts) == 4  # heading and first row, then so many rows each
    lines = b"".join(parts).decode("utf-8-sig").splitlines()
    assert sorted(line.partition(",")[0] for line in lines[1:]) == sorted(f"C{number}" for number in range(count))
    assert database.is_closed()


def test_who_stops_reading_leaves_no_connection(app: Flask) -> None:
    parties.add(OWNER, code="C0", name="Works", is_customer=True)
    answer = asker(app).get(LIST)
    next(iter(answer.iter_encoded()))
    answer.close()
    assert database.is_closed()


@pytest.mark.parametrize("asked", ["colour=red", "posted=yes", "sort=name", "after=nowhere"])
def test_what_cannot_be_asked_is_said_before_anything_is_sent(app: Flask, asked: str) -> None:
    answer = asker(app).get(f"{LIST}?{asked}")
    assert answer.status_code == 422
    assert "Content-Disposition" not in answer.headers
