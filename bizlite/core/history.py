"""How rows stood at an earlier moment, by the audit log read backwards."""

from __future__ import annotations

import json
from typing import Any

from bizlite.core.database import Record
from bizlite.core.models import Audit


def values_at(model: type[Record], moment_ms: int) -> dict[str, dict[str, Any]]:
    """By key of the row: the columns that were changed since, with the values they had. What was inserted since is
    ``{}``; rows that nothing happened to are not in it."""
    found: dict[str, dict[str, Any]] = {}
    since = (Audit.table == model._meta.table_name) & (Audit.at_ms > moment_ms)
    for row in Audit.select().where(since).order_by(Audit.id.desc()):
        found.setdefault(row.row, {}).update(json.loads(row.before))
    return found
