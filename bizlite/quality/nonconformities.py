"""Nonconformities: opened with what happened, acted upon by somebody until a day, closed with their cause."""

from __future__ import annotations

import datetime

from peewee import fn

from bizlite.core import exact, numbers, store
from bizlite.core.commands import command
from bizlite.core.errors import refuse
from bizlite.core.session import Session
from bizlite.finance import ledger
from bizlite.quality.models import Inspection, Nonconformity, Step
from bizlite.stock import checks
from bizlite.stock.models import NO_LOT, Item

# From a state to those that may follow.
TRANSITIONS = {"open": ("acting",), "acting": ("acting", "closed"), "closed": ()}
LONGEST = 2000


@command("quality.nonconformity.change")
def open_(
    session: Session, item: int, quantity: int, text: str, *, lot: int = NO_LOT, inspection: int | None = None,
    source: tuple[str, int] = ("", 0), date: datetime.date | None = None,
) -> Nonconformity:  # fmt: skip
    """Says what is wrong with how much of which item."""
    found: Item = store.get(Item, item, "item")
    exact.whole("quantity", quantity, least=1)
    checks.lots(found, lot)
    if inspection is not None and store.get(Inspection, inspection, "inspection").item_id != item:
        raise refuse("inspection", "is of another item", "Choose an inspection of this item.", inspection)
    row = Nonconformity(
        item=found, lot=lot, quantity=quantity, inspection=inspection, source_kind=source[0], source_id=source[1],
        text=_text("text", text), date=ledger.check_date(session.today() if date is None else date),
        created_by=session.user, created_ms=session.now_ms(),
    )  # fmt: skip
    opened: Nonconformity = store.insert(session, row)
    _step(session, opened, state="open")
    return store.change(session, opened, **numbers.stamp(session, opened))


@command("quality.nonconformity.change")
def act(
    session: Session, nonconformity: int, action: str, responsible: str, due: datetime.date, *, cause: str = ""
) -> Nonconformity:
    """Says what is done, by whom and until when."""
    row = _in_state(nonconformity, "acting")
    ledger.check_date(due, "due")
    if due < row.date:
        raise refuse("due", "lies before the nonconformity", "Choose %(first)s or later.", due, first=row.date)
    cause = cause.strip() and _text("cause", cause)
    _step(
        session, row, state="acting", action=_text("action", action), responsible=_text("responsible", responsible),
        due=due, cause=cause,
    )  # fmt: skip
    return row


@command("quality.nonconformity.close")
def close(session: Session, nonconformity: int, cause: str) -> Nonconformity:
    """Closes it: the cause is known, and the action was done and helped."""
    row = _in_state(nonconformity, "closed")
    last = last_step(row.id)
    _step(
        session, row, state="closed", action=last.action, responsible=last.responsible, due=last.due,
        cause=_text("cause", cause),
    )  # fmt: skip
    return row


def last_step(nonconformity: int) -> Step:
    """How things stand."""
    found: Step = Step.select().where(Step.nonconformity == nonconformity).order_by(Step.id.desc()).get()
    return found


def late(today: datetime.date) -> int:
    """How many are being worked on whose day is over."""
    last = Step.select(fn.MAX(Step.id)).group_by(Step.nonconformity)
    return int(Step.select().where((Step.id << last) & (Step.state == "acting") & (Step.due < today)).count())


def _in_state(nonconformity: int, wanted: str) -> Nonconformity:
    row: Nonconformity = store.get(Nonconformity, nonconformity, "nonconformity")
    state = last_step(row.id).state
    if wanted not in TRANSITIONS[state]:
        raise refuse(
            "nonconformity", "is %(state)s", "It is opened, then acted upon, then closed.", row.number, state=state
        )
    return row


def _step(session: Session, row: Nonconformity, **values: object) -> None:
    values = {"cause": "", "action": "", "responsible": "", "due": None, **values}
    values |= {"nonconformity": row.id, "user": session.user, "at_ms": session.now_ms()}
    store.append(Step, [values])


def _text(field: str, text: str) -> str:
    if not text.strip() or len(text) > LONGEST:
        raise refuse(field, "is missing or too long", "Give 1 to %(longest)s characters.", text[:100], longest=LONGEST)
    return text.strip()
