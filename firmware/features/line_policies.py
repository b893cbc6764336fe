"""Which hosts leave by which line: groups bound to lines, as maps from source to mark, however many hosts there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address

from firmware.features import nft
from firmware.features.part import Part
from firmware.features.problems import problem, same_position, unknown_names
from firmware.features.topology import Line, lines
from firmware.model.config import Config, LinePolicy
from firmware.model.facts import Facts
from firmware.model.problem import Problem
from firmware.model.values import merge_members

Span = tuple[int, int]  # first and last IPv4 address


def verify(config: Config, facts: Facts) -> list[Problem]:
    problems: list[Problem] = []
    owner: dict[int, str] = {}
    for name, policy in sorted(config.line_policies.items()):
        path = ("line_policies", name)
        problems += same_position("line_policies", name, position=policy.position, owner=owner)
        for key, names, known, message in (
            ("groups", policy.groups, config.groups, "There is no group %(value)s."),
            ("lines", policy.lines, config.wans, "There is no line %(value)s."),
        ):
            if not names:
                remedy = "Choose at least one."
                problems.append(problem(*path, key, message="Nothing is chosen here.", remedy=remedy))
            problems += unknown_names(*path, key, names=names, known=known, message=message)
    return problems


def render(config: Config, facts: Facts) -> Part:
    """Routing's chain asks these maps before it deals connections out (routing.py)."""
    active = {line.name: line for line in lines(config, facts)}
    marks4: list[str] = []
    marks_mac: dict[str, str] = {}
    never4: list[Span] = []
    never_mac: set[str] = set()
    claimed: list[Span] = []
    for policy in sorted(config.line_policies.values(), key=lambda policy: policy.position):
        if not policy.enabled:
            continue
        spans, macs = _members(config, policy.groups)
        line = _first_working(policy, active)
        if line is None and not policy.strict:
            continue  # as all others, also by policies behind
        fresh = list(difference(spans, claimed))
        claimed = union(claimed, fresh)
        macs -= marks_mac.keys() | never_mac
        if line is None:
            never4 += fresh
            never_mac |= macs
        else:
            marks4 += [f"{_text(span)} : {nft.mark(line.mark)}" for span in fresh]
            marks_mac |= {mac: nft.mark(line.mark) for mac in macs}
    strict6, strict_mac = _strict6(config)
    by_mac = (f"{mac} : {mark}" for mac, mark in marks_mac.items())
    return Part(
        sets=(
            nft.named("line_of_source4", "map", "ipv4_addr : mark", marks4, interval=True),
            nft.named("line_of_mac", "map", "ether_addr : mark", by_mac),
            nft.named("no_line4", "set", "ipv4_addr", map(_text, never4), interval=True),
            nft.named("no_line_mac", "set", "ether_addr", never_mac),
            nft.named("strict6", "set", "ipv6_addr", strict6, interval=True),
            nft.named("strict_mac", "set", "ether_addr", strict_mac),
        )
    )


def _strict6(config: Config) -> tuple[list[str], set[str]]:
    """IPv6 ranges as nft writes them, and MACs, of whoever is bound strictly.

    IPv6 is not translated: it would show another address than the line's, so these hosts have none of it.
    """
    strict = [policy for policy in config.line_policies.values() if policy.enabled and policy.strict]
    members = (member for policy in strict for group in policy.groups for member in config.groups[group].members)
    ranges, macs = merge_members(members)
    return [first if first == last else f"{first}-{last}" for first, last in ranges if ":" in first], set(macs)


def _members(config: Config, groups: Iterable[str]) -> tuple[list[Span], set[str]]:
    ranges, macs = merge_members(member for group in groups for member in config.groups[group].members)
    spans = [(int(IPv4Address(first)), int(IPv4Address(last))) for first, last in ranges if ":" not in first]
    return spans, set(macs)


def _first_working(policy: LinePolicy, active: dict[str, Line]) -> Line | None:
    known = [active[name] for name in policy.lines if name in active]
    return next((line for line in known if line.up and line.gateway4 and not line.is_draining), None)


def difference(spans: Iterable[Span], taken: Sequence[Span]) -> Iterator[Span]:
    """What of ``spans`` none of ``taken`` covers; both sorted and disjoint, linear in both."""
    at = 0
    for start, last in spans:
        first = start
        while at < len(taken) and taken[at][1] < first:
            at += 1
        place = at
        while place < len(taken) and taken[place][0] <= last:
            if taken[place][0] > first:
                yield first, taken[place][0] - 1
            first = taken[place][1] + 1
            place += 1
        if first <= last:
            yield first, last


def union(one: Sequence[Span], two: Sequence[Span]) -> list[Span]:
    """Both together, sorted; they are disjoint."""
    return sorted([*one, *two])


def _text(span: Span) -> str:
    first, last = map(IPv4Address, span)
    return str(first) if first == last else f"{first}-{last}"
