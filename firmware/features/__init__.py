"""What the box does, one module per feature.

``FEATURES`` is the table of contents and the order of the rules in each chain. Every feature has
``verify(config, facts) -> list[Problem]`` and ``render(config, facts) -> Part``, both pure; ``render`` may rely on a
configuration in which ``verify`` found no error.
"""

from __future__ import annotations

from types import ModuleType

from firmware.features import (
    applications,
    backup,
    business,
    clock,
    dhcp,
    dns,
    firewall,
    first_packets,
    groups,
    hosts,
    interfaces,
    lan,
    line_groups,
    line_policies,
    nat,
    offload,
    policies,
    port_forwards,
    pppoe,
    prefix_lists,
    priority,
    qos,
    recognition,
    routing,
    schedules,
    speed_test,
    system,
    update,
    users,
    wan,
    web,
    zones,
)
from firmware.features.part import assemble
from firmware.model.config import Config
from firmware.model.facts import Facts
from firmware.model.plan import Plan
from firmware.model.problem import Problem

FEATURES: tuple[ModuleType, ...] = (
    system,
    interfaces,
    lan,
    wan,
    pppoe,
    routing,
    prefix_lists,
    line_groups,
    line_policies,
    first_packets,
    firewall,
    port_forwards,
    web,  # its limit stands before the services that the zones open
    zones,
    nat,
    dhcp,
    dns,
    clock,
    hosts,
    groups,
    schedules,
    applications,
    policies,
    qos,
    offload,
    priority,
    recognition,
    update,
    speed_test,
    backup,
    business,
    users,
)


def verify(config: Config, facts: Facts) -> list[Problem]:
    """All problems at once, in order of paths; only those of severity ``error`` refuse a commit."""
    problems = [problem for feature in FEATURES for problem in feature.verify(config, facts)]
    return sorted(problems, key=lambda problem: problem.path)


def render(config: Config, facts: Facts) -> Plan:
    """Everything that applying the configuration does; the same input gives the same Plan."""
    return assemble([feature.render(config, facts) for feature in FEATURES])
