"""The pages' message catalogues: ``python -m webui.catalogue update|compile``. A developer's tool; the box lacks Babel.

``update`` brings ``web.po`` of the router's page and ``biz.po`` of bizlite to the texts that stand in code and
templates; ``compile`` makes the ``.mo`` that the pages read. English has no catalogue: the identifiers are its texts.
"""

from __future__ import annotations

import ast
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog

ROOT = Path(__file__).parents[1]
# Domain -> folder of its sources, folder of its translations.
DOMAINS = {
    "web": (ROOT / "webui", ROOT / "webui" / "translations"),
    "biz": (ROOT / "bizlite", ROOT / "bizlite" / "web" / "translations"),
}
PYTHON = {"web": "python", "biz": "webui.catalogue:texts"}
TEMPLATES = "**/templates/**.html"
OPTIONS = {TEMPLATES: {"extensions": "jinja2.ext.i18n", "newstyle_gettext": "true"}}
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "marked": None}


def texts(
    file: IO[bytes], keywords: Any, tags: Any, options: Any
) -> Iterator[tuple[int, str, str | tuple[str, ...], list[str]]]:
    """Babel's extractor of Python, and what bizlite's rules say in ``refuse(…)`` and ``Problem(…)``."""
    from babel.messages.extract import extract_python

    source = file.read()
    yield from extract_python(io.BytesIO(source), keywords, tags, options)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            words: list[ast.expr] = []
            if node.func.id == "refuse":
                words = node.args[1:3]
            elif node.func.id == "Problem":
                words = [word.value for word in node.keywords if word.arg in ("message", "remedy")]
            for word in words:
                if isinstance(word, ast.Constant) and word.value:
                    yield node.lineno, "_", str(word.value), []


def extracted(domain: str) -> Catalog:
    """All texts of a domain as they stand in the source now."""
    from babel.messages.catalog import Catalog
    from babel.messages.extract import extract_from_dir

    found = Catalog(domain=domain)
    for _, _, message, comments, context in extract_from_dir(
        str(DOMAINS[domain][0]),
        method_map=[("**.py", PYTHON[domain]), (TEMPLATES, "jinja2")],
        options_map=OPTIONS,
        keywords=KEYWORDS,
    ):
        found.add(message, auto_comments=comments, context=context)
    return found


def path(domain: str) -> Path:
    """The catalogue of a domain."""
    return DOMAINS[domain][1] / "zh" / "LC_MESSAGES" / f"{domain}.po"


def read(domain: str) -> Catalog:
    from babel.messages.pofile import read_po

    with path(domain).open("rb") as file:
        return read_po(file, locale="zh", domain=domain)


def update() -> None:
    """Add what is new, drop what is gone; what looks alike is marked fuzzy for a person to look at."""
    from babel.messages.pofile import write_po

    for domain in DOMAINS:
        catalogue = read(domain)
        catalogue.update(extracted(domain), update_creation_date=False)
        catalogue.obsolete.clear()
        out = io.BytesIO()
        write_po(out, catalogue, width=120, sort_output=True, no_location=True, omit_header=False)
        path(domain).write_bytes(out.getvalue())


def compile_all() -> None:
    from babel.messages.mofile import write_mo

    for domain in DOMAINS:
        out = io.BytesIO()
        write_mo(out, read(domain))
        path(domain).with_suffix(".mo").write_bytes(out.getvalue())


if __name__ == "__main__":
    {"update": update, "compile": compile_all}[sys.argv[1]]()
