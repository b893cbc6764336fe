"""By which lines a host's new connections to one place leave, as the line rules of the configuration have it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from firmware.model.config import Config, LinePolicy


class Way(NamedTuple):
    """A line rule (``""``: none, the lines are shared) and those of its lines that work now, the first one first.

    ``is_partly``: only for those connections that its ports, DSCP values or prefix lists fit.
    """

    rule: str
    lines: list[str]
    is_partly: bool = False
    is_strict: bool = False


def ways(
    config: Config, groups: Sequence[str], application: str, target: str, is_up: Mapping[str, bool]
) -> Iterator[Way]:
    """The rules that the router asks, in its order; the last one is for whatever is left."""
    for name, policy in sorted(config.line_policies.items(), key=lambda item: (item[1].position, item[0])):
        if not policy.enabled or policy.router or not _is_about(policy, groups, application, target):
            continue
        way = Way(
            name,
            [line for line in policy.lines if _works(line, config, is_up)],
            is_partly=bool(policy.ports or policy.dscp or policy.prefix_lists),
            is_strict=policy.strict,
        )
        yield way
        if not way.is_partly and (way.lines or way.is_strict):
            return
    yield Way("", [name for name in config.wans if is_up.get(name)])


def _is_about(policy: LinePolicy, groups: Sequence[str], application: str, target: str) -> bool:
    """Whether it may be for this traffic; ports, DSCP values and prefix lists are not asked for."""
    return (
        (not policy.groups or bool(set(policy.groups) & set(groups)))
        and (not policy.applications or application in policy.applications)
        and (not policy.domains or any(f".{target}".endswith(f".{domain}") for domain in policy.domains))
    )


def _works(name: str, config: Config, is_up: Mapping[str, bool]) -> bool:
    """Of a line, or of a group of lines with one that works."""
    members = config.line_groups[name].lines if name in config.line_groups else (name,)
    return any(is_up.get(member) for member in members)
