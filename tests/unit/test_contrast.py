"""What is read stands out from what it stands on, in the light and the dark theme (WCAG 2.2, level AA)."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

SHEET = (Path(__file__).parents[2] / "webui" / "static" / "rs.css").read_text()
TEXT, MARK = 4.5, 3.0  # of a text; of a field's border
PAIRS = [
    *product(("ink", "ink-2", "accent", "ok", "warn", "bad"), ("page", "card", "sunk"), (TEXT,)),
    *((name, f"{name}-soft", TEXT) for name in ("accent", "ok", "warn", "bad")),
    *product(("ink",), ("accent-soft", "ok-soft", "warn-soft", "bad-soft"), (TEXT,)),
    *(("hue-ink", f"h{n}", TEXT) for n in range(8)),
    ("accent-ink", "accent", TEXT),
    *product(("line-strong",), ("card", "page"), (MARK,)),
]


def colours(start: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): #([0-9a-f]{6})", SHEET.partition(start)[2].partition("color-scheme")[0]))


def luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [":root {", ':root[data-theme="dark"]', ':root[data-theme="auto"]'])
def test_what_is_read_stands_out(theme: str) -> None:
    known = colours(theme)
    weak = {(a, b): round(contrast(known[a], known[b]), 2) for a, b, least in PAIRS
            if contrast(known[a], known[b]) < least}  # fmt: skip
    assert weak == {}
    assert contrast("ffffff", "000000") == 21
