"""Document numbers without gaps, by document type and year: taken inside the transaction that posts."""

from __future__ import annotations

import datetime

from bizlite.core.models import Counter, Document
from bizlite.core.session import Session


def take(kind: str, date: datetime.date) -> str:
    """The next number (``INV-2026-00001``). A transaction that fails gives it back, since there is one writer."""
    row = Counter.get_or_none((Counter.kind == kind) & (Counter.year == date.year))
    last = 1 if row is None else row.last + 1
    if row is None:
        Counter.insert(kind=kind, year=date.year, last=last).execute()
    else:
        Counter.update(last=last).where((Counter.kind == kind) & (Counter.year == date.year)).execute()
    return f"{kind}-{date.year}-{last:05d}"


def stamp(session: Session, document: Document) -> dict[str, object]:
    """What posting writes on a document."""
    return {
        "posted": True,
        "number": take(document.KIND, document.date),
        "posted_by": session.user,
        "posted_ms": session.now_ms(),
    }
