"""Groups of lines: a chain each, which deals out among the group's lines; policies go there (line_policies.py)."""

from __future__ import annotations

from collections.abc import Mapping

from firmware.features.dealing import deal
from firmware.features.part import Part
from firmware.features.problems import problem, too_many, unknown_names
from firmware.features.topology import WAN_MASK, Line, lines
from firmware.model.config import Config, LinePolicy
from firmware.model.facts import Facts
from firmware.model.problem import Problem

GROUPS_MAX = 16


def verify(config: Config, facts: Facts) -> list[Problem]:
    message = "There are %(value)s groups of lines; at most %(limit)s are possible."
    remedy = "Remove those that no rule names."
    problems = too_many("line_groups", len(config.line_groups), GROUPS_MAX, message=message, remedy=remedy)
    for name, group in sorted(config.line_groups.items()):
        path = ("line_groups", name)
        message = "There is no line %(value)s."
        problems += unknown_names(*path, "lines", names=group.lines, known=config.wans, message=message)
        if not group.lines:
            remedy = "Choose at least one."
            problems.append(problem(*path, "lines", message="Nothing is chosen here.", remedy=remedy))
        if name in config.wans:
            message = "A line is called %(value)s already, so rules could not tell them apart."
            problems.append(problem(*path, value=name, message=message, remedy="Give the group another name."))
    return problems


def render(config: Config, facts: Facts) -> Part:
    active = {line.name: line for line in lines(config, facts)}
    used = {name for policy in config.line_policies.values() if policy.enabled for name in policy.lines}
    return Part(
        rules={
            chain(name): (
                *deal(config, facts, [active[line] for line in group.lines if line in active]),
                f"meta mark set ct mark and {WAN_MASK:#x} accept",
            )
            for name, group in sorted(config.line_groups.items())
            if name in used
        }
    )


def chain(name: str) -> str:
    """The chain that deals out among a group's lines."""
    return f"among_{name}"


def way(policy: LinePolicy, config: Config, active: Mapping[str, Line]) -> str | None:
    """The chain of the first of a policy's lines and groups that works; ``None`` when none does.

    A line whose month is spent is no choice, unless the policy allows no other way.
    """
    for is_spent in (False, True) if policy.strict else (False,):
        for name in policy.lines:
            members = config.line_groups[name].lines if name in config.line_groups else (name,)
            found = [active[member] for member in members if member in active and _works(active[member])]
            if any(line.is_spent <= is_spent for line in found):
                return chain(name) if name in config.line_groups else f"line_{found[0].number}"
    return None


def _works(line: Line) -> bool:
    """Whether rules may use it: not while it is drained."""
    return bool(line.up and line.gateway4) and not line.is_draining
