"""From reports to counts: what a report changes at its card, once the pieces that it speaks of are there.

Reports may come in any order, since a phone may have been without wifi. One that speaks of pieces that the operation
before has not reported yet waits in the log, and is counted as soon as they are there. So the counts always are what
could have happened, whatever the order of the reports (invariant 7).
"""

from __future__ import annotations

from bizlite.core import registry, store
from bizlite.core.errors import Refused
from bizlite.core.session import Session
from bizlite.production import cards
from bizlite.production.models import Card, Count, Operation, Report

PIECES = ("good", "scrap", "rework")
COUNTED = (*PIECES, "finish", "cut")


def waiting(card: int) -> list[Report]:
    """Reports of a card that are not counted yet, in the order in which the phones made them."""
    done = Count.select(Count.report).where(Count.card == card)
    undone = Report.select(Report.reverses).where((Report.card == card) & Report.reverses.is_null(False))
    query = Report.select().where((Report.card == card) & (Report.kind << COUNTED))
    query = query.where(Report.id.not_in(done) & Report.id.not_in(undone))
    return list(query.order_by(Report.reported_ms, Report.id))


def settle(session: Session, card: Card) -> None:
    """Counts what waits at a card and can be counted, and then at the cards that get pieces of it."""
    before = cards.tally(card.id)
    progress = True
    while progress:
        progress = False
        for report in waiting(card.id):
            if _can_count(card, report):
                _count(session, card, report)
                progress = True
    after = cards.tally(card.id)
    if (before.good, before.rework, before.finished) != (after.good, after.rework, after.finished):
        for following in downstream(card):
            settle(session, following)


def downstream(card: Card) -> list[Card]:
    """The cards to which pieces of a card go: its rework card and the next operation."""
    found = [cards.rework_of(card.id), cards.main(card, card.position + 1)]
    return [following for following in found if following is not None]


def open_pieces(card: int) -> int:
    """Pieces that are at a card and neither counted nor reported."""
    state = cards.tally(card)
    reported = sum(report.quantity for report in waiting(card) if report.kind in PIECES)
    return int(state.received - state.good - state.scrap - state.rework - reported)


def require_inspection(card: Card) -> None:
    """:raise Refused: when the operation has an inspection plan and its good pieces have not passed."""
    if not registry.is_on("quality"):
        return
    from bizlite.quality import inspections

    good, code = cards.tally(card.id).good, Operation.get_by_id(card.operation_id).code
    inspections.require("operation", card.order.item_id, good, ("production_card", card.id, 0), operation=code)


def _can_count(card: Card, report: Report) -> bool:
    state = cards.tally(card.id)
    left = state.received - state.good - state.scrap - state.rework
    if report.kind != "finish":
        return bool(report.quantity <= left and not state.finished)
    pieces = [other for other in waiting(card.id) if other.kind in PIECES]
    if left or pieces or state.finished or not all(cards.is_done(before) for before in cards.upstream(card)):
        return False
    try:
        require_inspection(card)
    except Refused:  # nothing was written: the finish goes on waiting for its inspection
        return False
    return True


def _count(session: Session, card: Card, report: Report) -> None:
    if report.kind == "rework" and cards.rework_of(card.id) is None:
        rest = {"order": card.order_id, "batch": card.batch, "position": card.position, "operation": card.operation_id}
        store.append(Card, [{**rest, "code": f"{card.code}R", "quantity": 0, "parent": card.id}])
    values = dict.fromkeys(("received", "good", "scrap", "rework", "finished"), 0)
    if report.kind == "finish":
        values["finished"] = 1
    elif report.kind == "cut":
        values["received"] = -report.quantity
    else:
        values[report.kind] = report.quantity
    store.append(Count, [{"report": report.id, "card": card.id, "date": session.today(), **values}])
