"""Policies: group x application or category x schedule, as the fastpath's tables; nft holds nothing per host."""

from __future__ import annotations

from typing import Literal, NamedTuple

from firmware.features import priority
from firmware.features.applications import custom_applications
from firmware.features.groups import policy_group
from firmware.features.part import Part
from firmware.features.problems import problem, same_position, unknown
from firmware.features.topology import lan_address, lan_networks4, lan_networks6
from firmware.model.config import Config, Policy, PriorityRule
from firmware.model.facts import Facts
from firmware.model.plan import FastpathTables, PolicyRow
from firmware.model.problem import Problem

Action = Literal["allow", "block", "normal", "first"]


def verify(config: Config, facts: Facts) -> list[Problem]:
    problems: list[Problem] = []
    applications = facts.applications.keys() | config.applications.keys()
    owner: dict[int, str] = {}
    for name, policy in sorted(config.policies.items()):
        path = ("policies", name)
        problems += same_position("policies", name, position=policy.position, owner=owner)
        problems += priority.verify_names(config, applications, policy, *path)
        if policy.schedule is not None and policy.schedule not in config.schedules:
            message = "There is no schedule %(value)s."
            problems.append(unknown(*path, "schedule", value=policy.schedule, known=config.schedules, message=message))
    return problems + _verify_reach(config)


def render(config: Config, facts: Facts) -> Part:
    rows = [(name, policy) for name, policy in _in_order(config) if _is_in_force(policy, facts)]
    lanes = priority.rules_in_force(config)
    rules: list[Policy | PriorityRule] = [policy for _, policy in rows]
    rules += [rule for _, rule in lanes]
    used = sorted({group for rule in rules for group in rule.groups + rule.except_groups})
    number = {name: index for index, name in enumerate(used)}
    networks = [*map(str, lan_networks4(config)), *map(str, lan_networks6(config, facts))]
    router = str(lan_address(config.lans[min(config.lans)]).ip) if config.lans else ""
    return Part(
        fastpath=FastpathTables(
            groups=tuple(policy_group(name, config.groups[name]) for name in used),
            rows=tuple(_row(name, policy.action, policy, number) for name, policy in rows),
            lanes=tuple(_row(name, rule.lane, rule, number) for name, rule in lanes),
            local_networks=tuple(networks),
            applications=custom_applications(config),
            database=facts.database,
            # Plain http: who is blocked must not meet a certificate that his browser does not know.
            block_page_url=f"http://{router}/blocked" if router else "",
        )
    )


def _in_order(config: Config) -> list[tuple[str, Policy]]:
    return sorted(config.policies.items(), key=lambda item: item[1].position)


def _is_in_force(policy: Policy, facts: Facts) -> bool:
    return policy.enabled and (policy.schedule is None or policy.schedule in facts.active_schedules)


def _row(name: str, action: Action, policy: Policy | PriorityRule, number: dict[str, int]) -> PolicyRow:
    return PolicyRow(
        name=name,
        action=action,
        groups=tuple(sorted(number[group] for group in set(policy.groups))),
        except_groups=tuple(sorted(number[group] for group in set(policy.except_groups))),
        applications=tuple(sorted(set(policy.applications))),
        categories=tuple(sorted(set(policy.categories))),
        except_applications=tuple(sorted(set(policy.except_applications))),
    )


def _verify_reach(config: Config) -> list[Problem]:
    """Warnings for policies that can never decide anything: all is decided before them, or they are for nobody."""
    problems = []
    earlier: list[_Cover] = []
    for name, policy in _in_order(config):
        if not policy.enabled:
            continue
        path = ("policies", name)
        own = _Cover.of(name, policy)
        cover = next((before.name for before in earlier if before.covers(own)), None)
        if cover:
            message = "This policy never decides: %(other)s stands before it and matches all that it matches."
            remedy = "Move it before that one, or remove it."
            problems.append(problem(*path, value=name, message=message, remedy=remedy, severity="warning", other=cover))
        groups = [config.groups[group] for group in policy.groups if group in config.groups]
        if groups and not any(group.members for group in groups):
            message = "This policy is for groups without members, so it never matches."
            remedy = "Put members into the group."
            value = ", ".join(policy.groups)
            problems.append(problem(*path, "groups", value=value, message=message, remedy=remedy, severity="warning"))
        if not (policy.except_groups or policy.except_applications):
            earlier.append(own)
    return problems


class _Cover(NamedTuple):
    """What a policy without exceptions matches, as sets; a set that is empty stands for everything."""

    name: str
    schedule: str | None
    groups: frozenset[str]
    applications: frozenset[str]
    categories: frozenset[str]

    @classmethod
    def of(cls, name: str, policy: Policy) -> _Cover:
        sets = (frozenset(policy.groups), frozenset(policy.applications), frozenset(policy.categories))
        return cls(name, policy.schedule, *sets)

    def covers(self, other: _Cover) -> bool:
        if self.schedule is not None and self.schedule != other.schedule:
            return False
        if self.applications or self.categories:
            is_narrower = other.applications or other.categories
            if not (is_narrower and other.applications <= self.applications and other.categories <= self.categories):
                return False
        return not self.groups or bool(other.groups and other.groups <= self.groups)
