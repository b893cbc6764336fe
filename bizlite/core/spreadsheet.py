"""Tables for a spreadsheet: CSV, and XLSX written row by row, so that memory does not grow with the rows.

Whoever opens them must not run what a customer typed: a text that a spreadsheet takes for a formula gets an apostrophe
in CSV, and is a quoted text in XLSX. XLSX by hand is five small parts of XML in a ZIP file (ECMA-376); the library for
it costs 0.9 MB of flash and 6.9 MB of memory.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from decimal import Decimal
from html import escape
from typing import IO

# Also in full width, which spreadsheets in East Asia read as the same (OWASP, CSV injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
NUMBER = re.compile(r"-?[\d,]+(\.\d+)?( %)?")
MOMENT = (1980, 1, 1, 0, 0, 0)  # the first that ZIP knows: the same table gives the same bytes
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
TEXT, TITLE = 1, 2  # places in the list of styles below
PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" ContentType='
    '"application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType='
    f'"{KIND}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="{KIND}.worksheet+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{KIND}.styles+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" Type="{OFFICE}/'
    'officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" Type='
    f'"{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="{OFFICE}/styles" Target='
    '"styles.xml"/></Relationships>',
    "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><fonts count="2"><font/><font><b/></font></fonts><fills count="1">'
    '<fill/></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="3"><xf/><xf quotePrefix="1"/><xf fontId="1" applyFont="1" quotePrefix="1"/></cellXfs>'
    "</styleSheet>",
}


def cell(value: object) -> object:
    """A value as CSV may hold it: an apostrophe stands in front of what a spreadsheet would take for a formula."""
    if isinstance(value, str) and value.startswith(FORMULA):
        return "'" + value
    return value


def number(text: str) -> object:
    """What is shown as a number: plain when it is nothing else, else a text (a quantity with the name of its unit)."""
    return text if NUMBER.fullmatch(text) else cell(text)


def line(values: Iterable[object]) -> str:
    """One line of CSV as it is; ``cell`` makes its texts safe."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(values)
    return text.getvalue()


def as_csv(rows: Iterable[Sequence[object]]) -> Iterable[str]:
    """Lines of CSV with safe texts; numbers are plain."""
    return (line([str(value) if isinstance(value, Decimal) else cell(value) for value in row]) for row in rows)


def xlsx(file: IO[bytes], title: str, rows: Iterable[Sequence[object]]) -> None:
    """Writes one sheet; the first row is its heading. Numbers (int, Decimal) can be reckoned with, all else is text."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        name = escape("".join(letter for letter in title if letter not in "[]:*?/\\'")[:31] or "1")
        book = (
            f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets><sheet name="{name}" sheetId="1" r:id="rId1"/>'
            "</sheets></workbook>"
        )
        for path, text in {**PARTS, "xl/workbook.xml": book}.items():
            archive.writestr(_info(path), HEAD + text)
        with archive.open(_info("xl/worksheets/sheet1.xml"), "w") as sheet:
            frozen = '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
            views = f'<sheetViews><sheetView workbookViewId="0">{frozen}</sheetView></sheetViews>'
            sheet.write(f'{HEAD}<worksheet xmlns="{MAIN}">{views}<sheetData>'.encode())
            for number, row in enumerate(rows):
                style = TEXT if number else TITLE
                sheet.write(f"<row>{''.join(_xml(value, style) for value in row)}</row>".encode())
            sheet.write(b"</sheetData></worksheet>")


def _info(path: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(path, MOMENT)
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def _xml(value: object, style: int) -> str:
    if value is None or value == "":
        return "<c/>"
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return f"<c><v>{value}</v></c>"
    text = "".join(letter for letter in str(value) if letter.isprintable() or letter in "\t\n")
    return f'<c s="{style}" t="inlineStr"><is><t xml:space="preserve">{escape(text, quote=False)}</t></is></c>'
