"""The protocol of what was written: one row a box, as CSV to be kept and as HTML to be printed and signed."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import NamedTuple

from buildroot.flash.label import _html
from buildroot.flash.words import Say

VERIFIED, STOPPED = "verified", "stopped before the end"
_NAMES = {
    "time": "Time", "engineer": "Engineer", "serial": "Serial number", "mac": "MAC", "disk": "Disk", "size": "Size",
    "image": "Image (SHA-256)", "result": "Result", "seconds": "Seconds", "headquarters": "Headquarters",
}  # fmt: skip
_STYLE = (
    "body{font:11pt sans-serif;margin:15mm}table{border-collapse:collapse;width:100%;font-size:9pt}"
    "th,td{border:1px solid #999;padding:1.5mm;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
    "th{background:#eee}.bad{font-weight:bold}.sign{margin-top:15mm}@page{size:A4 landscape;margin:0}"
)


class Row(NamedTuple):
    """``result`` is ``VERIFIED`` or what went wrong, in English. Passwords are never in a protocol."""

    time: str
    engineer: str
    serial: str
    mac: str
    disk: str
    size: str
    image: str
    result: str
    seconds: str
    headquarters: str = ""


def append(path: Path, row: Row) -> None:
    """One more row, kept at once: a laptop whose battery is empty has lost nothing."""
    is_new = not path.exists() or not path.stat().st_size
    # utf-8-sig: spreadsheets take a file without its mark for the system's old code page.
    with path.open("a", newline="", encoding="utf-8-sig" if is_new else "utf-8") as file:
        writer = csv.writer(file)
        if is_new:
            writer.writerow(Row._fields)
        writer.writerow([_safe(value) for value in row])
        file.flush()
        os.fsync(file.fileno())


def rows(path: Path) -> list[Row]:
    """All rows of a protocol."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        return [Row(**{name: found.get(name) or "" for name in Row._fields}) for found in csv.DictReader(file)]


def page(found: Iterable[Row], say: Say) -> str:
    """To be printed: the rows, how many boxes are well, a line to sign on."""
    all_rows = list(found)
    good = sum(row.result == VERIFIED for row in all_rows)
    head = "".join(f"<th>{escape(say(_NAMES[name]))}</th>" for name in Row._fields)
    body = "".join(f"<tr>{''.join(_cells(row, say))}</tr>\n" for row in all_rows)
    count = say("%(good)s of %(all)s boxes were written and verified.", good=good, all=len(all_rows))
    sign = say("Date, signature: ") + "_" * 40
    table = f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"
    title = say("Protocol of installation")
    parts = f'<h1>{escape(title)}</h1><p>{escape(count)}</p>{table}<p class="sign">{escape(sign)}</p>'
    return _html(title, _STYLE, parts, say)


def _cells(row: Row, say: Say) -> Iterable[str]:
    for name, value in row._asdict().items():
        shown = say(value) if name == "result" else value
        kind = ' class="bad"' if name == "result" and value != VERIFIED else ""
        yield f"<td{kind}>{escape(shown)}</td>"


def _safe(value: str) -> str:
    """What a spreadsheet would take for a formula is text."""
    return f"'{value}" if value[:1] in ("=", "+", "@") else value
