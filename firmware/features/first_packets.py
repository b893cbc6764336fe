"""The way of a flow's first packets through the fastpath, and of its verdict back (docs/design/contracts.md, Marks)."""

from __future__ import annotations

from firmware.features.part import Part
from firmware.model.config import Config
from firmware.model.facts import Facts
from firmware.model.problem import Problem

TO_BE_QUEUED = "0x40000000"
_DECIDED = "0x80000000"
_GENERATION = "0x3f000000"
_GENERATION_SHIFT = 24
_SETTLED = "0xbf000000"  # decided and its generation
_ACTION = "0x00f00000"
_REJECT, _DROP = "0x00100000", "0x00200000"


def verify(config: Config, facts: Facts) -> list[Problem]:
    return []


def render(config: Config, facts: Facts) -> Part:
    queue = _queue(facts)
    generation = f"{facts.policy_generation << _GENERATION_SHIFT:#010x}"
    settled = f"{1 << 31 | facts.policy_generation << _GENERATION_SHIFT:#010x}"
    return Part(
        queue_by_iptables=not facts.nft_queue,
        rules={
            "first_packets": (
                # Nearly every packet is one of a flow that is decided: one rule for it, not three (bulk +2 %).
                f"meta l4proto tcp ct mark and {_SETTLED} == {settled} return",
                f"ct mark and {_DECIDED} == 0 ct packets <= {facts.fastpath_packets} goto to_queue",
                f"ct mark and {_DECIDED} != 0 ct mark and {_GENERATION} != {generation} goto to_queue",
                "udp sport 53 goto to_queue",
            ),
            "to_queue": (
                # SYN/ACKs and bare acknowledgements tell nothing: a new TLS connection is queued twice, not four times.
                "tcp flags & (syn | ack) == syn | ack return",
                f"meta length <= 80 tcp flags & (fin | syn | rst | psh) == 0 ct mark and {_DECIDED} == 0 return",
                f"meta mark set ct mark or {TO_BE_QUEUED}",
                *queue,
            ),
            "dns_answers": (
                f"udp sport 53 oifname @lan_devices meta mark set ct mark or {TO_BE_QUEUED}",
                *queue,
            ),
            "forward": (
                # Bit 30 still set means that nobody read the queue: what was decided before stays.
                f"meta mark and 0xc0000000 == {_DECIDED} ct mark set meta mark",
                f"ct mark and {_ACTION} == {_REJECT} goto refuse",
                f"ct mark and {_ACTION} == {_DROP} drop",
            ),
        },
    )


def _queue(facts: Facts) -> tuple[str, ...]:
    """nft's own queue statement; without it one iptables rule takes what has the bit."""
    if not facts.nft_queue:
        return ()
    # A packet that conntrack does not know has no ct mark, falls through the rules above and must not be queued.
    # No "fanout": that spreads by processor, and the two directions of a flow must meet the same flow table.
    target = "queue flags bypass to 0" if facts.queues == 1 else f"queue flags bypass to 0-{facts.queues - 1}"
    return (f"meta mark and {TO_BE_QUEUED} != 0 {target}",)
