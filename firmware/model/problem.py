"""What is wrong with a configuration, in a form that page, rsctl and REST can all show."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field


class Problem(Struct, frozen=True, kw_only=True):
    """One thing to mend.

    ``message`` and ``remedy`` are English message identifiers with ``%(name)s`` places filled from ``params``;
    ``text.problem_text`` puts them into the reader's language. ``path`` is dotted (``lans.office.address``),
    ``value`` is what stands there, as text. An error refuses the commit, a warning is only shown.
    """

    path: str
    message: str
    value: str = ""
    remedy: str = ""
    params: dict[str, str] = field(default_factory=dict)
    severity: Literal["error", "warning"] = "error"


class ConfigError(Exception):
    """A configuration, a path or a value that cannot be read; ``problems`` says all that is wrong."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(f"{p.path}: {p.message % p.params}" for p in problems))
        self.problems = problems
