"""Backup while it runs, CSV of every table, and the move to PostgreSQL."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from bizlite import __main__ as program
from bizlite.core import database, registry
from bizlite.finance import parties
from bizlite.stock.models import Move
from tests.bizlite import invariants
from tests.bizlite.conftest import Fresh, leave
from tests.bizlite.world import World

LOG = [(which, which * 7 % 200, which * 13 % 200, which * 29 % 100) for which in range(60)]


@pytest.fixture
def lived(sqlite: Fresh) -> str:
    url = sqlite()
    registry.open_company(url)
    world = World()
    for operation in LOG:
        world.apply(operation)
    return url


def test_the_move_is_equal_on_both_sides_and_the_company_goes_on_there(
    lived: str, postgresql: Fresh, capsys: pytest.CaptureFixture[str]
) -> None:
    moves = Move.select().count()
    target = postgresql(bare=True)
    leave()
    assert program.main(["move", lived, target]) == 0
    report = capsys.readouterr().out
    assert "finance_line" in report
    assert "the same on both sides" in report
    assert program.main(["move", lived, target]) == 1
    assert "not empty" in capsys.readouterr().err
    leave()
    registry.open_company(target)
    assert Move.select().count() == moves
    World.receive(_again(), 0, 5, 50)
    invariants.hold()
    leave()


def _again() -> World:
    """A world in the company that is there."""
    world = World.__new__(World)
    world.session = World.session_of()
    world.spots, world.stores = [(1, 0)], [1]
    world.outside = {"SUPPLIER": 2, "PRODUCTION": 4}
    return world


def test_the_copy_of_a_running_company_is_whole(lived: str, tmp_path: Path) -> None:
    rows = Move.select().count()
    target = tmp_path / "copy.db"
    assert program.main(["backup", database.database.obj.database, str(target)]) == 0
    leave()
    registry.open_company(f"sqlite://{target}")
    assert Move.select().count() == rows
    invariants.hold()
    leave()


def test_csv_of_every_table_without_formulas(lived: str, tmp_path: Path) -> None:
    parties.add(World.session_of(), "X", "=HYPERLINK(1)")
    leave()
    assert program.main(["export", lived, str(tmp_path)]) == 0
    with (tmp_path / "finance_party.csv").open(encoding="utf-8-sig", newline="") as file:
        names = [row["name"] for row in csv.DictReader(file)]
    assert names == ["customer", "supplier", "'=HYPERLINK(1)"]
    assert len(list(tmp_path.glob("*.csv"))) > 20
    leave()
