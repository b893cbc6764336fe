"""What a worker reports at a job card: start, good, scrap, rework, finish; taken back by storno, never edited."""

from __future__ import annotations

from bizlite.core import exact, store
from bizlite.core.commands import command
from bizlite.core.errors import refuse
from bizlite.core.session import Session
from bizlite.production import cards, causes, counting, orders
from bizlite.production.models import Card, Count, Report, Worker

KINDS = ("start", "good", "scrap", "rework", "finish", "cut")
WITH_CAUSE = ("scrap", "rework")
AHEAD_MS, OLDEST_MS = 5 * 60 * 1000, 30 * 24 * 3600 * 1000


@command("production.card.report")
def report(
    session: Session, card: int, kind: str, worker: int, quantity: int | None = None, *, cause: str = "",
    reported_ms: int | None = None,
) -> Report:  # fmt: skip
    """Takes a report of a worker; ``reported_ms`` is when the phone made it, if that was earlier.

    A report that speaks of pieces which the operation before has not reported waits for them (``counting``). Cutting
    (``cut``) takes pieces out of the first operation that will not be made; it needs ``production.card.correct``.
    """
    row: Card = store.get(Card, card, "card")
    orders.open_order(row.order_id)
    who: Worker = store.get(Worker, worker, "worker")
    if not who.is_active:
        raise refuse("worker", "is out of use", "Choose another worker.", who.code)
    if kind not in KINDS:
        raise refuse("kind", "is not a kind of report", "Choose one of %(kinds)s.", kind, kinds=", ".join(KINDS))
    quantity = 0 if quantity is None else quantity
    _check_pieces(session, row, kind, quantity, cause)
    if kind == "finish":
        earlier = next((one for one in counting.waiting(row.id) if one.kind == "finish"), None)
        _check_finish(row)
        if earlier is not None:  # what it waited for may have come: an inspection tells nobody
            counting.settle(session, row)
            return earlier
    values = {"card": row.id, "kind": kind, "quantity": quantity, "cause": cause.strip(), "worker": who.id}
    times = {"reported_ms": _time(session, reported_ms), "at_ms": session.now_ms()}
    made = _append(values | times | {"user": session.user, "reverses": None})
    counting.settle(session, row)
    orders.plan_anew(session, row.order)
    return made


@command("production.card.report")
def storno(session: Session, card: int, report: int, worker: int | None = None) -> Report:
    """Takes a report of a card back: a worker their own, anybody's with ``production.card.correct``."""
    row: Report = store.get(Report, report, "report")
    if row.card_id != card:
        raise refuse("report", "is of another card", "Choose one of this card.", report)
    orders.open_order(row.card.order_id)
    if row.worker_id != worker:
        session.require("production.card.correct")
    if row.kind == "storno" or Report.get_or_none(Report.reverses == row):
        raise refuse("report", "is taken back already", "Choose one that stands.", report)
    count = Count.get_or_none(Count.report == row)
    if count is not None:
        _check_storno(row.card, count)
    # It counts for the worker whose pieces they were; who took it back is the user.
    values = {"card": row.card_id, "kind": "storno", "quantity": 0, "cause": "", "worker": row.worker_id}
    times = {"reported_ms": session.now_ms(), "at_ms": session.now_ms()}
    made = _append(values | times | {"user": session.user, "reverses": row.id})
    if count is not None:
        names = ("received", "good", "scrap", "rework", "finished")
        opposite = {name: -getattr(count, name) for name in names}
        date = session.today()
        store.append(Count, [{"report": made.id, "card": row.card_id, "date": date, **opposite}])
        orders.plan_anew(session, row.card.order)
    counting.settle(session, row.card)
    return made


def _append(values: dict[str, object]) -> Report:
    (number,) = store.append(Report, [values])
    return Report.get_by_id(number)


def _check_pieces(session: Session, card: Card, kind: str, quantity: int, cause: str) -> None:
    if kind not in (*counting.PIECES, "cut"):
        exact.whole("quantity", quantity, least=0, most=0)
        return
    exact.whole("quantity", quantity, least=1)
    if kind in WITH_CAUSE or cause.strip():
        causes.check(cause)
    if cards.tally(card.id).finished:
        raise refuse("card", "is finished", "Take the finish back first.", card.id)
    if kind == "cut":
        session.require("production.card.correct")
        if card.position != 1 or card.parent_id is not None:
            raise refuse("card", "is not of the first operation", "Cut at the first operation.", card.id)
    reported = sum(one.quantity for one in counting.waiting(card.id) if one.kind in counting.PIECES)
    state = cards.tally(card.id)
    left = cards.possible(card) - state.good - state.scrap - state.rework - reported
    if quantity > left:
        raise refuse("quantity", "is more than can come to this card", "Give at most %(most)s.", quantity, most=left)


def _check_finish(card: Card) -> None:
    """What will still come may be waited for; what is here must be reported and inspected."""
    if cards.tally(card.id).finished:
        raise refuse("card", "is finished", "Take the finish back first.", card.id)
    if not all(cards.is_done(before) for before in cards.upstream(card)):
        return
    left = counting.open_pieces(card.id)
    if left:
        raise refuse(
            "quantity", "%(left)s pieces are not reported", "Report them as good, scrap or rework first.", left,
            left=left,
        )  # fmt: skip
    counting.require_inspection(card)


def _check_storno(card: Card, count: Count) -> None:
    """Pieces that went on cannot be taken back before what was done with them is."""
    state = cards.tally(card.id)
    if state.finished and not count.finished:
        raise refuse("report", "is of a card that is finished", "Take the finish back first.", count.report_id)
    for following in counting.downstream(card):
        there = cards.tally(following.id)
        came = count.rework if following.parent_id == card.id else count.good
        if there.finished or there.received - came < there.good + there.scrap + there.rework:
            raise refuse(
                "report", "what came of it is reported at the next card", "Take back the reports there first.",
                count.report_id,
            )  # fmt: skip
    if cards.main(card, card.position + 1) is None:
        left = cards.output(card.order_id) - orders.received(card.order_id)
        if count.good > left:
            raise refuse(
                "report", "its pieces are received into stock", "Take the receipt back first.", count.report_id
            )  # fmt: skip


def _time(session: Session, reported_ms: int | None) -> int:
    """The phone's own time; one whose clock is ahead is not believed."""
    now = session.now_ms()
    if reported_ms is None:
        return now
    exact.whole("reported_ms", reported_ms)
    if reported_ms < now - OLDEST_MS:
        raise refuse("reported_ms", "is older than 30 days", "Set the phone's clock, and report again.", reported_ms)
    return reported_ms if reported_ms <= now + AHEAD_MS else now
