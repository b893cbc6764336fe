"""Groups of hosts: that every member can be read, and the groups as merged ranges for the fastpath."""

from __future__ import annotations

from firmware.features.part import Part
from firmware.features.problems import problem, unreadable_member
from firmware.model.config import Config, Group
from firmware.model.facts import Facts
from firmware.model.plan import PolicyGroup
from firmware.model.problem import Problem
from firmware.model.values import merge_members, parse_member

MEMBERS_MAX = 200_000
_TOLD_MAX = 50  # bad members told one by one in each group


def verify(config: Config, facts: Facts) -> list[Problem]:
    return [p for name, group in sorted(config.groups.items()) for p in _verify_group(name, group)]


def render(config: Config, facts: Facts) -> Part:
    """Groups reach the box by the policies that name them (policies.py)."""
    return Part()


def policy_group(name: str, group: Group) -> PolicyGroup:
    """A group's members as sorted ranges that neither overlap nor touch, and its MACs."""
    ranges, macs = merge_members(group.members)
    return PolicyGroup(name=name, ranges=ranges, macs=macs)


def _verify_group(name: str, group: Group) -> list[Problem]:
    if len(group.members) > MEMBERS_MAX:
        return [
            problem(
                "groups",
                name,
                "members",
                value=len(group.members),
                message="The group has %(value)s members; a group holds at most %(limit)s.",
                remedy="Write neighbouring addresses as ranges a-b or networks a/n.",
                limit=MEMBERS_MAX,
            )
        ]
    bad = []
    for index, text in enumerate(group.members):
        try:
            parse_member(text)
        except ValueError:
            bad.append(index)
    problems = [
        found
        for index in bad[:_TOLD_MAX]
        for found in unreadable_member(group.members[index], "groups", name, "members", str(index))
    ]
    if len(bad) > _TOLD_MAX:
        message = "%(count)s more members cannot be read."
        remedy = "Mend those above first."
        problems.append(problem("groups", name, "members", message=message, remedy=remedy, count=len(bad) - _TOLD_MAX))
    return problems
