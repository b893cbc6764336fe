"""Parts of the lines of orders and papers, alike for selling and buying: what is cancelled, what is returned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bizlite.core import exact, store
from bizlite.core.errors import marked, refuse
from bizlite.core.models import Row
from bizlite.core.session import Session
from bizlite.stock import items
from bizlite.stock.models import Move, Transfer


@dataclass(frozen=True, kw_only=True, slots=True)
class Back:
    """What is returned of a line of a delivery or receipt; its place is that of the line unless another is given."""

    line: int
    quantity: int
    location: int | None = None


def paper_of(kind: str, document: int) -> Transfer:
    """The moves of a document, not those of its storno."""
    where = (Transfer.source_kind == kind) & (Transfer.source_id == document) & Transfer.reverses.is_null()
    return Transfer.get(where)


def move_of(kind: str, document: int, line: int) -> Move:
    """What moved for a line of a document."""
    return Move.get((Move.transfer == paper_of(kind, document)) & (Move.line == line))


def cancel(
    session: Session, model: type[Row], number: str, reason: str, lines: Sequence[tuple[int, int]] | None,
    open_: Mapping[int, int], items_of: Mapping[int, int],
) -> None:  # fmt: skip
    """Writes down what is cancelled of an order, in rows of ``model``. :raise Refused: naming the line."""
    if not items.check_note("reason", reason, 200):
        raise refuse("reason", "is missing", "Say why it is cancelled.")
    for line, quantity in cancelled(number, lines, open_, items_of):
        values = {"line": line, "quantity": quantity, "reason": reason.strip()}
        store.insert(session, model(user=session.user, at_ms=session.now_ms(), **values))


def cancelled(
    number: str, lines: Sequence[tuple[int, int]] | None, open_: Mapping[int, int], items_of: Mapping[int, int]
) -> list[tuple[int, int]]:
    """What is cancelled of an order, by line: all that is open unless ``lines`` gives quantities.

    ``open_`` is what is open, ``items_of`` the item, both by line. :raise Refused: naming the line.
    """
    wanted = [(line, left) for line, left in open_.items() if left] if lines is None else list(lines)
    if not wanted:
        raise refuse("order", "has nothing open", "There is nothing to cancel.", number)
    rest = dict(open_)
    for n, (line, quantity) in enumerate(wanted):
        if line not in rest:
            raise refuse(f"lines.{n}.line", "is no line of this order", "Choose one of its lines.", line)
        exact.whole(f"lines.{n}.quantity", quantity, least=1)
        if quantity > rest[line]:
            most = items.shown(items_of[line], rest[line])
            raise refuse(f"lines.{n}.quantity", "is more than is open", "Give at most %(most)s.", quantity, most=most)
        rest[line] -= quantity
    return wanted


def returned(
    lines: Sequence[Back], known: Mapping[int, Any], left: Mapping[int, int], foreign: str
) -> list[tuple[Any, Back]]:
    """What is returned with the rows of the paper that it is of.

    ``known`` are the paper's lines, ``left`` what can still be returned, both by line; ``foreign`` is said of another
    line. :raise Refused: naming the line.
    """
    found: dict[int, tuple[Any, Back]] = {}
    for n, back in enumerate(lines):
        if back.line not in known:
            raise refuse(f"lines.{n}.line", foreign, "Choose one of its lines.", back.line)
        exact.whole(f"lines.{n}.quantity", back.quantity, least=1)
        if back.line in found:
            raise refuse(f"lines.{n}.line", "stands there twice", "Give one quantity for each line.", back.line)
        if back.quantity > left[back.line]:
            words = items.shown(known[back.line].item_id, left[back.line])
            remedy = marked("Give at most %(most)s.")
            raise refuse(f"lines.{n}.quantity", "is more than can be returned", remedy, back.quantity, most=words)
        if back.location is not None:
            items.own_place(back.location, f"lines.{n}.location")
        found[back.line] = known[back.line], back
    return list(found.values())
