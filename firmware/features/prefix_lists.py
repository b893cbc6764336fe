"""Lists of prefixes, such as a provider's networks: where they come from. Line policies use them (line_policies.py)."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

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
        if wanted.url and not is_address(wanted.url):
            message = "This is no address of a file."
            remedy = "Write an address that begins with https:// or http://."
            problems.append(problem(*path, "url", value=wanted.url, message=message, remedy=remedy))
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


def is_address(text: str) -> bool:
    """Whether it is the http or https address of a file."""
    try:
        parts = urlsplit(text)
        is_port = parts.port is None or parts.port > 0  # raises for what is none
    except ValueError:
        return False
    is_text = text.isascii() and text.isprintable() and " " not in text
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and is_port and is_text


def render(config: Config, facts: Facts) -> Part:
    """Contents are loaded where a policy uses them (line_policies.py)."""
    return Part()
