"""Updates of the application database: where they come from and whom the admin trusts (firmware/daemon/database.py)."""

from __future__ import annotations

from firmware.features.downloads import no_address
from firmware.features.part import Part
from firmware.features.problems import problem, unreadable
from firmware.model.config import Config
from firmware.model.facts import Facts
from firmware.model.problem import Problem
from firmware.model.values import parse_public_key


def verify(config: Config, facts: Facts) -> list[Problem]:
    problems: list[Problem] = []
    wanted = config.recognition
    for name, key in sorted(wanted.publishers.items()):
        message = "This is no public key."
        remedy = "Paste the publisher's Ed25519 public key as openssl prints it: one line that begins with MCowBQ."
        path = ("recognition", "publishers", name)
        problems += unreadable(parse_public_key, key, *path, message=message, remedy=remedy)[1]
    problems += no_address(wanted.update_url, "recognition", "update_url")
    if wanted.update_daily and not wanted.update_url:
        message = "Updates shall come daily, but nothing says from where."
        remedy = "Give the address of the database, or switch daily updates off."
        problems.append(problem("recognition", "update_daily", value="true", message=message, remedy=remedy))
    if wanted.update_daily and not wanted.publishers:
        message = "Updates shall come daily, but no publisher is trusted."
        remedy = "Add the publisher's key, or switch daily updates off."
        problems.append(problem("recognition", "publishers", message=message, remedy=remedy))
    return problems


def render(config: Config, facts: Facts) -> Part:
    """Nothing of it is the kernel's."""
    return Part()
