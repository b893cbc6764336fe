"""Byte counters of the network devices: one read of /proc/net/dev for all lines."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

# Of the calling thread: all threads of rsd are in the router's network namespace.
DEVICES = Path("/proc/thread-self/net/dev")
CLASS = Path("/sys/class/net")


class Counters(NamedTuple):
    received_bytes: int
    sent_bytes: int


def counters() -> dict[str, Counters]:
    """Bytes received and sent since the device came up, by device."""
    found: dict[str, Counters] = {}
    with DEVICES.open() as file:
        for line in file:
            name, colon, rest = line.partition(":")
            if colon:
                words = rest.split()
                found[name.strip()] = Counters(int(words[0]), int(words[8]))
    return found
