"""What is wrong with a configuration, in a form that page, rsctl and REST can all show."""

from __future__ import annotations

from msgspec import Struct, field


class Problem(Struct, frozen=True, kw_only=True):
    """One thing to mend.

    ``message`` and ``remedy`` are English message identifiers with ``%(name)s`` places filled from ``params``;
    ``text.problem_text`` puts them into the reader's language. ``path`` is dotted (``lans.office.address``),
    ``value`` is what stands there, as text.
    """

    path: str
    message: str
    value: str = ""
    remedy: str = ""
    params: dict[str, str] = field(default_factory=dict)
