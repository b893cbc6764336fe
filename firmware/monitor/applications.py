"""Names and categories of the applications: the database's own and those the admin made."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from firmware.model.config import Config

log = logging.getLogger(__name__)


class Applications:
    """Read from ``apps.json`` (docs/design/contracts.md) at the first use, since few verbs need it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: dict[str, dict[str, Any]] | None = None
        self._own: dict[str, dict[str, Any]] = {}

    def read_from(self, path: Path) -> None:
        """Another database is in force."""
        self._path, self._rows = path, None

    def configure(self, config: Config) -> None:
        """Takes the applications that the admin made."""
        self._own = {
            name: {"id": name, "name_zh": own.name_zh, "name_en": own.name_en, "category": own.category}
            for name, own in config.applications.items()
        }

    def all(self) -> list[dict[str, Any]]:
        """``{id, name_zh, name_en, category}``, and ``suspected`` where it holds, of every application, by id."""
        return [row for _, row in sorted({**self._database(), **self._own}.items())]

    def suspected(self) -> list[str]:
        """Those that are only ever told by behaviour."""
        return [row["id"] for row in self.all() if row.get("suspected")]

    def get(self, application: str) -> dict[str, Any] | None:
        return self._own.get(application) or self._database().get(application)

    def category(self, application: str) -> str:
        row = self.get(application)
        return str(row["category"]) if row else "other"

    def of_category(self, category: str) -> list[str]:
        return [row["id"] for row in self.all() if row["category"] == category]

    def _database(self) -> dict[str, dict[str, Any]]:
        if self._rows is None:
            try:
                data = json.loads(self._path.read_text(encoding="utf-8"))
            except FileNotFoundError:
                log.error("%s is missing: applications have no names; run make build", self._path)
                data = []
            self._rows = {row["id"]: row for row in _rows(data)}
        return self._rows


def _rows(data: Any) -> list[dict[str, Any]]:
    return list(data["applications"] if isinstance(data, dict) else data)
