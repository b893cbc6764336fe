"""The check of a company's books: silent over a random history, and telling of each row that is bent."""

from __future__ import annotations

import json
import random

import pytest

from bizlite import soundness
from bizlite.__main__ import main
from bizlite.core import database, registry
from tests.bizlite.conftest import Fresh, leave
from tests.bizlite.world import World

# What no rule and no program can do: the triggers that forbid it rest for a moment.
BENT = {
    "UPDATE finance_line SET debit = debit + 1 WHERE id = (SELECT MIN(id) FROM finance_line WHERE debit > 0)": (
        "entries", "balances",
    ),
    "UPDATE finance_balance SET credit = credit + 5 WHERE account = '1122'": ("balances",),
    "UPDATE stock_on_hand SET quantity = quantity + 1 WHERE location_id = 1": ("stock",),
    "UPDATE stock_cost SET value_change = value_change + 1 WHERE move_id = (SELECT MIN(move_id) FROM stock_cost)": (
        "values",
    ),
}  # fmt: skip


def lived(url: str, operations: int = 150) -> None:
    registry.open_company(url)
    world, chance = World(), random.Random(7)
    for _ in range(operations):
        world.apply((chance.randrange(1000), *(chance.randrange(200) for _ in range(3))))  # type: ignore[arg-type]


def wrong() -> tuple[str, ...]:
    return tuple(point.name for point in soundness.check() if point.problems)


def test_sound_books_give_no_problem_and_say_what_was_looked_at(fresh: Fresh) -> None:
    lived(fresh())
    points = soundness.check()
    assert [(point.name, point.problems) for point in points] == [(name, []) for name in soundness.POINTS]
    assert all(point.count for point in points[1:])


def test_the_module_says_it_by_its_exit_code(sqlite: Fresh, capsys: pytest.CaptureFixture[str]) -> None:
    url = sqlite()
    assert [main([command, url]) for command in ("status", "check")] == [0, 0]
    first, second = capsys.readouterr().out.split("}\n{")
    assert json.loads(f"{first}}}")["modules"]["finance"] is True
    assert json.loads(f"{{{second}")["is_sound"] is True
    with database.write():
        database.database.execute_sql("INSERT INTO finance_day VALUES ('2026-01-01', '1001', 5, 0)")
    assert main(["check", url]) == 1
    leave()


@pytest.mark.parametrize("statement", BENT)
def test_what_is_bent_is_told(sqlite: Fresh, statement: str) -> None:
    lived(sqlite(), 60)
    triggers = [
        row[0] for row in database.database.execute_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    ]
    with database.write():
        for name in triggers:
            database.database.execute_sql(f"DROP TRIGGER {name}")
        database.database.execute_sql(statement)
    assert wrong() == BENT[statement]
    leave()
