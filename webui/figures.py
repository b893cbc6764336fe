"""Figures as people read them: rates, sizes, spans and points of time. Registered as template filters."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Flask, g

from firmware.model.zone import site_zone
from webui.i18n import gettext, language, ngettext


def install(app: Flask) -> None:
    app.jinja_env.filters.update(rate=rate, size=size, span=span, ago=ago, clock=clock, day=day, hue=hue)


def hue(identifier: str) -> int:
    """One of eight colours, always the same for one application."""
    return sum(identifier.encode()) % 8


def rate(bps: float | None) -> str:
    """Bits per second in decimal units, three digits: ``3.2 Mbit/s``."""
    return _scaled(bps, ("bit/s", "kbit/s", "Mbit/s", "Gbit/s"))


def megabits(bps: int | None) -> str:
    """Bits per second as a field in Mbit/s shows them: ``20``, ``0.5``; nothing for nothing."""
    return "" if bps is None else f"{bps / 1e6:.6f}".rstrip("0").rstrip(".")


def gigabytes(count: int | None) -> str:
    """Bytes as a field in GB shows them: ``200``, ``0.5``; nothing for nothing."""
    return "" if count is None else f"{count / 1e9:.9f}".rstrip("0").rstrip(".")


def size(count: float | None) -> str:
    """Bytes in decimal units: ``1.4 GB``."""
    return _scaled(count, ("B", "kB", "MB", "GB", "TB"))


def _scaled(value: float | None, units: tuple[str, ...]) -> str:
    number = float(value or 0)
    place = 0
    while number >= 999.5 and place < len(units) - 1:
        number /= 1000
        place += 1
    digits = 1 if place and number < 99.95 else 0
    return f"{number:.{digits}f}\u202f{units[place]}"


def span(length_s: float | None) -> str:
    """A length of time in its largest whole unit: ``5 minutes``."""
    whole = int(length_s or 0)
    if whole < 60:
        return ngettext("%(num)s second", "%(num)s seconds", whole) % {"num": whole}
    if whole < 3600:
        return ngettext("%(num)s minute", "%(num)s minutes", whole // 60) % {"num": whole // 60}
    if whole < 2 * 86_400:
        return ngettext("%(num)s hour", "%(num)s hours", whole // 3600) % {"num": whole // 3600}
    return ngettext("%(num)s day", "%(num)s days", whole // 86_400) % {"num": whole // 86_400}


def seconds(moment: Any) -> float:
    """A point of time from rsd (seconds since 1970, or ISO 8601) as seconds since 1970."""
    if isinstance(moment, int | float):
        return float(moment)
    return datetime.fromisoformat(str(moment)).astimezone(UTC).timestamp()


def ago(moment: Any) -> str:
    """How long ago a point of time was, in words."""
    if not moment:
        return gettext("never")
    passed = datetime.now(UTC).timestamp() - seconds(moment)
    if passed < 45:
        return gettext("just now")
    return gettext("%(span)s ago") % {"span": span(passed)}


def clock(moment: Any) -> str:
    """A point of time on the site's clock."""
    if moment is None:
        return ""
    local = datetime.fromtimestamp(seconds(moment), tz=_zone())
    if language() == "zh":
        return f"{local.year}年{local.month}月{local.day}日 {local:%H:%M}"
    return f"{local:%-d %B %Y, %H:%M}"


def day(moment: Any) -> str:
    """The day of a point of time on the site's calendar."""
    local = datetime.fromtimestamp(seconds(moment), tz=_zone())
    return f"{local.year}年{local.month}月{local.day}日" if language() == "zh" else f"{local:%-d %B %Y}"


def _zone() -> Any:
    from webui.router import router

    if "zone" not in g:
        g.zone = site_zone(router().config("running").system.timezone)
    return g.zone
