"""The zone whose days and hours count at the site."""

from __future__ import annotations

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def site_zone(name: str) -> tzinfo:
    """The zone of ``system.timezone``; a box without zone data counts by UTC."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
