"""A change that waits for its confirmation, and how long still.

The deadline is kept twice: on the clock that counts from boot, which neither a crash of rsd nor a jump of the wall
clock touches, and on the wall clock for after a reboot. A box without a battery wakes up in another year: what is left
is then never more than what was given.
"""

from __future__ import annotations

import time

from msgspec import Struct

from firmware.kernel import probe
from firmware.model.config import Role


class Pending(Struct, frozen=True, kw_only=True):
    """``previous`` comes back when nobody confirms ``revision`` in time; ``*_boot_s`` are of CLOCK_BOOTTIME."""

    revision: int
    previous: int
    author: str
    role: Role
    confirm_s: int
    boot_id: str
    committed_boot_s: float
    deadline_boot_s: float
    deadline_wall_s: float


def begin(revision: int, previous: int, author: str, role: Role, confirm_s: int) -> Pending:
    """Begin to wait now."""
    now = boot_clock()
    return Pending(
        revision=revision,
        previous=previous,
        author=author,
        role=role,
        confirm_s=confirm_s,
        boot_id=probe.boot_id(),
        committed_boot_s=now,
        deadline_boot_s=now + confirm_s,
        deadline_wall_s=time.time() + confirm_s,
    )


def remaining_s(pending: Pending) -> float:
    """Seconds until the previous revision comes back; 0 or less when it is time."""
    return _remaining(pending, probe.boot_id(), boot_clock(), time.time())


def is_reached_after(pending: Pending, reached_boot_s: float) -> bool:
    """Whether a connection made at that moment shows that the box can be reached since the change."""
    return pending.boot_id != probe.boot_id() or reached_boot_s > pending.committed_boot_s


def boot_clock() -> float:
    """Seconds since boot, sleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _remaining(pending: Pending, boot_id: str, now_boot_s: float, now_wall_s: float) -> float:
    if boot_id == pending.boot_id:
        return pending.deadline_boot_s - now_boot_s
    return min(pending.deadline_wall_s - now_wall_s, float(pending.confirm_s))
