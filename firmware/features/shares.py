"""How often each line comes in the map that deals new connections out: by weight, by rate, or by what is free now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import gcd

from firmware.features.topology import Line, lines, usable
from firmware.model.config import Config
from firmware.model.facts import Facts

SLOTS_MAX = 64  # of rates
FREE_SLOTS = 16
MOVED = 1 / 8  # of the whole: smaller changes of what is free are not worth other rules


def follows_free(config: Config) -> bool:
    """Whether shares change with the traffic. Where something sticks a change moves hosts: there they are by rate."""
    return config.balance.by == "free" and config.balance.sticky == "no"


def weighted(config: Config, facts: Facts, lines_: Iterable[Line]) -> list[Line]:
    """The lines, their weights being their shares now. Those by rate do not depend on which lines work."""
    found = list(lines_)
    if config.balance.by == "weight" or not found:
        return found
    if follows_free(config):
        slots = apportioned(room(config, facts, found), FREE_SLOTS)
    else:
        slots = by_rate({name: wan.down_bps or 1 for name, wan in config.wans.items() if wan.enabled})
    return [line._replace(weight=slots[line.name]) for line in found]


def takers(config: Config, facts: Facts) -> list[Line]:
    """The lines that new connections are dealt out to now, with their shares."""
    return weighted(config, facts, usable(lines(config, facts)))


def percents(config: Config, facts: Facts) -> dict[str, int]:
    """What each line takes now of the new connections that no rule binds to a line; 0 for one that takes none."""
    found = takers(config, facts)
    whole = sum(line.weight for line in found)
    return dict.fromkeys(config.wans, 0) | {line.name: max(1, round(line.weight * 100 / whole)) for line in found}


def room(config: Config, facts: Facts, lines_: Iterable[Line]) -> dict[str, int]:
    """What is free on each line by the facts; of a line that was not measured yet all."""
    return {line.name: facts.free_bps.get(line.name) or config.wans[line.name].down_bps or 1 for line in lines_}


def by_rate(rates: Mapping[str, int]) -> dict[str, int]:
    """Slots in proportion to rates: exactly where few are enough."""
    slots = _lowest(rates)
    return slots if sum(slots.values()) <= SLOTS_MAX else _lowest(apportioned(rates, SLOTS_MAX))


def _lowest(values: Mapping[str, int]) -> dict[str, int]:
    common = gcd(*values.values())
    return {name: value // common for name, value in values.items()}


def apportioned(values: Mapping[str, int], total: int) -> dict[str, int]:
    """``total`` slots in proportion to values, at least one for each; ties go by name."""
    whole = sum(values.values())
    slots = {name: max(1, value * total // whole) for name, value in sorted(values.items())}

    def excess(name: str) -> int:
        return slots[name] * whole - values[name] * total

    while sum(slots.values()) < total:
        slots[min(slots, key=excess)] += 1
    while sum(slots.values()) > total:
        slots[max((name for name in slots if slots[name] > 1), key=excess)] -= 1
    return slots


def has_moved(before: Mapping[str, int], now: Mapping[str, int]) -> bool:
    """Whether some line's share of what is free is another than before; both are of the same lines."""
    whole_before, whole_now = sum(before.values()), sum(now.values())
    return any(abs(now[name] / whole_now - before[name] / whole_before) > MOVED for name in now)
