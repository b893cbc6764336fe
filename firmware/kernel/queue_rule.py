"""The queue by iptables-nft, where the kernel lacks nft's queue statement (docs/design/contracts.md, Chains)."""

from __future__ import annotations

from firmware.kernel import command
from firmware.kernel.errors import MissingError

CHAINS = ("FORWARD", "OUTPUT")
_MARK = "0x40000000/0x40000000"
_TABLE = "mangle"
_FAMILIES = (("iptables-nft-save", "iptables-nft-restore"), ("ip6tables-nft-save", "ip6tables-nft-restore"))


def apply(wanted: bool, queues: int) -> None:
    """Make the rules be there once, or not at all, in both families. Raises CommandError."""
    for save, restore in _FAMILIES:
        try:
            listing = command.run((save, "-t", _TABLE), quiet=not wanted)
        except MissingError:
            if wanted:
                raise
            continue
        present = [line for line in listing.splitlines() if line.startswith("-A") and _MARK in line]
        target = [_rule(chain, queues) for chain in CHAINS] if wanted else []
        if sorted(_words(line) for line in present) != sorted(_words(line) for line in target):
            removals = [line.replace("-A", "-D", 1) for line in present]
            text = "\n".join([f"*{_TABLE}", *removals, *target, "COMMIT", ""])
            command.run((restore, "--noflush"), stdin=text)


def _rule(chain: str, queues: int) -> str:
    queue = "--queue-num 0" if queues == 1 else f"--queue-balance 0:{queues - 1}"
    return f"-A {chain} -m mark --mark {_MARK} -j NFQUEUE {queue} --queue-bypass"


def _words(rule: str) -> tuple[str, ...]:
    return tuple(rule.split())
