"""From a form or a JSON body to the arguments of a command; all problems at once, each at its field."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from bizlite.core.errors import Problem, Refused, refuse, refuse_all
from bizlite.core.models import CustomField
from bizlite.web.fields import Choice, Date, Field, Kept, Quantity, Reference, Text, YesNo
from bizlite.web.resource import Action, Lines, Resource, raw
from bizlite.web.texts import gettext

MOST_LINES = 500
BLANK = 3  # empty lines at the end of a form


@dataclass
class Form:
    """What stands in a form: texts by name, and what is wrong with them."""

    texts: dict[str, str]
    lines: list[dict[str, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    names: frozenset[str] = frozenset()

    def wrong(self, at: str) -> list[Problem]:
        """Problems of one field."""
        return [problem for problem in self.problems if problem.field == at]

    def general(self) -> list[Problem]:
        """Problems of none of the fields that the form shows."""
        return [problem for problem in self.problems if problem.field not in self.names]


def own_fields(resource: Resource) -> list[Field]:
    """Fields that the firm added."""
    if not resource.custom:
        return []
    query = CustomField.select().where(CustomField.kind == resource.kind).order_by(CustomField.position)
    return [_own(row) for row in query]


def _own(row: CustomField) -> Field:
    name = f"custom.{row.name}"
    match row.type:
        case "date":
            return Date(name, row.label, required=row.is_required)
        case "choice":
            return Choice(name, row.label, required=row.is_required, choices={c: c for c in row.choices.split("\n")})
        case "yesno":
            return Choice(name, row.label, required=row.is_required, choices={"yes": "yes", "no": "no"})
    return Text(name, row.label, required=row.is_required)


def open_fields(resource: Resource, *, is_new: bool) -> list[Field]:
    """The fields of the form, those of the firm included."""
    return [field for field in (*resource.fields, *own_fields(resource)) if is_new or not field.fixed]


def of_form(sent: Mapping[str, str], fields: Sequence[Field], lines: Lines | None = None) -> Form:
    """The texts of a form as they were typed; lines in which nothing stands are left out."""
    form = Form(texts={field.name: sent.get(field.name, "") for field in fields})
    if lines is not None:
        numbers = {name.split(".")[1] for name in sent if name.startswith(f"{lines.name}.") and name.count(".") == 2}
        if len(numbers) > MOST_LINES:
            raise refuse(lines.name, "are too many", "Give at most %(most)s.", len(numbers), most=MOST_LINES)
        for number in sorted((n for n in numbers if n.isdecimal()), key=int):
            texts = {field.name: sent.get(f"{lines.name}.{number}.{field.name}", "") for field in lines.fields}
            if any(texts[name].strip() for name in _telling(lines)):
                form.lines.append(texts)
    form.names = _names(form, fields, lines)
    return form


def _telling(lines: Lines) -> list[str]:
    """The fields of which one is filled in where a line is meant: what is offered beside a quantity says nothing."""
    if any(isinstance(field, Kept) for field in lines.fields):
        return [field.name for field in lines.fields if isinstance(field, Quantity)]
    return [f.name for f in lines.fields if not isinstance(f, Choice | YesNo) and f.default is None]


def limits(lines: Lines, entry: Reference, texts: Mapping[str, str]) -> dict[str, str]:
    """What a lookup for a field of a line is limited to, by what stands in the line: filters of the other list."""
    values: dict[str, Any] = {}
    for other in lines.fields[: lines.fields.index(entry)]:
        with suppress(Refused):
            values[other.name] = other.read(texts.get(other.name, ""), other.name, values)
    return {name: f"#{value}" for name, value in entry.like(values).items()}


def of_row(row: Any, fields: Sequence[Field], lines: Lines | None = None, own: Mapping[str, str] | None = None) -> Form:
    """The texts of a row, to be edited; ``row`` ``None`` gives the defaults."""
    texts = {}
    for entry in fields:
        if entry.name.startswith("custom."):
            texts[entry.name] = (own or {}).get(entry.name.removeprefix("custom."), "")
        elif row is None:
            texts[entry.name] = entry.typed(entry.first(), {})
        else:
            texts[entry.name] = entry.typed(raw(row, entry.name), row.__data__)
    form = Form(texts=texts)
    if lines is not None and row is not None:
        form.lines = [
            {entry.name: entry.typed(raw(line, entry.name), line.__data__) for entry in lines.fields}
            for line in lines.rows(row)
        ]
    form.names = _names(form, fields, lines)
    return form


def of_action(action: Action, row: Any) -> Form:
    """The texts of an action before anything is typed: the defaults, and the lines that it offers."""
    form = of_row(None, action.fields)
    if action.lines is not None:
        for values in action.offer(row):
            form.lines.append(
                {entry.name: entry.typed(values.get(entry.name), values) for entry in action.lines.fields}
            )
    form.names = _names(form, action.fields, action.lines)
    return form


def place(at: str, fields: Sequence[Field], lines: Lines | None) -> str:
    """What a form calls the place of a problem: the field's label, with the number of its line; empty for no field."""
    start, _, rest = at.partition(".")
    if lines is not None and start == lines.name and rest:
        number, _, name = rest.partition(".")
        label = place(name, lines.fields, None)
        if not label or not number.isdecimal():
            return ""
        return gettext("Line %(number)s, %(label)s") % {"number": int(number) + 1, "label": label}
    return next((gettext(field.label) for field in fields if field.name == at), "")


def comes_next(actions: Sequence[tuple[Action, Form]]) -> Action | None:
    """What stands open on a row's page: the first action that usually comes next and has something left."""
    for action, form in actions:
        asked = action.lines.fields if action.lines else ()
        is_left = any(line.get(f.name) for line in form.lines for f in asked if not isinstance(f, Kept))
        if action.is_next and (is_left or action.lines is None):
            return action
    return None


def _names(form: Form, fields: Sequence[Field], lines: Lines | None) -> frozenset[str]:
    names = {field.name for field in fields}
    if lines is not None:
        names |= {f"{lines.name}.{n}.{entry.name}" for n in range(len(form.lines)) for entry in lines.fields}
    return frozenset(names)


def values_of(form: Form, fields: Sequence[Field], lines: Lines | None = None) -> dict[str, Any]:
    """The arguments of the command. :raise Refused: naming every field that cannot be read."""
    problems: list[Problem] = []
    values = _read(fields, form.texts, "", problems, lambda entry, *rest: entry.read(*rest))
    if lines is not None:
        read = [
            _read(lines.fields, texts, f"{lines.name}.{n}.", problems, lambda entry, *rest: entry.read(*rest))
            for n, texts in enumerate(form.lines)
        ]
        refuse_all(problems)
        values[lines.argument] = [lines.make(**line) for line in read]
    refuse_all(problems)
    return values


def of_json(body: Any, fields: Sequence[Field], lines: Lines | None = None, *, is_part: bool = False) -> dict[str, Any]:
    """The arguments of the command from a JSON body; ``is_part`` lets fields be absent. :raise Refused:"""
    if not isinstance(body, dict):
        raise refuse("body", "is not an object", "Send a JSON object with the fields.")
    own = {f"custom.{name}": value for name, value in _object(body.get("custom", {})).items()}
    sent = {**{name: value for name, value in body.items() if name != "custom"}, **own}
    problems = _unknown(sent, fields, "", {lines.name} if lines else set())
    wanted = [field for field in fields if field.name in sent or not is_part]
    values = _read(wanted, sent, "", problems, _take)
    if lines is not None and (lines.name in body or not is_part):
        rows = body.get(lines.name, [])
        if not isinstance(rows, list) or len(rows) > MOST_LINES or not all(isinstance(row, dict) for row in rows):
            raise refuse(lines.name, "is not a list of lines", "Send a list of at most %(most)s.", most=MOST_LINES)
        read = []
        for n, row in enumerate(rows):
            at = f"{lines.name}.{n}."
            problems += _unknown(row, lines.fields, at, set())
            read.append(_read(lines.fields, row, at, problems, _take))
        refuse_all(problems)
        values[lines.argument] = [lines.make(**row) for row in read]
    refuse_all(problems)
    return values


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise refuse("custom", "is not an object", "Send a JSON object with the fields.")
    return value


def _take(entry: Field, value: Any, at: str, values: Mapping[str, Any]) -> Any:
    if value is _ABSENT:  # as a form would have it
        value = entry.first()
        return value if value is not None else entry.take(False if isinstance(entry, YesNo) else None, at, values)
    return entry.take(value, at, values)


_ABSENT = object()


def _unknown(sent: Mapping[str, Any], fields: Sequence[Field], at: str, others: set[str]) -> list[Problem]:
    extra = sorted(set(sent) - {field.name for field in fields} - others)
    return [
        Problem(field=at + name, message="is not a field of this document", remedy="Leave it out.") for name in extra
    ]


def _read(
    fields: Sequence[Field], sent: Mapping[str, Any], at: str, problems: list[Problem], how: Callable[..., Any]
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for entry in fields:
        try:
            value = how(entry, sent.get(entry.name, _ABSENT), at + entry.name, values)
        except Refused as refused:
            problems += refused.problems
            continue
        if entry.name.startswith("custom."):
            own[entry.name.removeprefix("custom.")] = value.isoformat() if hasattr(value, "isoformat") else value or ""
        else:
            values[entry.name] = value
    if any(entry.name.startswith("custom.") for entry in fields):
        values["custom"] = own
    return values
