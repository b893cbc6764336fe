"""The business's data come back into the database that its pages have open, and never through a link."""

from __future__ import annotations

import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from firmware.daemon import business_data
from firmware.daemon.business_books import Books
from firmware.daemon.errors import InvalidError
from firmware.model.config import Business


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """What a backup holds: one row, one file."""
    folder = tmp_path / "saved"
    (folder / "business/attachments/ab").mkdir(parents=True)
    (folder / "business/attachments/ab/abcd").write_text("an invoice")
    with closing(sqlite3.connect(folder / "business/company.db")) as database:
        database.execute("CREATE TABLE party AS SELECT 'saved' AS name")
        database.commit()
    return folder


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """The connection of the pages."""
    (tmp_path / "state/business").mkdir(parents=True)
    with closing(sqlite3.connect(tmp_path / "state/business/company.db", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE party AS SELECT 'present' AS name")
        yield database


def test_an_open_database_has_the_saved_rows_at_once(tmp_path: Path, saved: Path, pages: sqlite3.Connection) -> None:
    state = tmp_path / "state"
    assert pages.execute("SELECT name FROM party").fetchall() == [("present",)]
    business_data.restore(state, saved)
    assert pages.execute("SELECT name FROM party").fetchall() == [("saved",)]
    assert pages.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    pages.execute("INSERT INTO party VALUES ('after')")
    assert (state / "business/attachments/ab/abcd").read_text() == "an invoice"
    assert (state / "business/restored").exists()


def test_a_backup_without_a_database_leaves_ours_alone(tmp_path: Path, saved: Path, pages: sqlite3.Connection) -> None:
    """As that of a box whose firm has its data in PostgreSQL: it was emptied."""
    (saved / "business/company.db").unlink()
    business_data.restore(tmp_path / "state", saved)
    assert pages.execute("SELECT name FROM party").fetchall() == [("present",)]
    assert (tmp_path / "state/business/attachments/ab/abcd").read_text() == "an invoice"


def test_a_new_box_gets_all_of_it(tmp_path: Path, saved: Path) -> None:
    (tmp_path / "state").mkdir()
    business_data.restore(tmp_path / "state", saved)
    with closing(sqlite3.connect(tmp_path / "state/business/company.db")) as database:
        assert database.execute("SELECT name FROM party").fetchall() == [("saved",)]


@pytest.mark.parametrize(
    ("name", "is_folder"),
    [("company.db", False), ("attachments", True), ("attachments/ab", True), ("attachments/ab/abcd", False),
     ("restored", False)],
)  # fmt: skip
def test_a_link_is_refused_and_what_it_leads_to_is_as_before(
    tmp_path: Path, saved: Path, name: str, is_folder: bool
) -> None:
    elsewhere = tmp_path / "elsewhere"
    if is_folder:
        elsewhere.mkdir()
    else:
        elsewhere.write_text("root's own")
    link = tmp_path / "state/business" / name
    link.parent.mkdir(parents=True)
    link.symlink_to(elsewhere)
    with pytest.raises(ValueError, match="symbolic link"):
        business_data.restore(tmp_path / "state", saved)
    assert (list(elsewhere.iterdir()) == []) if is_folder else (elsewhere.read_text() == "root's own")


def test_an_unfit_backup_leaves_a_new_box_without_data(
    tmp_path: Path, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its pages would fail for good: nothing of ours opens what a newer release wrote."""
    (tmp_path / "state/backup").mkdir(parents=True)
    books = Books(tmp_path / "state", tmp_path / "run")

    def newer(what: str, business: Business) -> None:
        raise InvalidError("The business's data cannot be read: %(reason)s", reason="the data is of version 99")

    monkeypatch.setattr(books, "_ask", newer)
    with zipfile.ZipFile(tmp_path / "newer.zip", "w") as archive:
        archive.write(saved / "business/company.db", "company.db")
    with pytest.raises(InvalidError, match="This backup cannot be used"):
        books.restore(Business(enabled=True), tmp_path / "newer.zip")
    assert not list((tmp_path / "state/business").glob("company.db*"))
