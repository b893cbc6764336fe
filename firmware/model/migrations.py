"""Bringing the plain data of older formats to the present one, one numbered step at a time.

Format 0 was spoken before the first release: one LAN under ``lan`` and one line under ``wan``, without names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from firmware.model.config import FORMAT
from firmware.model.problem import ConfigError, Problem

Plain = dict[str, Any]


def _name_lan_and_wan(plain: Plain) -> Plain:
    """0 -> 1: LANs and lines have names; the only ones become ``lans.office`` and ``wans.line1``, number 1."""
    new = {key: value for key, value in plain.items() if key not in ("lan", "wan")}
    if "lan" in plain:
        new["lans"] = {"office": plain["lan"]}
    if "wan" in plain:
        wan = plain["wan"]
        new["wans"] = {"line1": {"number": 1, **wan} if isinstance(wan, dict) else wan}
    return new


STEPS: tuple[Callable[[Plain], Plain], ...] = (_name_lan_and_wan,)


def migrate(plain: Any) -> Any:
    """Data in the present format; data without ``format`` is taken to be in it. ConfigError for a format not known."""
    if not isinstance(plain, dict) or "format" not in plain:
        return plain
    number = plain["format"]
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise ConfigError([_problem(number, "This is no format number.", "Use a whole number up to %(format)s.")])
    if number > FORMAT:
        message = "The configuration is in format %(value)s, this release reads up to format %(format)s."
        raise ConfigError([_problem(number, message, "Upgrade the box first, then load the configuration.")])
    for step in STEPS[number:]:
        plain = step(plain)
    return {**plain, "format": FORMAT}


def _problem(number: object, message: str, remedy: str) -> Problem:
    params = {"value": str(number), "format": str(FORMAT)}
    return Problem(path="format", value=str(number), message=message, remedy=remedy, params=params)
