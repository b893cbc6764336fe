"""``table inet rs``: one transaction each time, only the elements when only elements changed, then read back.

``nft list ruleset`` does not load again, so the table is always written from the Plan and never compared with a
listing. What is in force is told by a chain without rules whose name holds the digest of chains and set definitions.

Sets that are kept (``NftSet.is_kept``) stay when the rules are replaced: what others put in is not lost, and 43,000
prefixes are loaded once (0.5 s), not at each change of a rule (0.01 s). They are loaded in pieces before the rules
that use them: nft needs 84 MB for all of them at once, 11 MB for 4,000. A chain ``whole_SET`` says that all are there.

Base chains are kept too, and only their rules replaced: with any hook that goes away the kernel drops every packet
that waits in a queue of the namespace (``nf_queue_nf_hook_drop``). A chain ``hooks_DIGEST`` says which are there.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from firmware.kernel import command
from firmware.kernel.errors import CommandError, KernelError
from firmware.model.plan import NftSet, Plan

TABLE = "inet rs"
SHAPE_TABLE, OFFLOAD_TABLE = "inet rs_shape", "inet rs_offload"
CHUNK = 1000  # elements per line of input
FILE_CHUNK = 4000  # elements per transaction when a set is loaded from a file
_WHOLE, _HOOKS = "whole_", "hooks_"
_BASE_CHAIN = re.compile(r"^chain (\S+) \{\n\s*(type \S+ hook .*)$", re.MULTILINE)
_LISTED = re.compile(r"^\t(chain|set|map) (\S+) \{", re.MULTILINE)


class There(NamedTuple):
    """What the kernel's table has, by name."""

    chains: frozenset[str] = frozenset()
    sets: frozenset[str] = frozenset()
    maps: frozenset[str] = frozenset()

    def has(self, item: NftSet) -> bool:
        """Whether a kept set is there with all its contents."""
        return item.name in self.sets | self.maps and (not item.elements_file or _WHOLE + item.name in self.chains)


def apply(plan: Plan, current: Plan | None, state_dir: Path) -> None:
    """Load the Plan's rules and sets; ``current`` is what is in force, ``None`` when that is not known.

    Raises CommandError with nft's words, KernelError when a file of elements cannot be read; the kernel then has what
    it had before.
    """
    there = There()
    if _is_reload(plan, current):
        there = _there()
        for item in plan.nft_sets:
            if item.elements_file and not there.has(item):
                _load(item, state_dir)
                there = There(there.chains | {_WHOLE + item.name}, there.sets | {item.name}, there.maps)
    text = _changes(plan, current, there)
    if not text:
        return
    command.run(("nft", "-f", "-"), stdin=text)
    if not is_in_force(plan):
        raise CommandError(("nft", "-f", "-"), "the table that was loaded is not there")


def apply_shape(plan: Plan) -> None:
    """Load the shaper's table where another is in force; who fills its maps sees that it is new."""
    _apply_whole(SHAPE_TABLE, plan.nft_shape)


def withdraw_offload(plan: Plan) -> None:
    """Remove the flowtable where another is wanted: its connections come back to the rules.

    To be done before the rules change: removing a hook costs whatever waits in a queue just then, and after a change
    of policy every connection comes by there.
    """
    there = _there_of("chains", OFFLOAD_TABLE)
    if there and _whole_marker(plan.nft_offload) not in there:
        _apply_whole(OFFLOAD_TABLE, "")


def apply_offload(plan: Plan) -> None:
    """Load the flowtable's table where another is in force.

    When it does not load (a device has gone) there is none afterwards: what is in force must not be passed by.
    """
    try:
        _apply_whole(OFFLOAD_TABLE, plan.nft_offload)
    except CommandError:
        _apply_whole(OFFLOAD_TABLE, "")
        raise


def _apply_whole(table: str, body: str) -> None:
    wanted = _whole_marker(body)
    if body and wanted in _there_of("chains", table):
        return
    text = f"add table {table}\ndelete table {table}\n"
    if body:
        text += f"table {table} {{\n{body}chain {wanted} {{\n}}\n}}\n"
    command.run(("nft", "-f", "-"), stdin=text)


def _whole_marker(body: str) -> str:
    return "plan_" + _digest(body)


def foreign_flowtables() -> list[str]:
    """Names of all flowtables that are not ours; none where the kernel has none."""
    try:
        text = command.run(("nft", "list", "flowtables"), quiet=True)
    except CommandError:
        return []
    tables = re.split(r"^table ", text, flags=re.MULTILINE)
    foreign = (table for table in tables if not table.startswith(f"{OFFLOAD_TABLE} "))
    return [name for table in foreign for name in re.findall(r"^\s*flowtable (\S+) \{", table, re.MULTILINE)]


def changes(plan: Plan, current: Plan | None) -> str:
    """What ``nft -f -`` gets to read: the whole table, or only elements, or nothing."""
    there = There()
    loads = []
    if current is not None and _is_reload(plan, current):
        there = _made_by(current)
        for item in plan.nft_sets:
            if item.elements_file and not there.has(item):
                loads.append(f"# set {item.name} is loaded from {item.elements_file}\n")
                there = There(there.chains | {_WHOLE + item.name}, there.sets | {item.name}, there.maps)
    return "".join(loads) + _changes(plan, current, there)


def script(plan: Plan, there: There | None = None) -> str:
    """What replaces all that is there in one transaction, as ``nft -f -`` reads it."""
    there = there or There()
    kept = {item.name for item in plan.nft_sets if item.is_kept and there.has(item)}
    sets = "".join(_definition(item) for item in plan.nft_sets if item.name not in kept)
    bases = _base_chains(plan) if _hooks(plan) in there.chains else set()
    # The first line makes the table, so that removing what it has cannot fail.
    head = f"add table {TABLE}\n" + (_emptied(there, kept, bases) if kept or bases else f"delete table {TABLE}\n")
    markers = f"chain {_hooks(plan)} {{\n}}\nchain {_marker(plan)} {{\n}}\n"
    body = f"table {TABLE} {{\n{sets}{plan.nft_rules}{markers}}}\n"
    elements = "".join(line for item in plan.nft_sets for line in _add(item.name, item.elements))
    return head + body + elements


def is_in_force(plan: Plan) -> bool:
    """Read back whether the kernel has the Plan's chains and set definitions."""
    return _marker(plan) in _there_of("chains")


def _is_reload(plan: Plan, current: Plan | None) -> bool:
    return current is None or _marker(plan) != _marker(current)


def _changes(plan: Plan, current: Plan | None, there: There) -> str:
    if current is None or _is_reload(plan, current):
        return script(plan, there)
    return "".join(_element_changes(current.nft_sets, plan.nft_sets))


def _emptied(there: There, kept: set[str], bases: set[str]) -> str:
    """Removes all but the sets and base chains that are kept; maps go first, as their elements name chains."""
    chains = there.chains - {_WHOLE + name for name in kept} - bases
    gone = [("map", there.maps - kept), ("set", there.sets - kept), ("chain", chains)]
    deletions = (f"delete {kind} {TABLE} {name}\n" for kind, names in gone for name in sorted(names))
    return f"flush table {TABLE}\n" + "".join(deletions)


def _made_by(plan: Plan) -> There:
    """What the kernel's table has when a Plan is in force."""
    chains = set(re.findall(r"^chain (\S+) \{", plan.nft_rules, re.MULTILINE)) | {_marker(plan), _hooks(plan)}
    chains |= {_WHOLE + item.name for item in plan.nft_sets if item.elements_file}
    sets = {item.name for item in plan.nft_sets if item.kind == "set"}
    return There(frozenset(chains), frozenset(sets), frozenset(i.name for i in plan.nft_sets if i.kind != "set"))


def _there() -> There:
    return There(_there_of("chains"), _there_of("sets"), _there_of("maps"))


def _there_of(what: str, table: str = TABLE) -> frozenset[str]:
    """Names in a table of ours. ``list chain`` and ``list table`` would read every element of every set."""
    try:
        text = command.run(("nft", "-t", "list", what, "inet"), quiet=True)
    except CommandError:
        return frozenset()
    _, _, ours = text.partition(f"table {table} {{\n")
    return frozenset(name for _, name in _LISTED.findall(ours.partition("\n}")[0]))


def _load(item: NftSet, state_dir: Path) -> None:
    """Fill a set that no rule uses yet, piece by piece."""
    command.run(("nft", "-f", "-"), stdin=f"add table {TABLE}\ntable {TABLE} {{\n{_definition(item)}}}\n")
    command.run(("nft", "-f", "-"), stdin=f"flush set {TABLE} {item.name}\n")  # what an rsd that was killed began
    try:
        with (state_dir / item.elements_file).open(encoding="ascii") as file:
            elements = (
                f"{line.strip()} . 0-255" for line in file if line[0] != "#" and (":" in line) == (item.family == 6)
            )
            while chunk := ", ".join(itertools.islice(elements, FILE_CHUNK)):
                # Written in the definition: "add element" would read back what is there.
                command.run(("nft", "-f", "-"), stdin=f"table {TABLE} {{\n{_definition(item, chunk)}}}\n")
    except (OSError, ValueError) as error:
        raise KernelError(item.elements_file, str(error)) from error
    command.run(("nft", "-f", "-"), stdin=f"add chain {TABLE} {_WHOLE}{item.name}\n")


def _marker(plan: Plan) -> str:
    definitions = "".join(_definition(item) for item in plan.nft_sets)
    return "plan_" + _digest(definitions + plan.nft_rules)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _base_chains(plan: Plan) -> set[str]:
    return {name for name, _ in _BASE_CHAIN.findall(plan.nft_rules)}


def _hooks(plan: Plan) -> str:
    return _HOOKS + _digest(repr(sorted(_BASE_CHAIN.findall(plan.nft_rules))))


def _definition(item: NftSet, elements: str = "") -> str:
    kind = "set" if item.kind == "set" else "map"
    flags = f"flags {','.join(item.flags)}; " if item.flags else ""
    timeout = f"timeout {item.timeout_s}s; size 65535; " if item.timeout_s else ""
    contents = f"elements = {{ {elements} }}\n" if elements else ""
    return f"{kind} {item.name} {{ type {item.type}; {flags}{timeout}{contents}}}\n"


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
