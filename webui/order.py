"""The order of policies: the lowest position that matches decides. Pure; positions are kept ten apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeVar

from firmware.model.config import Policy

STEP = 10


class Placed(Protocol):
    """What stands in an order: policies, line rules, limits, rules of priority."""

    @property
    def position(self) -> int: ...


T = TypeVar("T", bound=Placed)


def ordered(policies: Mapping[str, T]) -> list[tuple[str, T]]:
    return sorted(policies.items(), key=lambda item: (item[1].position, item[0]))


def place_for_new(policies: Mapping[str, Policy], action: str) -> int:
    """The index at which a new policy works as its maker expects.

    An allowing one goes first. A blocking one goes first too, except that exceptions at the top, which allow something
    to certain groups, keep their precedence: what the boss may he goes on being able to.
    """
    if action == "allow":
        return 0
    index = 0
    for _, policy in ordered(policies):
        if policy.action != "allow" or not policy.groups:
            break
        index += 1
    return index


def positions(names: list[str], policies: Mapping[str, Placed], new: str | None = None) -> dict[str, int]:
    """Positions for ``names`` in this order, leaving as many policies as possible where they are.

    Only what must move is returned; ``new`` names the policy that has no position yet.
    """
    moved: dict[str, int] = {}
    last = 0
    for place, name in enumerate(names):
        here = policies[name].position if name in policies and name != new else None
        following = [
            policies[other].position
            for other in names[place + 1 :]
            if other in policies and other != new and policies[other].position > last
        ]
        if here is None or here <= last:
            upper = min(following) if following and here is None else last + 2 * STEP
            here = last + STEP if upper - last > STEP else (last + upper) // 2 if upper - last > 1 else last + 1
            moved[name] = here
        last = here
    return moved


def moved(policies: Mapping[str, Placed], name: str, by: int) -> list[str]:
    """The names in order after ``name`` went ``by`` places down (negative: up)."""
    names = [key for key, _ in ordered(policies)]
    place = names.index(name)
    names.insert(min(max(place + by, 0), len(names) - 1), names.pop(place))
    return names
