"""Every message catalogue is whole: nothing untranslated, nothing fuzzy, the same places on both sides."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[2]
CATALOGUES = sorted(path for part in ("firmware", "webui", "bizlite") for path in (ROOT / part).rglob("*.po"))
PLACE = re.compile(r"%\((\w+)\)s")
LONE_PERCENT = re.compile(r"(?<!%)(?:%%)*%(?![%(])")


def test_there_are_catalogues() -> None:
    assert CATALOGUES


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: str(path.relative_to(ROOT)))
def test_catalogue_is_whole(path: Path) -> None:
    with path.open("rb") as file:
        catalogue = read_po(file)
    faults = []
    for message in catalogue:
        singular, *_ = ids = message.id if isinstance(message.id, tuple | list) else (message.id,)
        if not singular:
            continue
        texts = message.string if isinstance(message.string, tuple | list) else (message.string,)
        if message.fuzzy or not all(texts):
            faults.append(f"not translated: {singular}")
        elif any(set(PLACE.findall(text)) - set(PLACE.findall(" ".join(ids))) for text in texts):
            faults.append(f"unknown place: {singular} -> {texts}")
        elif path.stem in ("web", "biz") and any(LONE_PERCENT.search(text) for text in (*ids, *texts)):
            faults.append(f"a percent sign that templates take for a place: {singular} -> {texts}")
    assert not faults, "\n".join(faults)
