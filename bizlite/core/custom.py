"""Fields that a firm adds to a document type by configuration; a document keeps their values as JSON."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping

from bizlite.core.commands import command
from bizlite.core.errors import Problem, marked, refuse, refuse_all
from bizlite.core.models import CustomField
from bizlite.core.session import Session
from bizlite.core.store import insert

TYPES = ("text", "number", "date", "choice", "yesno")
LONGEST = 500


@command("core.custom.change")
def define(
    session: Session,
    kind: str,
    name: str,
    label: str,
    type_: str,
    *,
    choices: tuple[str, ...] = (),
    required: bool = False,
) -> CustomField:
    """Adds a field to a document type."""
    if type_ not in TYPES:
        raise refuse("type", "is not a type", "Choose one of %(types)s.", type_, types=", ".join(TYPES))
    if not name.isidentifier() or not label:
        raise refuse("name", "is not a name", "Give letters and digits, and a label.", name)
    if (type_ == "choice") != bool(choices):
        raise refuse("choices", "do not fit the type", "Give choices for a choice, and for nothing else.")
    if CustomField.get_or_none((CustomField.kind == kind) & (CustomField.name == name)):
        raise refuse("name", "is taken", "Choose another name.", name)
    position = CustomField.select().where(CustomField.kind == kind).count()
    row = CustomField(
        kind=kind,
        name=name,
        label=label,
        type=type_,
        choices="\n".join(choices),
        is_required=required,
        position=position,
    )
    return insert(session, row)


def fill(kind: str, values: Mapping[str, str]) -> str:
    """The values as a document keeps them. :raise Refused: naming each field that is unknown, missing or wrong."""
    fields = {
        row.name: row for row in CustomField.select().where(CustomField.kind == kind).order_by(CustomField.position)
    }
    problems = [
        Problem(field=f"custom.{name}", message="is not a field of this document", remedy="Leave it out.")
        for name in sorted(set(values) - set(fields))
    ]
    for name, row in fields.items():
        remedy = _wrong(row, values.get(name, ""))
        if remedy:
            problem = Problem(
                field=f"custom.{name}",
                message="is not a value of this field",
                remedy=remedy,
                value=values.get(name, "")[:LONGEST],
            )
            problems.append(problem)
    refuse_all(problems)
    return json.dumps({name: values[name] for name in fields if values.get(name)}, ensure_ascii=False, sort_keys=True)


def _wrong(row: CustomField, value: str) -> str:
    """The remedy, or nothing."""
    if not value:
        return marked("Fill it in.") if row.is_required else ""
    if len(value) > LONGEST:
        return marked("Give at most 500 characters.")
    match row.type:
        case "number" if not value.lstrip("-").replace(".", "", 1).isdecimal():
            return marked("Give a number.")
        case "date":
            try:
                datetime.date.fromisoformat(value)
            except ValueError:
                return marked("Give a date as 2026-12-31.")
        case "choice" if value not in row.choices.split("\n"):
            return marked("Choose one of the list.")
        case "yesno" if value not in ("yes", "no"):
            return marked("Give yes or no.")
    return ""
