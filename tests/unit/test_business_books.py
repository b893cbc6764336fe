"""A backup of the business that cannot be used leaves what is there, also where nothing is there."""

from __future__ import annotations

import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from firmware.daemon.business_books import Books
from firmware.daemon.errors import InvalidError
from firmware.model.config import Business


@pytest.mark.parametrize("before", [[], [("present",)]])
def test_one_of_a_newer_release_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: list[Any]
) -> None:
    (tmp_path / "backup").mkdir()
    (tmp_path / "business").mkdir()
    database = tmp_path / "business/company.db"
    if before:
        with closing(sqlite3.connect(database)) as here:
            here.execute("CREATE TABLE party AS SELECT 'present' AS name")
    with closing(sqlite3.connect(tmp_path / "newer.db")) as newer:
        newer.execute("CREATE TABLE party AS SELECT 'newer' AS name")
    with zipfile.ZipFile(tmp_path / "newer.zip", "w") as archive:
        archive.write(tmp_path / "newer.db", "company.db")
    books = Books(tmp_path, tmp_path)

    def refuse(what: str, business: Business) -> dict[str, Any]:
        raise InvalidError("The business's data cannot be read: %(reason)s", reason="it is newer")

    monkeypatch.setattr(books, "_ask", refuse)
    with pytest.raises(InvalidError, match="it is newer"):
        books.restore(Business(), tmp_path / "newer.zip")
    with closing(sqlite3.connect(database)) as here:
        tables = here.execute("SELECT name FROM sqlite_master").fetchall()
        assert (here.execute("SELECT name FROM party").fetchall() if tables else []) == before
