"""The box itself: processor, memory, uptime and connections, from /proc."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

PROC = Path("/proc")


class System:
    """Remembers the processor's last reading, since its load is a difference."""

    def __init__(self) -> None:
        self._busy, self._total = _cpu_ticks()
        self._cpu_percent = 0.0

    def sample(self) -> None:
        """Takes the processor's load since the last sample; to be called at a steady pace."""
        busy, total = _cpu_ticks()
        if total > self._total:
            self._cpu_percent = 100 * (busy - self._busy) / (total - self._total)
        self._busy, self._total = busy, total

    def state(self) -> dict[str, Any]:
        return {
            "uptime_s": float((PROC / "uptime").read_text().split()[0]),
            "time": time.time(),
            "cpu_percent": round(self._cpu_percent, 1),
            "memory": _memory(),
            "connections": connection_count(),
        }


def _cpu_ticks() -> tuple[int, int]:
    """Busy and all ticks since the start."""
    with (PROC / "stat").open() as file:
        ticks = [int(word) for word in file.readline().split()[1:9]]
    idle = ticks[3] + ticks[4]
    return sum(ticks) - idle, sum(ticks)


def _memory() -> dict[str, int]:
    """Bytes in all, and bytes that can be had without swapping."""
    with (PROC / "meminfo").open() as file:
        values = {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in file)}
    return {"total": values["MemTotal"], "available": values["MemAvailable"]}


def connection_count() -> int:
    """Entries in conntrack of this network namespace; 0 where conntrack is not loaded."""
    try:
        return int((PROC / "sys/net/netfilter/nf_conntrack_count").read_text())
    except FileNotFoundError:
        return 0
