"""The only place that writes nft's language: the chains of ``table inet rs``, sets, and quoting.

Limits of nft 1.0.6 that show here: a chain cannot be called ``dnat``; right-hand sides of and/or are constants.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal

from firmware.model.plan import NftSet

# Name, and its hook for base chains. docs/design/contracts.md says what each is for.
CHAINS: tuple[tuple[str, str], ...] = (
    ("wan_choice", "type filter hook prerouting priority -150; policy accept;"),
    ("wan_choice_out", "type route hook output priority -150; policy accept;"),
    ("first_packets", "type filter hook forward priority -160; policy accept;"),
    ("dns_answers", "type filter hook output priority -160; policy accept;"),
    ("forward", "type filter hook forward priority 0; policy drop;"),
    ("input", "type filter hook input priority 0; policy drop;"),
    ("nat_in", "type nat hook prerouting priority -100; policy accept;"),
    ("nat_out", "type nat hook postrouting priority 100; policy accept;"),
    ("line_policies", ""),
    ("line_choice", ""),
    ("own_policies", ""),
    ("own_choice", ""),
    ("to_queue", ""),
    ("refuse", ""),
)
_DEVICE = re.compile(r"[A-Za-z0-9_.-]{1,15}")


def device(name: str) -> str:
    """An interface's name as nft text; ValueError for what no interface is called."""
    if not _DEVICE.fullmatch(name):
        raise ValueError(name)
    return f'"{name}"'


def mark(number: int) -> str:
    return f"{number:#010x}"


def named(
    name: str,
    kind: Literal["set", "map", "vmap"],
    type_: str,
    elements: Iterable[str],
    interval: bool = False,
) -> NftSet:
    """A set or map with its elements sorted and each once."""
    flags = ("interval",) if interval else ()
    return NftSet(name=name, kind=kind, type=type_, flags=flags, elements=tuple(sorted(set(elements))))


def chains(parts: Iterable[Mapping[str, tuple[str, ...]]]) -> str:
    """All chains as the body of a table; the parts' lines follow each other. A chain that is not in ``CHAINS`` is its
    part's own, and jumped to."""
    lines: dict[str, list[str]] = {}
    for part in parts:
        for name, rules in part.items():
            lines.setdefault(name, []).extend(rules)
    own = [(name, "") for name in lines.keys() - dict(CHAINS).keys()]
    # Chains that others jump to come first: nft reads from top to bottom.
    ordered = sorted(own) + sorted(CHAINS, key=lambda chain: bool(chain[1]))
    return "".join(chain(name, [hook, *lines.get(name, [])] if hook else lines.get(name, [])) for name, hook in ordered)


def chain(name: str, rules: Iterable[str]) -> str:
    """A chain of any table; a base chain's first line is its hook."""
    body = "".join(f"\t{line}\n" for line in rules)
    return f"chain {name} {{\n{body}}}\n"
