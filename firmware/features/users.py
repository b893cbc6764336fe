"""Users: that somebody is left who may change everything."""

from __future__ import annotations

from firmware.features.part import Part
from firmware.features.problems import problem
from firmware.model.config import Config
from firmware.model.facts import Facts
from firmware.model.problem import Problem


def verify(config: Config, facts: Facts) -> list[Problem]:
    if any(user.role == "owner" and user.enabled for user in config.users.values()):
        return []
    message = "No user with the role owner would be left."
    return [problem("users", message=message, remedy="Keep at least one owner who is switched on.")]


def render(config: Config, facts: Facts) -> Part:
    """Users are known to rsd itself; their secrets are in no Plan."""
    return Part()
