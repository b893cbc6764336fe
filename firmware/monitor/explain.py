"""``why``: what happens to one host's traffic to one place, in words and in the order in which the router decides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from firmware.model.config import Config
from firmware.model.text import translate
from firmware.monitor.applications import Applications
from firmware.monitor.hosts import Host
from firmware.monitor.numbering import UNKNOWN, Numbering
from firmware.monitor.ways import Way, ways

if TYPE_CHECKING:
    from fastpath.binding.runtime import Runtime

FLOWS_COUNTED = 200


class Question(NamedTuple):
    asker: Host
    label: str
    groups: list[str]
    target: str  # host name, address or application


class Sources(NamedTuple):
    """Whom to ask: what the admin said, what applications there are, and what the fastpath decides by."""

    config: Config
    catalogue: Applications
    runtime: Runtime
    numbering: Numbering
    match_host: Callable[[str], str | None]
    lines_up: Mapping[str, bool]
    wan_name: Callable[[int], str]


def explain(question: Question, sources: Sources, language: str) -> dict[str, Any]:
    """``{groups, application, policy, action, line_rule, lines, steps}``; ``steps`` are sentences in ``language``."""

    def say(message: str, **params: str) -> None:
        steps.append(translate(language, message, params))

    steps: list[str] = []
    asker, catalogue, runtime = question.asker, sources.catalogue, sources.runtime
    say("%(address)s is the host %(name)s.", address=asker.address, name=question.label)
    if question.groups:
        say("It is in the groups: %(groups)s.", groups=", ".join(question.groups))
    else:
        say("It is in no group.")

    row = catalogue.get(question.target)
    application = row["id"] if row else sources.match_host(question.target) or UNKNOWN
    name = (catalogue.get(application) or {}).get(f"name_{language}", application)
    category = catalogue.category(application)
    if row:
        say("%(name)s is an application of the category %(category)s.", name=name, category=category)
    elif application != UNKNOWN:
        say(
            "%(target)s belongs to the application %(name)s (category %(category)s).",
            target=question.target,
            name=name,
            category=category,
        )
    else:
        say("%(target)s belongs to no application that the router knows.", target=question.target)

    number = sources.numbering.number(application) or 0
    decision = runtime.decide(asker.address, asker.mac or None, number)
    deciding = sources.numbering.policy(decision.row)
    for policy, reason in _passed_over(sources.config, question.groups, application, category, deciding):
        say(reason, policy=policy)
    if not deciding:
        say("No policy matches; what no policy forbids is allowed.")
    elif decision.action == "block":
        say("The policy %(policy)s blocks it.", policy=deciding)
    else:
        say("The policy %(policy)s allows it.", policy=deciding)
    found = []
    if decision.action != "block":
        found = list(ways(sources.config, question.groups, application, question.target.lower(), sources.lines_up))
    for way in found:
        say(_says(way), rule=way.rule, lines=", ".join(way.lines))
    live = runtime.flows(asker.address, [number], FLOWS_COUNTED)
    if live:
        refused = sum(flow["action"] != "allow" for flow in live)
        say("Live connections: %(count)s, of these blocked: %(blocked)s.", count=str(len(live)), blocked=str(refused))
        used = Counter(sources.wan_name(flow["wan"]) for flow in live if flow["wan"])
        if used:
            say("They leave by: %(lines)s.", lines=", ".join(f"{name} ({count})" for name, count in used.most_common()))
    return {
        "groups": question.groups,
        "application": application,
        "category": category,
        "policy": deciding or None,
        "action": decision.action,
        "line_rule": found[-1].rule or None if found else None,
        "lines": found[-1].lines if found else [],
        "steps": steps,
    }


def _says(way: Way) -> str:
    if not way.rule and not way.lines:
        return "No line works now."
    if not way.rule:
        return "New connections are shared among the lines that work: %(lines)s."
    if not way.lines and way.is_strict:
        return "The line rule %(rule)s allows no other line than its own, and none of them works now."
    if not way.lines:
        return "The line rule %(rule)s is for it, but none of its lines works now."
    if way.is_partly:
        return "The line rule %(rule)s sends those that fit its ports, DSCP values or prefix lists by %(lines)s."
    return "The line rule %(rule)s sends new connections by the first of these that works: %(lines)s."


def _passed_over(
    config: Config, groups: list[str], application: str, category: str, deciding: str
) -> Iterator[tuple[str, str]]:
    """Policies before the deciding one that are about this traffic, each with the reason why they do not decide."""
    for name, policy in sorted(config.policies.items(), key=lambda item: (item[1].position, item[0])):
        if name == deciding:
            return
        is_about_host = not policy.groups or bool(set(policy.groups) & set(groups))
        names_any = bool(policy.applications or policy.categories)
        if not is_about_host or (
            names_any and application not in policy.applications and category not in policy.categories
        ):
            continue
        if not policy.enabled:
            yield name, "The policy %(policy)s would match, but it is switched off."
        elif set(policy.except_groups) & set(groups):
            yield name, "The policy %(policy)s makes an exception for a group of this host."
        elif application in policy.except_applications:
            yield name, "The policy %(policy)s makes an exception for this application."
        elif policy.schedule:
            yield name, "The policy %(policy)s would match, but its schedule does not hold now."
