"""What a module declares of a document, and where the declarations are found.

A module's ``views.py`` has ``RESOURCES``; it may have a blueprint ``bp`` with special pages and ``todo(session)``,
which gives what is due for the start page.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from inspect import signature
from types import ModuleType
from typing import TYPE_CHECKING, Any

from bizlite.core import registry
from bizlite.core.errors import marked, refuse
from bizlite.core.session import Session
from bizlite.core.store import get, read
from bizlite.web.texts import language

if TYPE_CHECKING:
    from bizlite.web.fields import Field

Command = Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class Column:
    """A figure of a row that is no field of its form; ``kind`` shows it, ``total`` sums the column of that name.

    ``value`` gives it for a row; ``many`` for all rows of a list by their key, where one question answers for all.
    """

    kind: Field
    value: Callable[[Any], Any] | None = None
    many: Callable[[list[Any]], Mapping[Any, Any]] | None = None
    total: bool = False

    @property
    def name(self) -> str:
        return self.kind.name

    @property
    def label(self) -> str:
        return self.kind.label

    def of(self, row: Any) -> Any:
        if self.many:
            return self.many([row]).get(row._pk)
        return self.value(row) if self.value else raw(row, self.name)


@dataclass(frozen=True, kw_only=True)
class Lines:
    """The table of a document: the rows of ``model`` whose column ``of`` is the document (an action's has neither).

    The command gets them as ``argument``, each made by ``make`` from its values; problems name them as ``name``.
    ``shows`` are figures beside the fields.
    """

    model: Any = None
    of: str = ""
    fields: tuple[Field, ...]
    make: Callable[..., Any] = dict
    name: str = "lines"
    argument: str = "lines"
    label: str = marked("Lines")
    shows: tuple[Column, ...] = ()

    def columns(self) -> list[Column]:
        """Everything that a line shows."""
        return [*(Column(kind=entry) for entry in self.fields), *self.shows]

    def rows(self, row: Any) -> list[Any]:
        """The lines of a document, in order."""
        order = "position" if hasattr(self.model, "position") else "id"
        return read(self.model, f'"{getattr(self.model, self.of).column_name}" = ? ORDER BY "{order}"', row._pk)


@dataclass(frozen=True, kw_only=True)
class Action:
    """Something to do with a row: a button, and an address below the row's own.

    The command gets the session, the row's key and the values of ``fields``; its permission is the action's.
    ``when`` says for which rows it makes sense; ``undo`` names the action that takes it back. ``lines`` is a table to
    fill in, in which at first stands what ``offer`` gives for the row: a list of values by name of field. What usually
    comes next (``is_next``) stands open on the page, the first of a row's actions that does; others are folded away.
    """

    name: str
    label: str
    command: Command
    when: Callable[[Any], bool] = lambda row: True
    fields: tuple[Field, ...] = ()
    lines: Lines | None = None
    offer: Callable[[Any], list[dict[str, Any]]] = lambda row: []
    undo: str = ""
    is_next: bool = False


@dataclass(frozen=True, kw_only=True)
class Link:
    """Related documents: the rows of another resource whose column ``by`` is this row, or those that ``rows`` gives."""

    label: str
    to: str
    by: str = ""
    rows: Callable[[Any], Iterable[Any]] | None = None


@dataclass(frozen=True, kw_only=True)
class Page:
    """A special page about a row: ``endpoint`` of the module's blueprint, whose argument ``by`` is the row's key."""

    label: str
    endpoint: str
    by: str


@dataclass(frozen=True, kw_only=True)
class Note:
    """Something that a row waits for, in the reader's language, and a link to where it is done."""

    text: str
    label: str
    href: str


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A document, or master data: declared once, drawn as list, form, page and REST.

    ``name`` is ``module.noun``; ``view`` the permission to see it, while commands have their own. ``columns`` of the
    list are names of fields, ``number``, ``date``, ``posted``, or ``Column``s. ``exact`` columns find one row by what
    was typed or scanned, the first of them is the row's title (without any it has a number only); ``search`` columns
    are searched within. ``sorts`` are columns that are indexed and never null, a minus for descending; the first is
    the usual order.
    """

    name: str
    label: str  # many
    one: str
    model: Any
    view: str
    fields: tuple[Field, ...]
    columns: tuple[str | Column, ...]
    empty: str  # the sentence of an empty list
    exact: tuple[str, ...] = ("code",)
    search: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    sorts: tuple[str, ...] = ("-id",)
    lines: Lines | None = None
    shows: tuple[Column, ...] = ()
    create: Command | None = None
    change: Command | None = None
    editable: Callable[[Any], bool] | None = None
    actions: tuple[Action, ...] = ()
    links: tuple[Link, ...] = ()
    pages: tuple[Page, ...] = ()
    notes: Callable[[Any], Iterable[Note]] = lambda row: ()
    custom: bool = False
    template: str = ""  # for printing
    in_menu: bool = True

    @property
    def module(self) -> str:
        return self.name.partition(".")[0]

    @property
    def noun(self) -> str:
        return self.name.partition(".")[2]

    @property
    def key(self) -> Any:
        return self.model._meta.primary_key

    @property
    def kind(self) -> str:
        """The document type, in attachments and custom fields."""
        return getattr(self.model, "KIND", "") or self.name

    def may_change(self, session: Session, row: Any) -> bool:
        """Whether the form of a row is open to the user: a posted document's never is."""
        if self.change is None or not session.may(permission(self.change)):
            return False
        return self.editable(row) if self.editable else not getattr(row, "posted", False)

    def get(self, key: str) -> Any:
        """The row of an address. :raise Missing:"""
        is_text = type(self.key).__name__ == "TextField"
        if not is_text and not (key.isascii() and key.isdecimal() and len(key) < 19):
            return get(self.model, None)
        return get(self.model, key if is_text else int(key))

    def title(self, row: Any) -> str:
        """What one types to name the row; a draft has no number yet."""
        return str((raw(row, self.exact[0]) if self.exact else "") or f"#{row._pk}")

    def words(self, row: Any) -> str:
        """The title with the name, where it has one."""
        names = [n for n in ("name", f"name_{language()}") if n in self.model._meta.fields]
        title, name = self.title(row), raw(row, names[0]) if names else ""
        return title if name == title else f"{title} {name}".strip()

    def named(self, text: str, where: Callable[[], Any] | None = None, most: int = 2) -> list[Any]:
        """Rows that the text names: exactly, else those that hold it."""
        base = self.model.select() if where is None else self.model.select().where(where())
        if text.startswith("#") and text[1:].isdecimal() and len(text) < 19:
            return list(base.where(self.key == int(text[1:])))
        for name in self.exact:
            found = list(base.where(getattr(self.model, name) == text).limit(most))
            if found:
                return found
        condition = self.holding(text)
        return [] if condition is None else list(base.where(condition).order_by(self.key).limit(most))

    def is_called(self, row: Any, text: str) -> bool:
        """Whether the text names the row exactly."""
        return text in {f"#{row._pk}", *(str(raw(row, name)) for name in self.exact)}

    def holding(self, text: str) -> Any:
        """The condition that a searched column holds the text."""
        condition = None
        for name in dict.fromkeys((*self.exact, *self.search)):
            part = getattr(self.model, name).contains(text)
            condition = part if condition is None else condition | part
        return condition

    def all_columns(self) -> list[Column]:
        """The columns of the list."""
        return [self.column(entry) for entry in self.columns]

    def column(self, entry: str | Column) -> Column:
        if isinstance(entry, Column):
            return entry
        return Column(kind=self.field(entry))

    def field(self, name: str) -> Field:
        """A field by name; those of every document are known to all."""
        known: Mapping[str, Field] = {field.name: field for field in (*standard(), *self.fields)}
        if name not in known:
            raise KeyError(f"{self.name} has no field {name}")
        return known[name]

    def action(self, name: str) -> Action:
        """:raise Refused: when there is none of the name."""
        for action in self.actions:
            if action.name == name:
                return action
        raise refuse("action", "does not exist", "Choose one that exists.", name)


def values_of(columns: Sequence[Column], rows: list[Any]) -> list[list[Any]]:
    """What the columns have for each row; a column that answers for many is asked once."""
    answers = [column.many(rows) if column.many else None for column in columns]
    return [
        [column.of(row) if known is None else known.get(row._pk)
         for column, known in zip(columns, answers, strict=True)]
        for row in rows
    ]  # fmt: skip


def permission(command: Command) -> str:
    """The permission that ``@command`` noted."""
    return str(command.permission)  # type: ignore[attr-defined]


def takes(command: Command, name: str) -> bool:
    """Whether the command has such an argument: ``version`` above all."""
    return name in signature(command).parameters


def raw(row: Any, name: str) -> Any:
    """A column as it is stored; anything else the row has by that name."""
    return row.__data__[name] if name in row.__data__ else getattr(row, name)


@cache
def standard() -> tuple[Field, ...]:
    """What every document has."""
    from bizlite.web import fields

    return (
        fields.Text("number", marked("Number")), fields.Date("date", marked("Date")),
        fields.YesNo("posted", marked("Posted")), fields.Text("posted_by", marked("Posted by")),
    )  # fmt: skip


@cache
def views() -> Mapping[str, ModuleType]:
    """``views.py`` of each module that has one."""
    names = (f"bizlite.{name}.views" for name in registry.NAMES)
    return {name.split(".")[1]: importlib.import_module(name) for name in names if find_spec(name)}


@cache
def every() -> Mapping[str, Resource]:
    """All resources by name, in the order of modules and declarations."""
    return {resource.name: resource for view in views().values() for resource in view.RESOURCES}


def find(name: str) -> Resource:
    return every()[name]


def of_row(row: Any) -> Resource | None:
    """The resource that shows a row."""
    return next((resource for resource in every().values() if resource.model is type(row)), None)
