"""Charts as SVG, drawn on the server: bars that lead somewhere when they are clicked. No script is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, HEIGHT, FOOT, HEAD = 720, 220, 22, 18
LEAST = 6  # bars that have room: a few are not drawn broader
CROWDED = 8  # more bars than this have no room for what stands behind the point
SPACE = 0.25  # of a bar's width


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: what stands below and above it, its value, and where it leads to."""

    label: str
    shown: str
    value: int
    href: str = ""


def bars(title: str, found: Sequence[Bar]) -> Markup:
    """The picture; values below 0 hang from the axis. Its text is what a reader of the screen hears."""
    values = [0, *(bar.value for bar in found)]
    top, bottom = max(values), min(values)
    scale = (HEIGHT - FOOT - 2 * HEAD) / ((top - bottom) or 1)
    axis, step = HEAD + top * scale, WIDTH / max(LEAST, len(found))
    is_crowded = len(found) > CROWDED
    inner = Markup("").join(_bar(bar, n, axis, step, scale, is_crowded) for n, bar in enumerate(found))
    line = Markup('<line class="axis" x1="0" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(WIDTH, axis, axis)
    return Markup(
        '<div class="wide"><svg class="chart" viewBox="0 0 {} {}" role="group" aria-label="{}">{}{}</svg></div>'
    ).format(WIDTH, HEIGHT, title, inner, line)


def _bar(bar: Bar, n: int, axis: float, step: float, scale: float, is_crowded: bool) -> Markup:
    height = abs(bar.value) * scale
    y = axis - height if bar.value >= 0 else axis
    middle = (n + 0.5) * step
    words = y - 4 if bar.value >= 0 else y + height + 13
    above = bar.shown.partition(".")[0] if is_crowded else bar.shown
    shape = Markup(
        '<title>{}: {}</title><rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>'
        '<text x="{:.1f}" y="{:.1f}">{}</text><text class="label" x="{:.1f}" y="{:.1f}">{}</text>'
    ).format(
        bar.label, bar.shown, "above" if bar.value >= 0 else "below", (n + SPACE / 2) * step, y, step * (1 - SPACE),
        height, middle, words, above, middle, HEIGHT - 6, bar.label,
    )  # fmt: skip
    if not bar.href:
        return Markup("<g>{}</g>").format(shape)
    return Markup('<a href="{}">{}</a>').format(bar.href, shape)
