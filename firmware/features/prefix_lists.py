"""Lists of prefixes, such as a provider's networks: where they come from. Line policies use them (line_policies.py)."""

from __future__ import annotations

import re

from firmware.features.downloads import no_address
from firmware.features.part import Part
from firmware.features.problems import problem
from firmware.model.config import Config
from firmware.model.facts import Facts
from firmware.model.problem import Problem

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def verify(config: Config, facts: Facts) -> list[Problem]:
    problems: list[Problem] = []
    for name, wanted in sorted(config.prefix_lists.items()):
        path = ("prefix_lists", name)
        problems += no_address(wanted.url, *path, "url")
        if wanted.sha256 and not _SHA256.fullmatch(wanted.sha256):
            message = "This is no SHA-256 hash."
            remedy = "Write its 64 hexadecimal digits, as sha256sum prints them."
            problems.append(problem(*path, "sha256", value=wanted.sha256, message=message, remedy=remedy))
        if wanted.daily and not wanted.url:
            message = "The list shall be fetched daily, but nothing says from where."
            remedy = "Give its address, or switch daily fetching off."
            problems.append(problem(*path, "daily", value="true", message=message, remedy=remedy))
        if wanted.daily and wanted.sha256:
            message = "Only one file has this hash, so a list that changes would never be taken."
            remedy = "Remove the hash, or switch daily fetching off."
            problems.append(problem(*path, "sha256", value=wanted.sha256, message=message, remedy=remedy))
    return problems


def render(config: Config, facts: Facts) -> Part:
    """Contents are loaded where a policy uses them (line_policies.py)."""
    return Part()
