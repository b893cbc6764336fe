"""Messages in the reader's language, from the catalogue that ``make build`` compiles.

``msgfmt -o firmware/model/translations/zh/LC_MESSAGES/rs.mo firmware/model/translations/zh/LC_MESSAGES/rs.po``
English needs no catalogue: a message is its own identifier.
"""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from firmware.model.problem import Problem

DOMAIN = "rs"
TRANSLATIONS = Path(__file__).with_name("translations")


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation(DOMAIN, TRANSLATIONS, [language], fallback=True)


def translate(language: str, message: str, params: Mapping[str, str] | None = None) -> str:
    """A message with its places filled; a place without a value stays as it is written."""
    text = _catalogue(language).gettext(message) if message else ""
    return text % _Places(params) if params else text


class _Places(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return f"%({key})s"


def problem_text(language: str, problem: Problem) -> str:
    """A problem as one line: where, what, what stands there, what to do."""
    parts = [translate(language, problem.message, problem.params)]
    if problem.value:
        parts.append(f"[{problem.value}]")
    if problem.remedy:
        parts.append(translate(language, problem.remedy, problem.params))
    sentence = " ".join(parts)
    return f"{problem.path}: {sentence}" if problem.path else sentence
