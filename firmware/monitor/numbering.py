"""What the fastpath's numbers mean now: applications of the loaded database, rows of the loaded policy table."""

from __future__ import annotations

from collections.abc import Sequence

UNKNOWN = "unknown"


class Numbering:
    """Immutable; replaced as a whole when the tables are."""

    def __init__(self, applications: Sequence[str] = (), policies: Sequence[str] = ()) -> None:
        """``applications`` are ids in the database's order (the first has number 1), ``policies`` the rows' names."""
        self.applications = (UNKNOWN, *applications)
        self._numbers = {name: number for number, name in enumerate(self.applications)}
        self._policies = tuple(policies)

    def application(self, number: int) -> str:
        """The id; a number that the database does not have is unknown."""
        return self.applications[number] if number < len(self.applications) else UNKNOWN

    def number(self, application: str) -> int | None:
        """The number, 0 for ``unknown``, ``None`` for an id that the database does not have."""
        return self._numbers.get(application)

    def policy(self, row: int | None) -> str:
        """The policy's name, ``""`` for none."""
        return self._policies[row] if row is not None and row < len(self._policies) else ""
