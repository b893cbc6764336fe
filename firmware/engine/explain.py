"""A Plan in words: precisely what applying it would do to the box as it is."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import msgspec

from firmware.kernel import nft
from firmware.model.plan import Plan


def explain(plan: Plan, current: Plan | None) -> str:
    """The text of ``config.plan``; empty when there is nothing to do."""
    old = current or Plan()
    text: list[str] = []
    text += _section("files", _files(plan, old))
    text += _section("fastpath", _listed(_rows(old), _rows(plan)))
    text += _section("nft", nft.changes(plan, current).splitlines())
    text += _section("shape", _listed(old.nft_shape.splitlines(), plan.nft_shape.splitlines()))
    text += _section("offload", _listed(old.nft_offload.splitlines(), plan.nft_offload.splitlines()))
    if plan.queue_by_iptables != old.queue_by_iptables:
        text += _section("queue", ["+ by iptables-nft" if plan.queue_by_iptables else "- by iptables-nft"])
    text += _section("links", _listed(map(_words, old.links), map(_words, plan.links)))
    text += _section("sysctls", _listed(_pairs(old), _pairs(plan)))
    text += _section("routes", _listed(map(_words, old.routes), map(_words, plan.routes)))
    text += _section("rules", _listed(map(_words, old.rules), map(_words, plan.rules)))
    text += _section("units", _units(plan, old))
    if (plan.hostname, plan.timezone) != (old.hostname, old.timezone):
        text += _section("system", [f"+ hostname {plan.hostname}", f"+ timezone {plan.timezone}"])
    return "".join(f"{line}\n" for line in text)


def _section(name: str, lines: list[str]) -> list[str]:
    return [f"[{name}]", *lines, ""] if lines else []


def _listed(old: Iterable[str], new: Iterable[str]) -> list[str]:
    before, after = list(old), list(new)
    gone, come = set(before) - set(after), set(after) - set(before)
    return [f"- {line}" for line in before if line in gone] + [f"+ {line}" for line in after if line in come]


def _files(plan: Plan, old: Plan) -> list[str]:
    before = {file.path: file.content for file in old.files}
    after = {file.path: file.content for file in plan.files}
    lines: list[str] = []
    for path in sorted(before.keys() | after.keys()):
        a, b = before.get(path, "").splitlines(), after.get(path, "").splitlines()
        lines += difflib.unified_diff(a, b, f"{path} (now)", f"{path} (then)", n=1, lineterm="")
    return lines


def _units(plan: Plan, old: Plan) -> list[str]:
    before = {unit.name: unit for unit in old.units}
    after = {unit.name: unit for unit in plan.units}
    changed = {file.path for file in set(plan.files) ^ set(old.files)}
    lines = [f"stop {name}" for name in sorted(before.keys() - after.keys())]
    for name, unit in sorted(after.items()):
        if name not in before:
            lines.append(f"start {name}: {' '.join(unit.argv)}")
        elif unit.argv != before[name].argv or changed & set(unit.restart_on):
            lines.append(f"restart {name}: {' '.join(unit.argv)}")
        elif changed & set(unit.reload_on):
            lines.append(f"reload {name}: signal {unit.reload_signal}")
    return lines


def _rows(plan: Plan) -> list[str]:
    tables = plan.fastpath
    rows = [f"policy {place} {_words(row)}" for place, row in enumerate(tables.rows)]
    rows += [f"lane {place} {_words(row)}" for place, row in enumerate(tables.lanes)]
    rows += [f"group {_words(group)}" for group in tables.groups]
    rows += [f"application {_words(application)}" for application in tables.applications]
    return rows + [f"local network {network}" for network in tables.local_networks]


def _pairs(plan: Plan) -> list[str]:
    return [f"{name} = {value}" for name, value in sorted(plan.sysctls.items())]


def _words(item: msgspec.Struct) -> str:
    """A structure as ``name=value`` of what is not empty."""
    pairs = ((name, getattr(item, name)) for name in item.__struct_fields__)
    return " ".join(f"{name}={_value(value)}" for name, value in pairs if value not in (None, (), ""))


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(_value(item) for item in value)
    return str(value)
