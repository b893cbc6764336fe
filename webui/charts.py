"""Curves without JavaScript: a time series as the points of an SVG line."""

from __future__ import annotations

from typing import Any, NamedTuple

WIDTH, HEIGHT = 600, 120


class Sparkline(NamedTuple):
    """SVG point lists in a box of ``WIDTH`` x ``HEIGHT``; ``top_bps`` is the value at the upper edge."""

    down: str
    up: str
    top_bps: float


def sparkline(series: dict[str, Any]) -> Sparkline:
    """Both directions of rsd's ``series`` on one scale."""
    top = max([*(v or 0 for v in series["down_bps"]), *(v or 0 for v in series["up_bps"]), 1])
    return Sparkline(_points(series["down_bps"], top), _points(series["up_bps"], top), top)


def _points(values: list[float | None], top: float) -> str:
    step = WIDTH / max(len(values) - 1, 1)
    return " ".join(f"{n * step:.1f},{HEIGHT - (v or 0) / top * (HEIGHT - 4):.1f}" for n, v in enumerate(values))
