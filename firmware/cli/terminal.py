"""What rsctl writes: tables that line up in Chinese too, numbers with units, problems with their remedy."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from firmware.model.problem import Problem


class Terminal:
    """Where a command's result goes; ``as_json`` turns tables and sentences into one JSON value."""

    def __init__(self, language: str, *, as_json: bool = False) -> None:
        self.language = language
        self.as_json = as_json

    def t(self, message: str, **params: object) -> str:
        """A message in the reader's language."""
        if self.language == "en":  # needs no catalogue, and the commonest case shall not wait for gettext
            return message % params if params else message
        from firmware.model.text import translate

        return translate(self.language, message, {name: str(value) for name, value in params.items()})

    def line(self, text: str = "") -> None:
        sys.stdout.write(text + "\n")

    def json(self, value: Any) -> None:
        self.line(json.dumps(value, ensure_ascii=False, indent=2))

    def done(self, message: str, value: Any = None, **params: object) -> None:
        """One sentence about what was done, or ``value`` as JSON."""
        if self.as_json:
            self.json(value)
        else:
            self.line(self.t(message, **params))

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Columns as wide as their widest cell; the titles are translated."""
        titles = [self.t(column) for column in columns]
        cells = [titles, *([str(cell) for cell in row] for row in rows)]
        widths = [max(_width(row[index]) for row in cells) for index in range(len(titles))]
        for row in cells:
            padded = [cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
            self.line("  ".join(padded).rstrip())

    def pairs(self, rows: Sequence[tuple[str, str]]) -> None:
        """A title and its value on each line; the titles are translated."""
        titles = [self.t(title) for title, _ in rows]
        width = max(_width(title) for title in titles)
        for title, (_, value) in zip(titles, rows, strict=True):
            self.line(f"{title}{' ' * (width - _width(title))}  {value}".rstrip())

    def error(self, message: str, **params: object) -> None:
        """One sentence for a person, on the error output, whatever form the result has."""
        sys.stderr.write(f"rsctl: {self.t(message, **params)}\n")

    def hint(self, message: str, **params: object) -> None:
        """What to do about an error, below it."""
        sys.stderr.write(f"  {self.t(message, **params)}\n")

    def problem(self, problem: Problem) -> dict[str, str]:
        """A problem in the reader's words."""
        return {
            "path": problem.path,
            "message": self.t(problem.message, **problem.params),
            "value": problem.value,
            "remedy": self.t(problem.remedy, **problem.params) if problem.remedy else "",
            "severity": problem.severity,
        }

    def problems(self, problems: Iterable[Problem]) -> None:
        """Each as path, what is wrong, the value, the remedy."""
        for words in map(self.problem, problems):
            place = f"{words['path']}: " if words["path"] else ""
            sys.stderr.write(f"  {place}{words['message']}\n")
            for title in ("value", "remedy"):
                if words[title]:
                    sys.stderr.write(f"      {self.t(title)}: {words[title]}\n")


def _width(text: str) -> int:
    """Cells on the screen: Chinese letters take two."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def bytes_text(count: int) -> str:
    """``1536`` -> ``1.5 KB``."""
    value = float(count)
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if value < 1024 or unit == "TB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def rate_text(rate_bps: float) -> str:
    """``1500000`` -> ``1.5 Mbit/s``."""
    value = float(rate_bps)
    for unit in ("bit/s", "kbit/s", "Mbit/s", "Gbit/s"):
        if value < 1000 or unit == "Gbit/s":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "bit/s" else f"{value:.1f} {unit}"


def duration_text(seconds: float) -> str:
    """``93784`` -> ``1d 02:03:04``."""
    whole = int(seconds)
    days, rest = divmod(whole, 86_400)
    text = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{days}d {text}" if days else text


def time_text(seconds: float | None) -> str:
    """A moment (UTC) in the zone of whoever looks."""
    import time

    return "-" if seconds is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def value_text(value: Any) -> str:
    """A configuration value as ``rsctl set`` takes it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
