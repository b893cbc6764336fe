"""Why a command was refused, in a form that page, REST and import can all show.

Refused                 the input must be mended; nothing was changed
├── Forbidden           the user lacks a permission
├── Stale               somebody else edited the draft since it was read
└── Missing             there is no such row
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing to mend.

    ``message`` and ``remedy`` are English message identifiers with ``%(name)s`` places filled from ``params``;
    ``field`` is dotted and names what was given (``lines.2.quantity``), ``value`` is what stands there, as text.
    """

    field: str
    message: str
    remedy: str = ""
    value: str = ""
    params: dict[str, str] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.field}: {self.message % self.params}"


class Refused(Exception):  # noqa: N818 - it is said to a person, and nothing failed
    """A command that changed nothing; ``problems`` says all that is wrong."""

    def __init__(self, problems: Problem | list[Problem]) -> None:
        self.problems = [problems] if isinstance(problems, Problem) else problems
        super().__init__("; ".join(map(str, self.problems)))


class Forbidden(Refused):
    """The user lacks a permission: 403."""


class Stale(Refused):
    """The draft was edited since it was read: 409."""


class Missing(Refused):
    """There is no such row: 404."""


def marked(message: str) -> str:
    """Marks a text for the catalogue that stands in no ``refuse`` or ``Problem``."""
    return message


def refuse(field: str, message: str, remedy: str = "", value: object = "", **params: object) -> Refused:
    """The exception for one problem; the caller raises it."""
    words = {name: str(word) for name, word in params.items()}
    return Refused(Problem(field=field, message=message, remedy=remedy, value=str(value), params=words))


def refuse_all(problems: list[Problem]) -> None:
    """:raise Refused: when there is any problem."""
    if problems:
        raise Refused(problems)


def at_line(refused: Refused, n: int) -> Refused:
    """The refusal as one of a line of a document; the caller raises it."""
    for problem in refused.problems:
        object.__setattr__(problem, "field", f"lines.{n}.{problem.field}")
    return refused
