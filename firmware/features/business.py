"""The business pages (bizlite): whether they are on, and where their data lies; webui/business.py opens them."""

from __future__ import annotations

from urllib.parse import urlsplit

from firmware.features.part import Part
from firmware.features.problems import problem
from firmware.model.config import Config
from firmware.model.facts import Facts
from firmware.model.problem import Problem


def verify(config: Config, facts: Facts) -> list[Problem]:
    url = config.business.database
    if not url:
        return []
    parts = urlsplit(url)
    if parts.scheme != "postgresql" or not parts.path.strip("/"):
        message = "This is no address of a database."
        remedy = "Write postgresql://user@host/name, or leave it empty for a database on this box."
        return [problem("business", "database", value=url, message=message, remedy=remedy)]
    if parts.password:
        message = "A password does not belong into the configuration, which others read."
        remedy = "Let the database trust this box by its address, and write postgresql://user@host/name."
        return [problem("business", "database", message=message, remedy=remedy)]
    return []


def render(config: Config, facts: Facts) -> Part:
    """Nothing of it is the kernel's."""
    return Part()
