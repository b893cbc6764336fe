"""Forms: what a person typed, put into the candidate, with every problem at its field and the input kept.

A field is named like the setting below the form's object (``address``, ``dhcp.start``), so that a problem at
``lans.office.dhcp.start`` finds its field by its path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask import request

from firmware.client import Invalid
from firmware.model import shape
from firmware.model.problem import Problem
from firmware.model.text import problem_text, translate
from webui.i18n import gettext, language
from webui.router import router


class Form:
    """The state of one form while a request is answered; templates read ``value`` and ``errors``."""

    def __init__(
        self, shown: Mapping[str, Any] | None = None, *, prefix: str = "", is_sent: bool | None = None
    ) -> None:
        self.prefix = prefix  # before the ids of the fields, where a page has several forms
        self._shown = dict(shown or {})
        self._errors: dict[str, list[str]] = {}
        self.general: list[str] = []
        self.is_sent = request.method == "POST" if is_sent is None else is_sent

    def value(self, name: str) -> Any:
        """What stands in a field: what was typed, else what is configured."""
        if self.is_sent:
            return request.form.get(name, "")
        shown = self._shown.get(name)
        return "" if shown is None else shown

    def values(self, name: str) -> list[str]:
        """The chosen values of a field with several."""
        if self.is_sent:
            return request.form.getlist(name)
        return [str(item) for item in self._shown.get(name) or ()]

    def checked(self, name: str) -> bool:
        return name in request.form if self.is_sent else bool(self._shown.get(name))

    def errors(self, name: str) -> list[str]:
        return self._errors.get(name, [])

    @property
    def is_wrong(self) -> bool:
        return bool(self._errors or self.general)

    def add_error(self, name: str, words: str) -> None:
        """Say at a field what is wrong; an empty name puts it above the form."""
        if name:
            self._errors.setdefault(name, []).append(words)
        else:
            self.general.append(words)

    def text(self, name: str) -> str:
        return request.form.get(name, "").strip()

    def optional(self, name: str) -> str | None:
        return self.text(name) or None

    def lines(self, name: str) -> list[str]:
        """A field with one item per line, commas allowed."""
        return [item for item in request.form.get(name, "").replace(",", "\n").replace("，", "\n").split() if item]

    def number(self, name: str, default: int | None = None) -> int | None:
        """A whole number; nonsense is noted at the field."""
        text = self.text(name)
        if not text:
            return default
        if re.fullmatch(r"-?\d{1,17}", text):
            return int(text)
        self.add_error(name, gettext("A whole number is expected here."))
        return default

    def rate(self, name: str) -> int | None:
        """Bits per second from a field in Mbit/s (``20``, ``0.5``; ``500k`` and ``1G`` too); nonsense is noted."""
        text = _decimal(self.text(name)).lower().removesuffix("bit/s").strip()
        if not text:
            return None
        factor = {"k": 1e3, "m": 1e6, "g": 1e9}.get(text[-1:], 0)
        try:
            value = float(text[:-1] if factor else text) * (factor or 1e6)
        except ValueError:
            value = -1.0
        if not 8e3 <= value <= 4e11:
            self.add_error(name, gettext("Write a rate in Mbit/s such as 20 or 0.5; 500k and 1G are understood too."))
            return None
        return round(value)

    def gigabytes(self, name: str) -> int | None:
        """Bytes from a field in GB (``200``, ``0.5``); nonsense is noted."""
        text = _decimal(self.text(name)).lower().removesuffix("gb").strip()
        if not text:
            return None
        try:
            value = float(text) * 1e9
        except ValueError:
            value = -1.0
        if not 1e6 <= value <= 1e18:
            self.add_error(name, gettext("Write a number of GB such as 200 or 0.5."))
            return None
        return round(value)

    def save(self, path: str, value: Any, before: Any = None, *, fields: Mapping[str, str] | None = None) -> bool:
        """Put ``value`` at ``path`` of the candidate.

        When something below ``path`` is wrong the candidate gets ``before`` back (``None``: nothing stood there)
        and the form says what. ``fields`` maps settings to fields of another name. Problems elsewhere are the
        apply bar's.
        """
        if self.is_wrong:
            return False
        try:
            problems = [p for p in router().set(path, value) if p.severity == "error" and _is_below(p.path, path)]
        except Invalid as error:
            self.note(error.problems, path, fields)
            if not self.is_wrong:
                self.add_error("", translate(language(), error.message, error.params))
            return False
        if not problems:
            return True
        put_back(path, before)
        self.note(problems, path, fields)
        return False

    def note(self, problems: Any, path: str, fields: Mapping[str, str] | None = None) -> None:
        """Put problems to the fields they belong to; those without a field stand above the form with their path."""
        depth = len(shape.split(path))
        for problem in problems:
            below = shape.split(problem.path)[depth:] if _is_below(problem.path, path) else []
            name = ".".join(part for part in below if not part.isdigit())
            name = (fields or {}).get(".".join(below)) or (fields or {}).get(name, name)
            if name in request.form:
                self.add_error(name, field_text(problem))
            else:
                self.add_error("", problem_text(language(), problem))


def put_back(path: str, before: Any) -> None:
    """What stood at ``path`` of the candidate before a form changed it; ``None``: nothing."""
    if before is None:
        router().delete(path)
    else:
        router().set(path, before)


def field_text(problem: Problem) -> str:
    """A problem without its path: it stands at its field."""
    words = [translate(language(), text, problem.params) for text in (problem.message, problem.remedy) if text]
    return " ".join(words)


def _decimal(text: str) -> str:
    """A number with its decimal point, however commas stand in it: ``1,000.5`` is a thousand, ``0,5`` a half."""
    if re.match(r"[1-9][0-9]{0,2}(,[0-9]{3})+(?![0-9,])", text):
        return text.replace(",", "")
    return text.replace(",", ".")


def _is_below(path: str, parent: str) -> bool:
    wanted = shape.split(parent)
    return shape.split(path)[: len(wanted)] == wanted


def identifier(name: str, taken: Any, fallback: str) -> str:
    """A free identifier that reminds of ``name``; Chinese names get ``fallback`` and a number."""
    letters = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in name.lower()).strip("-_")
    base = (letters if letters[:1].isalpha() else f"{fallback}-{letters}".strip("-"))[:28]
    if base not in taken and base != "new":  # the address of the form for a new one
        return base
    return next(f"{base}-{number}" for number in range(2, 100_000) if f"{base}-{number}" not in taken)
