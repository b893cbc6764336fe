"""Which netfilter queues somebody reads, as the kernel lists them."""

from __future__ import annotations

from pathlib import Path

LISTING = Path("/proc/net/netfilter/nfnetlink_queue")


def read_queues() -> frozenset[int]:
    """Numbers of the queues with a reader in this network namespace; none where the kernel has no queues."""
    try:
        text = LISTING.read_text(encoding="ascii")
    except OSError:
        return frozenset()
    return frozenset(int(line.split()[0]) for line in text.splitlines() if line.split())
