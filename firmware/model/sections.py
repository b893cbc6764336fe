"""A configuration by part: sections that a person restores, and what they refer to and so bring along.

A chosen section takes the place of this box's. What it refers to in sections that were not chosen comes along by name,
and only that: a policy brings its group, not all groups.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, get_args

import msgspec
from msgspec import Struct

from firmware.model import shape
from firmware.model.config import Config

Section = Literal["system", "lines", "lans", "firewall", "hosts", "policies", "qos", "users"]
SECTIONS: tuple[Section, ...] = get_args(Section)
FIELDS: dict[Section, tuple[str, ...]] = {
    "system": ("system", "recognition", "speed_test", "backup", "update", "business"),
    "lines": ("wans", "balance", "prefix_lists", "line_groups", "line_policies"),
    "lans": ("lans", "dns"),
    "firewall": ("zones", "port_forwards"),
    "hosts": ("hosts", "groups"),
    "policies": ("schedules", "applications", "policies"),
    "qos": ("qos",),
    "users": ("users",),
}
# Where names of other objects stand: the place ("*" is every key or index), and the collections that they are looked
# up in. A name that is in none of them (an application of the database, say) refers to nothing of the configuration.
_REFERENCES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("wans.*.interface", ("interfaces",)),
    ("wans.*.zone", ("zones",)),
    ("line_groups.*.lines.*", ("wans",)),
    ("line_policies.*.lines.*", ("wans", "line_groups")),
    ("line_policies.*.groups.*", ("groups",)),
    ("line_policies.*.prefix_lists.*", ("prefix_lists",)),
    ("line_policies.*.applications.*", ("applications",)),
    ("lans.*.ports.*", ("interfaces",)),
    ("lans.*.zone", ("zones",)),
    ("zones.*.forward_to.*", ("zones",)),
    ("port_forwards.*.wan", ("wans",)),
    ("policies.*.groups.*", ("groups",)),
    ("policies.*.except_groups.*", ("groups",)),
    ("policies.*.applications.*", ("applications",)),
    ("policies.*.except_applications.*", ("applications",)),
    ("policies.*.schedule", ("schedules",)),
    ("qos.limits.*.groups.*", ("groups",)),
    ("qos.limits.*.schedule", ("schedules",)),
    ("qos.priority.rules.*.groups.*", ("groups",)),
    ("qos.priority.rules.*.except_groups.*", ("groups",)),
    ("qos.priority.rules.*.applications.*", ("applications",)),
    ("qos.priority.rules.*.except_applications.*", ("applications",)),
    ("qos.elastic.application_connections.~", ("applications",)),
)


class Along(Struct, frozen=True, kw_only=True):
    """Something that was not chosen and is restored too; ``because`` is the path of what refers to it."""

    path: str
    because: str


def combine(here: Config, saved: Config, sections: Sequence[Section]) -> tuple[Config, list[Along]]:
    """The configuration of this box with the chosen sections of another, and what these brought along."""
    if set(sections) >= set(SECTIONS):
        return saved, []
    names = {name for section in sections for name in FIELDS[section]}
    taken: dict[str, Any] = {name: getattr(saved, name) for name in names}
    along: list[Along] = []
    waiting = [reference for name in sorted(names) for reference in _references(saved, name)]
    while waiting:
        collection, name, because = waiting.pop(0)
        path = shape.join(collection, name)
        wanted = getattr(saved, collection)[name]
        if collection in names or any(item.path == path for item in along):
            continue
        if getattr(here, collection).get(name) == wanted:
            continue
        along.append(Along(path=path, because=because))
        taken[collection] = {**taken.get(collection, getattr(here, collection)), name: wanted}
        waiting += [item for item in _references(saved, collection) if item[2].startswith(f"{path}.")]
    return msgspec.structs.replace(here, **taken), along


def _references(config: Config, collection: str) -> Iterator[tuple[str, str, str]]:
    """Collection and name of every object that is referred to below a field, and the path of what refers to it."""
    for place, targets in _REFERENCES:
        head, *rest = place.split(".")
        if head != collection:
            continue
        for path, name in _values(getattr(config, head), rest, (head,)):
            target = next((target for target in targets if name in getattr(config, target)), None)
            if target is not None:
                yield target, name, shape.join(*path)


def _values(value: Any, rest: list[str], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if value is None:
        return
    if not rest:
        yield path, value
        return
    part, *below = rest
    if part == "~":
        yield from ((path, key) for key in value)
    elif part != "*":
        yield from _values(getattr(value, part), below, (*path, part))
    else:
        rows = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in rows:
            yield from _values(item, below, (*path, str(key)))
