"""``table inet rs``: one transaction each time, only the elements when only elements changed, then read back.

``nft list ruleset`` does not load again, so the table is always written from the Plan and never compared with a
listing. What is in force is told by a chain without rules whose name holds the digest of chains and set definitions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from firmware.kernel import command
from firmware.kernel.errors import CommandError
from firmware.model.plan import NftSet, Plan

TABLE = "inet rs"
SHAPE_TABLE = "inet rs_shape"
CHUNK = 1000  # elements per line of input


def apply(plan: Plan, current: Plan | None) -> None:
    """Load the Plan's rules and sets; ``current`` is what is in force, ``None`` when that is not known.

    Raises CommandError with nft's words; the kernel then has what it had before.
    """
    text = changes(plan, current)
    if not text:
        return
    command.run(("nft", "-f", "-"), stdin=text)
    if not is_in_force(plan):
        raise CommandError(("nft", "-f", "-"), "the table that was loaded is not there")


def apply_shape(plan: Plan) -> None:
    """Load the shaper's table where another is in force; who fills its maps sees that it is new."""
    wanted = _shape_marker(plan.nft_shape)
    present = command.run(("nft", "list", "tables"))
    is_there = f"table {SHAPE_TABLE}" in present.splitlines()
    if not plan.nft_shape:
        if is_there:
            command.run(("nft", "delete", "table", *SHAPE_TABLE.split()))
        return
    if is_there and _has_chain(SHAPE_TABLE, wanted):
        return
    head = f"add table {SHAPE_TABLE}\ndelete table {SHAPE_TABLE}\n"
    command.run(("nft", "-f", "-"), stdin=f"{head}table {SHAPE_TABLE} {{\n{plan.nft_shape}chain {wanted} {{\n}}\n}}\n")


def _shape_marker(text: str) -> str:
    return "plan_" + hashlib.sha256(text.encode()).hexdigest()[:24]


def changes(plan: Plan, current: Plan | None) -> str:
    """What ``nft -f -`` gets to read: the whole table, or only elements, or nothing."""
    if current is None or _marker(plan) != _marker(current):
        return script(plan)
    return "".join(_element_changes(current.nft_sets, plan.nft_sets))


def script(plan: Plan) -> str:
    """What replaces the whole table in one transaction, as ``nft -f -`` reads it."""
    sets = "".join(_definition(item) for item in plan.nft_sets)
    # The first line makes the table, so that removing it cannot fail.
    head = f"add table {TABLE}\ndelete table {TABLE}\n"
    body = f"table {TABLE} {{\n{sets}{plan.nft_rules}chain {_marker(plan)} {{\n}}\n}}\n"
    elements = "".join(line for item in plan.nft_sets for line in _add(item.name, item.elements))
    return head + body + elements


def is_in_force(plan: Plan) -> bool:
    """Read back whether the kernel has the Plan's chains and set definitions."""
    return _has_chain(TABLE, _marker(plan))


def _has_chain(table: str, name: str) -> bool:
    try:
        command.run(("nft", "list", "chain", *table.split(), name), quiet=True)
    except CommandError:
        return False
    return True


def _marker(plan: Plan) -> str:
    definitions = "".join(_definition(item) for item in plan.nft_sets)
    return "plan_" + hashlib.sha256((definitions + plan.nft_rules).encode()).hexdigest()[:24]


def _definition(item: NftSet) -> str:
    kind = "set" if item.kind == "set" else "map"
    flags = f"flags {','.join(item.flags)}; " if item.flags else ""
    return f"{kind} {item.name} {{ type {item.type}; {flags}}}\n"


def _element_changes(old: Iterable[NftSet], new: Iterable[NftSet]) -> Iterator[str]:
    before = {item.name: item for item in old}
    for item in new:
        had, has = before[item.name].elements, item.elements
        if had == has:
            continue
        if "interval" in item.flags:
            # Intervals that touch or contain each other cannot be exchanged one by one in a transaction.
            yield f"flush set {TABLE} {item.name}\n" if item.kind == "set" else f"flush map {TABLE} {item.name}\n"
            yield from _add(item.name, has)
        else:
            gone, come = set(had) - set(has), set(has) - set(had)
            yield from _statements("delete", item.name, sorted(gone))
            yield from _statements("add", item.name, sorted(come))


def _add(name: str, elements: Iterable[str]) -> Iterator[str]:
    return _statements("add", name, list(elements))


def _statements(verb: str, name: str, elements: list[str]) -> Iterator[str]:
    for start in range(0, len(elements), CHUNK):
        yield f"{verb} element {TABLE} {name} {{ {', '.join(elements[start : start + CHUNK])} }}\n"
