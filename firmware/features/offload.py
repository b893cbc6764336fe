"""Offload: connections that are decided go through the kernel's flowtable, past all rules (docs/design/datapath.md).

The flowtable has a table of its own, with the policy generation in its rule: each change of policy loads it anew, and
so every connection comes back to the rules, is judged there, and enters again. Nothing is cut by that.
"""

from __future__ import annotations

from firmware.features import nft
from firmware.features.part import Part
from firmware.features.qos import shaped_lines
from firmware.features.topology import Line, bridge, lines
from firmware.model.config import Config
from firmware.model.facts import Facts
from firmware.model.problem import Problem

_DECIDED_OF_LINE = "ct mark and 0xbff0f000"  # contracts.md: decided, generation, action, line
_DECIDED, _GENERATION_SHIFT = 1 << 31, 24
# A page's short connections cost more to enter than they gain.
PACKETS_BEFORE = 20


def verify(config: Config, facts: Facts) -> list[Problem]:
    return []


def render(config: Config, facts: Facts) -> Part:
    why_not = obstacles(config, facts)
    open_lines = [line for line in lines(config, facts) if why_not[line.name] is None]
    if not open_lines or not config.lans:
        return Part()
    devices = sorted({nft.device(name) for name in [*map(bridge, config.lans), *(line.device for line in open_lines)]})
    settled = _DECIDED | facts.policy_generation << _GENERATION_SHIFT
    marks = ", ".join(nft.mark(settled | line.mark) for line in open_lines)
    chain = nft.chain(
        "shortcut",
        (
            "type filter hook forward priority 20; policy accept;",
            # Answers to questions for names are always looked at: they tell the servers of what comes next.
            "meta l4proto udp th sport 53 return",
            "meta l4proto udp th dport 53 return",
            f"ct state established {_DECIDED_OF_LINE} {{ {marks} }} ct packets > {PACKETS_BEFORE} flow add @fast",
        ),
    )
    table = f"flowtable fast {{\n\thook ingress priority 0; devices = {{ {', '.join(devices)} }};\n\tcounter\n}}\n"
    return Part(nft_offload=table + chain)


def obstacles(config: Config, facts: Facts) -> dict[str, str | None]:
    """By line, why nothing of it is offloaded; ``None`` where it may be."""
    shaped = shaped_lines(config, facts)
    return {line.name: _obstacle(line, config, facts, is_shaped=line in shaped) for line in lines(config, facts)}


def _obstacle(line: Line, config: Config, facts: Facts, *, is_shaped: bool) -> str | None:
    if not facts.has_flowtable:
        return "The kernel has no flowtable."
    if not config.wans[line.name].offload:
        return "Switched off for this line."
    if is_shaped:
        return "Bandwidth is shared out on this line: every packet must be given its class."
    if (config.wans[line.name].interface not in facts.ports) or (line.is_dialled and not (line.up and line.address4)):
        return "The line's device is not there."
    return None
