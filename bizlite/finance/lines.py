"""Lines of a document that are alike for selling and buying: checked one by one, refused by number, and summed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bizlite.core import exact
from bizlite.core.errors import Refused, at_line, refuse
from bizlite.finance import invoices

Values = dict[str, object]


def rows(lines: Sequence[Any], check: Callable[[Any], Values]) -> list[Values]:
    """The lines as rows, each as ``check`` makes it of one. :raise Refused: naming the line."""
    if not 0 < len(lines) <= invoices.MOST_LINES:
        most = invoices.MOST_LINES
        raise refuse("lines", "must be 1 to %(most)s", "Give at least one line.", len(lines), most=most)
    found = []
    for n, line in enumerate(lines):
        try:
            found.append({"position": n, **check(line)})
        except Refused as refused:
            raise at_line(refused, n) from None
    exact.whole("lines", sum(sums(found).values()))
    return found


def sums(lines: Sequence[Values]) -> dict[str, int]:
    """Net and tax of a document: those of its lines."""
    return {name: sum(row[name] for row in lines) for name in ("net", "tax")}
