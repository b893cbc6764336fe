"""What the pages of orders say of inspections that their goods wait for, with the way to the form."""

from __future__ import annotations

from collections.abc import Iterable

from flask import url_for

from bizlite.quality import inspections, plans
from bizlite.stock.fields import quantity
from bizlite.stock.models import Item
from bizlite.web.guard import session
from bizlite.web.resource import Note
from bizlite.web.texts import gettext
from bizlite.web.texts import marked as _


def to_inspect(
    moment: str, kind: str, document: int, lines: Iterable[tuple[int, int, int]], operation: str = ""
) -> list[Note]:
    """A note for each line (its number, item and quantity) of a document that must be inspected before it goes on."""
    found = []
    listed = list(lines)
    watched = plans.watched(moment, {item for _, item, _ in listed})
    for line, item, wanted in listed:
        if item not in watched:
            continue
        plan = plans.active(moment, item, operation)
        done = 0 if plan is None else inspections.passed((kind, document, line), plan)
        if plan is None or done >= wanted:
            continue
        shown, of_item = quantity(), {"item": item}
        text = gettext("%(item)s is inspected before it goes on; good so far: %(done)s of %(wanted)s.") % {
            "item": Item.get_by_id(item).code, "done": shown.typed(done, of_item),
            "wanted": shown.shown(wanted, of_item),
        }  # fmt: skip
        names = {"plan": plan.id, "kind": kind, "document": document, "line": line}
        href = url_for("quality.inspect", **names, quantity=shown.typed(wanted - done, of_item))
        found.append(Note(text=text, label=_("Inspect"), href=href if session().may("quality.inspection.post") else ""))
    return found
