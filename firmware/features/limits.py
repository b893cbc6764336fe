"""Limits of hosts: which are in force, and which of them each address has, as disjoint ranges."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from ipaddress import ip_address
from typing import Literal, NamedTuple

from firmware.features.problems import problem, same_position, unknown, unknown_names, unreadable, unreadable_member
from firmware.model.config import Config, Elastic, Limit
from firmware.model.facts import Facts
from firmware.model.problem import Problem
from firmware.model.values import merge_members, parse_moment

LIMITS_MAX = 200  # that may be in force: rs-shape holds 240 shared ones
ELASTIC = "*"  # no limit of the admin's can be called so
_WAYS: tuple[Literal["up", "down"], ...] = ("up", "down")


class Owned(NamedTuple):
    """Addresses from ``first`` to ``last`` have limit number ``limit``."""

    first: str
    last: str
    limit: int


def ended(config: Config, now: datetime) -> frozenset[str]:
    """The limits whose time is over at an aware moment."""
    return frozenset(name for name, end in _ends(config) if end <= now)


def next_end(config: Config, now: datetime) -> datetime | None:
    """When the next limit ends; None when none does."""
    return min((end for _, end in _ends(config) if end > now), default=None)


def _ends(config: Config) -> Iterator[tuple[str, datetime]]:
    """When limits end; facts are made before anybody has verified that it can be read."""
    for name, limit in config.qos.limits.items():
        if limit.until:
            with contextlib.suppress(ValueError):
                yield name, parse_moment(limit.until)


def in_force(config: Config, facts: Facts) -> list[tuple[str, Limit]]:
    """In order of position, up to one that is for everybody; last what elastic QoS gives everybody else."""
    result: list[tuple[str, Limit]] = []
    for name, limit in sorted(config.qos.limits.items(), key=lambda item: item[1].position):
        is_now = limit.schedule is None or limit.schedule in facts.active_schedules
        if not limit.enabled or not is_now or name in facts.ended_limits:
            continue
        result.append((name, limit))
        if is_for_everybody(limit):
            return result
    if config.qos.elastic.enabled:
        result.append((ELASTIC, _of_everybody(config.qos.elastic)))
    return result


def is_for_everybody(limit: Limit) -> bool:
    return not limit.groups and not limit.hosts


def has_shared(limit: Limit) -> bool:
    """Whether its hosts share a rate beside their own."""
    return any(rate is not None for way in _WAYS for rate in rates(limit, way, "shared_"))


def rates(limit: Limit, way: Literal["up", "down"], prefix: str = "") -> tuple[int | None, int | None]:
    """Minimum and maximum of a direction, in bits per second."""
    return getattr(limit, f"{prefix}{way}_min_bps"), getattr(limit, f"{prefix}{way}_max_bps")


def owners(config: Config, limits: Iterable[Limit]) -> tuple[list[Owned], list[tuple[str, int]]]:
    """Address ranges, ascending and disjoint, and MACs, each with the first of ``limits`` that holds for it."""
    edges: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
    macs: dict[str, int] = {}
    for number, limit in enumerate(limits):
        members = [member for group in limit.groups for member in config.groups[group].members]
        ranges, own_macs = merge_members([*members, *limit.hosts])
        for mac in own_macs:
            macs.setdefault(mac, number)
        for first, last in ranges:
            version = 6 if ":" in first else 4
            edges[version] += [(int(ip_address(first)), number), (int(ip_address(last)) + 1, ~number)]
    owned = [*_sweep(4, sorted(edges[4])), *_without_mapped(_sweep(6, sorted(edges[6])))]
    return sorted(owned, key=lambda item: _packed(item.first)), sorted(macs.items())


def _without_mapped(ranges: Iterable[Owned]) -> Iterator[Owned]:
    """IPv6 ranges less ::ffff:0:0/96, as which rs-shape knows IPv4."""
    low, high = 0xFFFF << 32, (0xFFFF << 32) + 0xFFFF_FFFF
    for item in ranges:
        first, last = int(ip_address(item.first)), int(ip_address(item.last))
        if first < low:
            yield item._replace(last=_text(6, min(last, low - 1)))
        if last > high:
            yield item._replace(first=_text(6, max(first, high + 1)))


def _packed(text: str) -> bytes:
    address = ip_address(text)
    return address.packed if address.version == 6 else bytes(10) + b"\xff\xff" + address.packed


def _sweep(version: int, edges: list[tuple[int, int]]) -> Iterator[Owned]:
    """Between two edges the lowest number that is open owns."""
    active: dict[int, int] = {}
    start = owner = -1
    for at, edge in edges:
        number = edge if edge >= 0 else ~edge
        active[number] = active.get(number, 0) + (1 if edge >= 0 else -1)
        if not active[number]:
            del active[number]
        best = min(active, default=-1)
        if best != owner:
            if owner >= 0 and at > start:
                yield Owned(_text(version, start), _text(version, at - 1), owner)
            start, owner = at, best


def _text(version: int, number: int) -> str:
    return str(ip_address(number.to_bytes(4 if version == 4 else 16, "big")))


def _of_everybody(elastic: Elastic) -> Limit:
    names = [f"{way}_{end}_bps" for way in _WAYS for end in ("min", "max")]
    return Limit(position=1_000_000, **{name: getattr(elastic, name) for name in names})


# ---- verify ----


def verify(config: Config, facts: Facts) -> list[Problem]:
    problems: list[Problem] = []
    owner: dict[int, str] = {}
    for name, limit in sorted(config.qos.limits.items()):
        path = ("qos", "limits", name)
        problems += same_position(*path, position=limit.position, owner=owner)
        message = "There is no group %(value)s."
        problems += unknown_names(*path, "groups", names=limit.groups, known=config.groups, message=message)
        if limit.schedule is not None and limit.schedule not in config.schedules:
            message = "There is no schedule %(value)s."
            problems.append(unknown(*path, "schedule", value=limit.schedule, known=config.schedules, message=message))
        problems += _verify_texts(limit, *path)
        problems += _verify_rates(limit, *path)
    problems += _verify_rates(_of_everybody(config.qos.elastic), "qos", "elastic")
    if len(config.qos.limits) > LIMITS_MAX:
        message = "There are %(value)s limits; at most %(most)s can be kept."
        remedy = "Put hosts that get the same into one group."
        value = len(config.qos.limits)
        problems.append(problem("qos", "limits", value=value, message=message, remedy=remedy, most=LIMITS_MAX))
    return problems + _verify_everybody(config)


def _verify_texts(limit: Limit, *path: str) -> list[Problem]:
    problems: list[Problem] = []
    for index, host in enumerate(limit.hosts):
        problems += unreadable_member(host, *path, "hosts", str(index))
    if limit.until is not None:
        _, wrong = unreadable(
            parse_moment,
            limit.until,
            *path,
            "until",
            message="This is no moment.",
            remedy="Write it in UTC as 2026-11-26T14:30:00Z.",
        )
        problems += wrong
    return problems


def _verify_rates(limit: Limit, *path: str) -> list[Problem]:
    """Minimums above their maximum, and shared maximums below what one host is guaranteed."""
    problems = []
    for prefix in ("", "shared_"):
        for way in _WAYS:
            low, high = rates(limit, way, prefix)
            if low is not None and high is not None and low > high:
                message = "The minimum is above the maximum of %(most)s bit/s."
                remedy = "Lower the minimum, or raise the maximum."
                place = (*path, f"{prefix}{way}_min_bps")
                problems.append(problem(*place, value=low, message=message, remedy=remedy, most=high))
    for way in _WAYS:
        low, (_, shared) = rates(limit, way)[0], rates(limit, way, "shared_")
        if low is not None and shared is not None and low > shared:
            message = "One host is guaranteed more than all of them may use together (%(most)s bit/s)."
            remedy = "Lower the minimum, or raise the shared maximum."
            place = (*path, f"{way}_min_bps")
            problems.append(problem(*place, value=low, message=message, remedy=remedy, most=shared))
    return problems


def _verify_everybody(config: Config) -> list[Problem]:
    """Limits behind one that is for everybody never hold."""
    problems = []
    cover = ""
    for name, limit in sorted(config.qos.limits.items(), key=lambda item: item[1].position):
        if not limit.enabled:
            continue
        if cover:
            message = "This limit never holds: %(other)s stands before it and is for everybody."
            remedy = "Move it before that one, or remove it."
            place = ("qos", "limits", name)
            problems.append(
                problem(*place, value=name, message=message, remedy=remedy, severity="warning", other=cover)
            )
        elif is_for_everybody(limit) and limit.schedule is None and limit.until is None:
            cover = name
    return problems
