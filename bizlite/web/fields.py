"""The kinds of field that a page or a REST call can have: reading what was typed or sent, and showing it again.

Values are as commands take them: money in fen, prices in millionths, percent in basis points, quantities in smallest
units, references by primary key. A form has texts (``12.50``), JSON has the values themselves.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass
from functools import reduce
from operator import and_
from typing import Any, ClassVar

from flask import g, has_request_context, request
from peewee import SQL

from bizlite.core import exact
from bizlite.core.errors import refuse
from bizlite.core.store import among
from bizlite.web import resource as resources
from bizlite.web.texts import gettext

Values = Mapping[str, Any]
LONGEST = 2000
PERCENT = 2  # digits of a percentage that is kept in basis points


@dataclass(frozen=True)
class Field:
    """A text of one line, and what all kinds share.

    ``fixed`` fields are given once, when a row is made. ``default`` is a value, or a function that gives one.
    """

    name: str
    label: str
    _: KW_ONLY
    required: bool = True
    fixed: bool = False
    hint: str = ""
    default: Any = None

    widget: ClassVar[str] = "text"
    mode: ClassVar[str] = ""  # the keyboard of a phone
    is_number: ClassVar[bool] = False
    # Control characters, and halves of a character, which no database takes.
    unprintable: ClassVar[re.Pattern[str]] = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
    spaces: ClassVar[Mapping[int, str]] = {0x3000: " ", 0xA0: " "}  # of Chinese keyboards, and of spreadsheets
    empty: ClassVar[Any] = ""
    json_type: ClassVar[str | tuple[str, ...]] = "string"

    def first(self) -> Any:
        """The value of a new row."""
        return self.default() if callable(self.default) else self.default

    def read(self, text: str, at: str, values: Values) -> Any:
        """The value of what was typed; ``at`` is its place, ``values`` what the same row has so far. :raise Refused:"""
        text = text.translate(self.spaces).strip()
        if not text:
            return self._nothing(at)
        if len(text) > LONGEST:
            raise refuse(at, "is too long", "Give at most %(longest)s characters.", text[:100], longest=LONGEST)
        if self.unprintable.search(text):
            raise refuse(at, "has characters that nobody can read", "Type it anew.", ascii(text[:100]))
        return self.parse(text, at, values)

    def take(self, value: Any, at: str, values: Values) -> Any:
        """The value of what JSON holds. :raise Refused:"""
        if value is None or value == "":
            return self._nothing(at)
        return self.accept(value, at, values)

    def _nothing(self, at: str) -> Any:
        if self.required:
            raise refuse(at, "is missing", "Fill it in.")
        return self.empty

    def parse(self, text: str, at: str, values: Values) -> Any:
        return text

    def accept(self, value: Any, at: str, values: Values) -> Any:
        if not isinstance(value, str):
            raise refuse(at, "is not a text", "Give a JSON string.", value)
        return self.read(value, at, values)

    def typed(self, value: Any, values: Values) -> str:
        """The value as one would type it."""
        return "" if value is None else str(value)

    def shown(self, value: Any, values: Values) -> str:
        """The value as one reads it."""
        return self.typed(value, values)

    def plain(self, value: Any) -> Any:
        """The value as JSON holds it."""
        return value

    def schema(self) -> dict[str, Any]:
        """Its JSON schema."""
        return {"type": self.json_type, "title": self.label}


class Text(Field):
    """A text of one line."""


class Area(Field):
    """A text of several lines."""

    unprintable = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
    spaces: ClassVar[Mapping[int, str]] = {}
    widget = "area"


class Whole(Field):
    """A whole number."""

    mode = "numeric"
    is_number = True
    empty = None
    json_type = "integer"

    def digits(self, values: Values) -> int | None:
        """Decimals that are typed; ``None`` while they cannot be known, since another field is wrong."""
        return 0

    def parse(self, text: str, at: str, values: Values) -> Any:
        digits = self.digits(values)
        return None if digits is None else exact.parse(at, text, digits)

    def accept(self, value: Any, at: str, values: Values) -> Any:
        return exact.whole(at, value)

    def typed(self, value: Any, values: Values) -> str:
        if value is None:
            return ""
        text = exact.show(value, self.digits(values) or 0)
        return text.rstrip("0").rstrip(".") if "." in text and self.is_trimmed else text

    is_trimmed: ClassVar[bool] = True


class Money(Whole):
    """An amount: ``12.50`` is 1250 fen."""

    mode = "decimal"
    is_trimmed = False

    def digits(self, values: Values) -> int | None:
        return exact.MINOR

    def shown(self, value: Any, values: Values) -> str:
        if value is None:
            return ""
        head, _, tail = exact.show(value, exact.MINOR).partition(".")
        return f"{int(head):,}.{tail}" if head != "-0" else f"-0.{tail}"


class Price(Whole):
    """A unit price: in millionths of the major unit."""

    mode = "decimal"

    def digits(self, values: Values) -> int | None:
        return exact.PRICE


class Percent(Whole):
    """A rate: ``13`` is 1300 basis points."""

    mode = "decimal"

    def digits(self, values: Values) -> int | None:
        return PERCENT

    def shown(self, value: Any, values: Values) -> str:
        return "" if value is None else f"{self.typed(value, values)} %"


@dataclass(frozen=True)
class Quantity(Whole):
    """A quantity: ``scale`` gives its decimals from the row's other values, ``unit`` the name of its unit.

    Typed with another unit (``2 box``) it is what ``convert`` makes of number, unit and the row's other values.
    """

    scale: Callable[[Values], int | None] = lambda values: 0
    unit: Callable[[Values], str] = lambda values: ""
    convert: Callable[[str, str, str, Values], int | None] | None = None

    mode = "decimal"
    with_unit: ClassVar[re.Pattern[str]] = re.compile(r"([-+\d.,]+)\s*([^\W\d_].*)")

    def parse(self, text: str, at: str, values: Values) -> Any:
        parts = self.with_unit.fullmatch(text) if self.convert else None
        if parts is None or self.convert is None:
            return super().parse(text, at, values)
        return self.convert(at, parts[1], parts[2], values)

    def digits(self, values: Values) -> int | None:
        return self.scale(values)

    def shown(self, value: Any, values: Values) -> str:
        return f"{self.typed(value, values)} {self.unit(values)}".strip() if value is not None else ""


@dataclass(frozen=True)
class Kept(Whole):
    """What a line is about, the key of a row: nothing to type; ``words`` says it."""

    words: Callable[[Any], str] = str

    widget = "kept"
    is_number = False

    def shown(self, value: Any, values: Values) -> str:
        return "" if value is None else self.words(value)


class Date(Field):
    """A day."""

    widget = "date"
    empty = None

    def parse(self, text: str, at: str, values: Values) -> Any:
        try:
            return datetime.date.fromisoformat(text)
        except ValueError:
            raise refuse(at, "is not a date", "Give a date as 2026-12-31.", text[:100])

    def plain(self, value: Any) -> Any:
        return None if value is None else value.isoformat()

    def schema(self) -> dict[str, Any]:
        return {**super().schema(), "format": "date"}


def known() -> dict[tuple[Any, Any], Any]:
    """What was asked for already, rows by resource and key above all: read once for all lines of a page that is only
    shown."""
    if not has_request_context() or request.method != "GET":
        return {}
    if "referred" not in g:
        g.referred = {}
    return g.referred  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Choice(Field):
    """One of a few; ``choices`` maps the value to its words."""

    choices: Mapping[str, str] | Callable[[], Mapping[str, str]] = dict

    widget = "choice"

    def all(self) -> Mapping[str, str]:
        if not callable(self.choices):
            return self.choices
        asked = known()
        if (self.name, self.choices) not in asked:
            asked[self.name, self.choices] = self.choices()
        return asked[self.name, self.choices]  # type: ignore[no-any-return]

    def parse(self, text: str, at: str, values: Values) -> Any:
        if text not in self.all():
            raise refuse(at, "is not one of the choices", "Choose one of the list.", text[:100])
        return text

    def shown(self, value: Any, values: Values) -> str:
        return gettext(self.all().get(value, value or ""))

    def schema(self) -> dict[str, Any]:
        return super().schema() if callable(self.choices) else {**super().schema(), "enum": [*self.choices]}


class YesNo(Field):
    """A box to tick; one that is not sent is not ticked."""

    widget = "yesno"
    json_type = "boolean"

    def read(self, text: str, at: str, values: Values) -> Any:
        return text in ("1", "yes", "on")

    def take(self, value: Any, at: str, values: Values) -> Any:
        if not isinstance(value, bool):
            raise refuse(at, "is not yes or no", "Give true or false.", value)
        return value

    def typed(self, value: Any, values: Values) -> str:
        return "1" if value else ""

    def shown(self, value: Any, values: Values) -> str:
        return gettext("yes") if value else gettext("no")


@dataclass(frozen=True)
class Reference(Field):
    """A row of another resource, typed by its code; ``where`` limits the rows that may be chosen.

    ``like`` limits them by the row's other values: what columns of the other resource have to be. Where what is typed
    is done at once and another row would be harm, a part of a code is not enough (``is_whole``).
    """

    to: str = ""
    is_whole: bool = False
    where: Callable[[], Any] | None = None
    like: Callable[[Values], Values] = lambda values: {}

    widget = "reference"
    empty = None
    json_type = ("integer", "string")

    @property
    def target(self) -> resources.Resource:
        return resources.find(self.to)

    def first(self) -> Any:
        """The default is a code, as one types it."""
        code = super().first()
        found = self.target.named(code) if isinstance(code, str) else []
        return found[0]._pk if found else None

    def parse(self, text: str, at: str, values: Values) -> Any:
        found = self.target.named(text, lambda: self._limits(values))
        if not found:
            raise refuse(at, "does not exist", "Choose one that exists.", text[:100])
        if len(found) > 1:
            raise refuse(at, "fits more than one", "Choose one of the list.", text[:100])
        if self.is_whole and not self.target.is_called(found[0], text):
            raise refuse(at, "does not exist", "Choose one that exists.", text[:100])
        return found[0]._pk

    def accept(self, value: Any, at: str, values: Values) -> Any:
        target = self.target
        if isinstance(value, str):
            key = self.read(value, at, values)
            text = value.translate(self.spaces).strip()
            if key is not None and not target.is_called(self.row(key), text):  # nobody sees what was meant
                raise refuse(at, "does not exist", "Choose one that exists.", value[:100])
            return key
        exact.whole(at, value, least=0)
        if not target.model.select().where((target.key == value) & self._limits(values)).exists():
            raise refuse(at, "does not exist", "Choose one that exists.", value)
        return value

    def know(self, values: Iterable[Any]) -> None:
        """Reads the rows of many values at once, for a page that is going to show them."""
        asked, target = known(), self.target
        missing = {value for value in values if value is not None and (self.to, value) not in asked}
        asked.update({(self.to, row._pk): row for row in among(target.model, target.key.name, missing)})

    def _limits(self, values: Values) -> Any:
        model = self.target.model
        limits = [getattr(model, name) == value for name, value in self.like(values).items()]
        return reduce(and_, [*([self.where()] if self.where else []), *limits], SQL("1 = 1"))

    def row(self, value: Any) -> Any:
        """The row of a value."""
        if value is None:
            return None
        asked = known()
        if (self.to, value) not in asked:
            target = self.target
            asked[self.to, value] = next(iter(among(target.model, target.key.name, (value,))), None)
        return asked[self.to, value]

    def typed(self, value: Any, values: Values) -> str:
        row = self.row(value)
        return "" if row is None else self.target.title(row)

    def shown(self, value: Any, values: Values) -> str:
        row = self.row(value)
        return "" if row is None else self.target.words(row)
