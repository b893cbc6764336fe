"""Priority QoS: which applications of whom go first, as rows that the fastpath decides by (policies.py has the groups).

The lane is part of a flow's ct mark from its decision on; qos.py's rules read it there.
"""

from __future__ import annotations

from collections.abc import Collection

from firmware.features.applications import CATEGORIES
from firmware.features.part import Part
from firmware.features.problems import same_position, unknown_names
from firmware.model.config import Config, Policy, PriorityRule
from firmware.model.facts import Facts
from firmware.model.problem import Problem


def verify(config: Config, facts: Facts) -> list[Problem]:
    problems: list[Problem] = []
    applications = facts.applications.keys() | config.applications.keys()
    owner: dict[int, str] = {}
    for name, rule in sorted(config.qos.priority.rules.items()):
        path = ("qos", "priority", "rules", name)
        problems += same_position(*path, position=rule.position, owner=owner)
        problems += verify_names(config, applications, rule, *path)
    return problems


def render(config: Config, facts: Facts) -> Part:
    """The rules reach the box with the policies, whose groups they use."""
    return Part()


def rules_in_force(config: Config) -> list[tuple[str, PriorityRule]]:
    """In order of position; none where nothing goes first."""
    if not (config.qos.enabled and config.qos.priority.enabled):
        return []
    rules = sorted(config.qos.priority.rules.items(), key=lambda item: item[1].position)
    return [(name, rule) for name, rule in rules if rule.enabled]


def verify_names(
    config: Config, applications: Collection[str], rule: Policy | PriorityRule, *path: str
) -> list[Problem]:
    """Groups, applications and categories that a rule names and nothing has."""
    return [
        found
        for key, known, message in (
            ("groups", config.groups, "There is no group %(value)s."),
            ("except_groups", config.groups, "There is no group %(value)s."),
            ("applications", applications, "There is no application %(value)s."),
            ("except_applications", applications, "There is no application %(value)s."),
            ("categories", CATEGORIES, "There is no category %(value)s."),
        )
        for found in unknown_names(*path, key, names=getattr(rule, key), known=known, message=message)
    ]
