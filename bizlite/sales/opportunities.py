"""Business that may come, from the first call to the order or the reason why there is none."""

from __future__ import annotations

import datetime

from bizlite.core import exact, numbers, store
from bizlite.core.commands import command
from bizlite.core.errors import refuse
from bizlite.core.session import Session
from bizlite.finance import ledger
from bizlite.sales.contacts import contact_of, customer
from bizlite.sales.models import Opportunity
from bizlite.stock.items import LONGEST_NAME, check_note, check_text

# From where to where; won and lost are the end.
STAGES: dict[str, tuple[str, ...]] = {
    "new": ("qualified", "offered", "negotiating", "won", "lost"),
    "qualified": ("new", "offered", "negotiating", "won", "lost"),
    "offered": ("qualified", "negotiating", "won", "lost"),
    "negotiating": ("qualified", "offered", "won", "lost"),
    "won": (),
    "lost": (),
}


@command("sales.opportunity.change")
def add(
    session: Session, party: int, date: datetime.date, title: str, *, amount: int = 0,
    closes: datetime.date | None = None, contact: int | None = None, text: str = "",
) -> Opportunity:  # fmt: skip
    """A new opportunity; ``amount`` is what it may bring, with tax."""
    values = _checked(party, date, title, amount, closes, contact, text)
    return store.insert(session, Opportunity(created_by=session.user, created_ms=session.now_ms(), **values))


@command("sales.opportunity.change")
def change(
    session: Session, opportunity: int, version: int, *, party: int, date: datetime.date, title: str, amount: int = 0,
    closes: datetime.date | None = None, contact: int | None = None, text: str = "",
) -> Opportunity:  # fmt: skip
    """Writes an open opportunity anew."""
    row = _open(opportunity)
    return store.change(session, row, version=version, **_checked(party, date, title, amount, closes, contact, text))


@command("sales.opportunity.change")
def move(
    session: Session, opportunity: int, stage: str, *, lost_reason: str = "", version: int | None = None
) -> Opportunity:
    """To another stage. One that is won or lost is closed; a loss needs its reason."""
    row = _open(opportunity)
    if stage not in STAGES[row.stage]:
        words = ", ".join(STAGES[row.stage])
        raise refuse(
            "stage", "cannot follow %(before)s", "Choose one of %(stages)s.", stage, before=row.stage, stages=words
        )
    reason = check_note("lost_reason", lost_reason)
    if (stage == "lost") != bool(reason):
        raise refuse("lost_reason", "does not fit the stage", "Say why it was lost, and only then.", reason)
    closing = numbers.stamp(session, row) if not STAGES[stage] else {}
    return store.change(session, row, version=version, stage=stage, lost_reason=reason, **closing)


def _open(opportunity: int) -> Opportunity:
    row = store.get(Opportunity, opportunity, "opportunity")
    if row.posted:
        raise refuse("opportunity", "is closed", "Make a new one.", row.number)
    return row


def _checked(
    party: int, date: datetime.date, title: str, amount: int, closes: datetime.date | None, contact: int | None,
    text: str,
) -> dict[str, object]:  # fmt: skip
    ledger.check_date(date)
    row = customer(party)
    if closes is not None and ledger.check_date(closes, "closes") < date:
        raise refuse("closes", "lies before it began", "Choose %(first)s or later.", closes, first=date)
    return {
        "party": row, "date": date, "title": check_text("title", title, LONGEST_NAME),
        "amount": exact.whole("amount", amount, least=0), "closes": closes, "contact": contact_of(row, contact),
        "text": check_note("text", text),
    }  # fmt: skip
