"""Indexes of the few rows that are still open: SQLite knows one only by its very condition."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bizlite.core import registry
from bizlite.core.database import database
from bizlite.purchasing import models as buy
from bizlite.sales import models as sell
from tests.bizlite.conftest import leave


@pytest.mark.parametrize(
    ("table", "condition", "index"),
    [
        (sell.Progress, sell.OPEN, "sales_progress_open"),
        (sell.Delivered, sell.UNINVOICED, "sales_delivered_open"),
        (buy.Progress, buy.OPEN, "purchasing_progress_open"),
    ],
)
def test_what_is_open_is_found_by_its_index(sqlite: Callable[[], str], table: Any, condition: Any, index: str) -> None:
    registry.open_company(sqlite())
    sql, values = table.select().where(condition).sql()
    plan = [row[3] for row in database.execute_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
    leave()
    assert any(index in step for step in plan), plan
