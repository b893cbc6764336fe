"""The page's message catalogue: ``python -m webui.catalogue update|compile``. A developer's tool; the box lacks Babel.

``update`` brings ``translations/zh/LC_MESSAGES/web.po`` to the texts that stand in code and templates; ``compile``
makes the ``.mo`` that the page reads. English has no catalogue: the identifiers are its texts.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog

HERE = Path(__file__).parent
PO = HERE / "translations" / "zh" / "LC_MESSAGES" / "web.po"
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
OPTIONS = {"templates/**.html": {"extensions": "jinja2.ext.i18n", "newstyle_gettext": "true"}}
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "marked": None}


def extracted() -> Catalog:
    """All texts of the page as they stand in the source now."""
    from babel.messages.catalog import Catalog
    from babel.messages.extract import extract_from_dir

    found = Catalog(domain="web")
    for _, _, message, comments, context in extract_from_dir(
        str(HERE), method_map=METHODS, options_map=OPTIONS, keywords=KEYWORDS
    ):
        found.add(message, auto_comments=comments, context=context)
    return found


def read() -> Catalog:
    from babel.messages.pofile import read_po

    with PO.open("rb") as file:
        return read_po(file, locale="zh", domain="web")


def update() -> None:
    """Add what is new, drop what is gone; what looks alike is marked fuzzy for a person to look at."""
    from babel.messages.pofile import write_po

    catalogue = read()
    catalogue.update(extracted(), update_creation_date=False)
    catalogue.obsolete.clear()
    out = io.BytesIO()
    write_po(out, catalogue, width=120, sort_output=True, no_location=True, omit_header=False)
    PO.write_bytes(out.getvalue())


def compile_all() -> None:
    from babel.messages.mofile import write_mo

    out = io.BytesIO()
    write_mo(out, read())
    PO.with_suffix(".mo").write_bytes(out.getvalue())


if __name__ == "__main__":
    {"update": update, "compile": compile_all}[sys.argv[1]]()
