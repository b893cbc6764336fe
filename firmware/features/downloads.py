"""Addresses that the box fetches from or brings to, as settings of several features."""

from __future__ import annotations

from urllib.parse import urlsplit

from firmware.features.problems import problem
from firmware.model.problem import Problem


def no_address(url: str, *path: str) -> list[Problem]:
    """What is wrong with the address of a file at a place of the configuration; none may be given."""
    if not url or is_address(url):
        return []
    message = "This is no address of a file."
    remedy = "Write an address that begins with https:// or http://."
    return [problem(*path, value=url, message=message, remedy=remedy)]


def is_address(text: str) -> bool:
    """Whether it is the http or https address of a file, without an account."""
    try:
        parts = urlsplit(text)
        is_port = parts.port is None or parts.port > 0  # raises for what is none
    except ValueError:
        return False
    is_text = text.isascii() and text.isprintable() and " " not in text
    # An account in an address would stand in the log and among the processes.
    is_plain = parts.username is None and parts.password is None
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and is_port and is_text and is_plain
