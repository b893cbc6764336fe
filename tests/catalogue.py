"""The Chinese catalogue compiled for a test, as ``make build`` compiles it for the product."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from firmware.model import text

PO = text.TRANSLATIONS / "zh" / "LC_MESSAGES" / "rs.po"


@contextmanager
def compiled(directory: Path) -> Iterator[None]:
    """``text`` reads a catalogue compiled below this directory."""
    target = directory / "zh" / "LC_MESSAGES" / "rs.mo"
    target.parent.mkdir(parents=True)
    subprocess.run(["msgfmt", "-o", str(target), str(PO)], check=True)
    before, text.TRANSLATIONS = text.TRANSLATIONS, directory
    text._catalogue.cache_clear()
    try:
        yield
    finally:
        text.TRANSLATIONS = before
        text._catalogue.cache_clear()
