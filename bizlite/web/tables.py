"""Tables of pages that are no list of documents: shown, taken along as CSV and XLSX, and answered by REST."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from flask import Response, current_app, g, jsonify, render_template, request, url_for
from markupsafe import Markup, escape

from bizlite.core import registry, spreadsheet, tables
from bizlite.core.errors import refuse
from bizlite.core.tables import Column, Line, Table
from bizlite.web.fields import Field, Money, Percent, Whole
from bizlite.web.guard import is_api, session
from bizlite.web.texts import gettext

NUMBERS = ("money", "whole", "quantity", "percent")
MOST = 100  # rows shown; the files have all of them
BOM = "\ufeff"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
END = Markup("</td>")
MONEY, WHOLE, PERCENT = Money("", ""), Whole("", ""), Percent("", "")


def shown(column: Column, value: Any) -> str:
    """A value as one reads it."""
    if value is None:
        return ""
    match column.kind:
        case "money":
            return MONEY.shown(value, {})
        case "percent":
            return PERCENT.shown(value, {})
        case "word":
            return gettext(str(value))
    return str(tables.plain(column.kind, value))


def drawn(table: Table, most: int) -> Iterator[Markup]:
    """The cells of each of the first rows."""
    begins = begins_of([(gettext(column.label), "num" if column.kind in NUMBERS else "") for column in table.columns])
    for line in table.lines[:most]:
        texts = [shown(column, value) for column, value in zip(table.columns, line.values, strict=True)]
        yield cells(begins, texts, href(line))


def begins_of(heads: Sequence[tuple[str, str]]) -> list[Markup]:
    """How the cells of each column begin, by its label and class."""
    plain, classed = Markup('<td data-label="{}">'), Markup('<td data-label="{}" class="{}">')
    return [classed.format(label, name) if name else plain.format(label) for label, name in heads]


def cells(begins: Sequence[Markup], texts: Sequence[str], href: str, unnamed: str = "–") -> Markup:
    """The cells of a row, the first of which leads to ``href``. Not by Jinja, which takes three times as long: a page
    has hundreds of them."""
    found = [escape(text) for text in texts]
    if href:
        found[0] = Markup('<a href="%s">%s</a>') % (href, found[0] or unnamed)
    return END.join([begin + text for begin, text in zip(begins, found, strict=True)]) + END


def href(line: Line) -> str:
    """The address that a row leads to; empty when it leads nowhere, or the user may not go there."""
    if line.target is None:
        return ""
    endpoint, values = line.target
    known = g.setdefault("leads", {})
    if endpoint not in known:
        known[endpoint] = _rule(endpoint) if _may_lead(endpoint) else ""
    rule, words = known[endpoint], {}
    for name, value in values.items() if rule else ():
        if f"{{{name}}}" in rule:
            rule = rule.replace(f"{{{name}}}", quote(str(value), safe=""))
        else:
            words[name] = value
    return f"{rule}?{urlencode(words)}" if words else rule


def _may_lead(endpoint: str) -> bool:
    view: Any = current_app.view_functions.get(endpoint)
    if view is None or not session().may(view.permission):
        return False
    return view.module not in registry.NAMES or registry.is_on(view.module)


def _rule(endpoint: str) -> str:
    """The address of an endpoint with its places in braces: ``url_for`` takes too long for every row of a table."""
    rule = next(current_app.url_map.iter_rules(endpoint)).rule
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)


def download(table: Table, form: str) -> Response:
    """The table as a file. :raise Refused: for another form than ``csv`` and ``xlsx``."""
    rows = tables.cells(table, gettext)
    if form == "csv":
        content = (BOM + "".join(spreadsheet.as_csv(rows))).encode()
        kind = "text/csv"
    elif form == "xlsx":
        file = io.BytesIO()
        spreadsheet.xlsx(file, gettext(table.title), rows)
        content, kind = file.getvalue(), XLSX
    else:
        raise refuse("format", "is not a form of file", "Choose csv or xlsx.", form[:20])
    return Response(
        content, mimetype=kind, headers={"Content-Disposition": f"attachment; filename={table.name}.{form}"}
    )


def answer(found: list[Table]) -> Response:
    """Tables as JSON: money in fen, percentages in basis points, quantities as decimal texts, months as 202611."""
    return jsonify(tables=[_plain(table) for table in found])


def _plain(table: Table) -> dict[str, Any]:
    names = [column.name for column in table.columns]
    rows = [
        dict(zip(names, (_value(c.kind, v) for c, v in zip(table.columns, line.values, strict=True)), strict=True))
        for line in table.lines
    ]
    return {
        "name": table.name, "title": gettext(table.title),
        "columns": [{"name": c.name, "label": gettext(c.label), "kind": c.kind} for c in table.columns],
        "rows": rows, "totals": {name: table.total(name) for name in table.totals},
    }  # fmt: skip


def _value(kind: str, value: Any) -> Any:
    """A value of a column as JSON has it."""
    match kind:
        case "word":
            return gettext(str(value))
        case "quantity" | "date" if value is not None:
            return str(tables.plain(kind, value))
    return value


def address(form: str, name: str = "") -> str:
    """The address of this page as a file of a form; ``name`` chooses one of several tables."""
    words = {**request.args.to_dict(), "format": form, **({"table": name} if name else {})}
    return url_for(request.endpoint or "", **{**(request.view_args or {}), **words})


def most(rows: int = MOST) -> int | None:
    """How many rows have to be read: those that are shown, or all of them for a file or a program."""
    return None if request.args.get("format") or is_api() else rows


def wanted(found: list[Table]) -> Response | None:
    """The file that the address asks for, of one of the page's tables; JSON at a REST address."""
    if is_api():
        return answer(found)
    form = request.args.get("format")
    if not form or not found:
        return None
    name = request.args.get("table", found[0].name)
    table = next((table for table in found if table.name == name), None)
    if table is None:
        raise refuse("table", "is not on this page", "Choose one of its tables.", name[:50])
    return download(table, form)


def read(fields: Sequence[Field]) -> dict[str, Any]:
    """What the address asks for; what is not there has its usual value. :raise Refused: when it cannot be read."""
    return {
        entry.name: entry.read(request.args.get(entry.name) or entry.typed(entry.first(), {}), entry.name, {})
        for entry in fields
    }


def check_order(asked: Mapping[str, Any], first: str, last: str) -> None:
    """:raise Refused: when a span ends before it begins: its figures would be another one's, with other signs."""
    if asked[last] < asked[first]:
        raise refuse(last, "lies before its begin", "Choose %(first)s or later.", asked[last], first=asked[first])


def page(
    title: str, found: list[Table], fields: Sequence[Field] = (), *, template: str = "figures.html", **words: Any
) -> str | Response:
    """A page of tables, with the fields that choose what they show; or one of them as a file, or all as JSON."""
    file = wanted(found)
    if file is not None:
        return file
    texts = {entry.name: request.args.get(entry.name) or entry.typed(entry.first(), {}) for entry in fields}
    return render_template(template, title=gettext(title), tables=found, fields=fields, texts=texts, **words)
