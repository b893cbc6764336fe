"""What the box can refuse.

KernelError
├── CommandError     an external command failed; ``reason`` is what it said
│   └── MissingError     the program is not installed
└── NetlinkError     the kernel refused a request; ``number`` is the errno
"""

from __future__ import annotations

import os
from collections.abc import Sequence


class KernelError(Exception):
    """Base of all errors of this package; ``reason`` fits into a sentence for a person."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"{what}: {reason}")
        self.what = what
        self.reason = reason


class CommandError(KernelError):
    """An external command ended badly or not in time."""

    def __init__(self, argv: Sequence[str], reason: str) -> None:
        super().__init__(" ".join(argv), reason)
        self.argv = tuple(argv)


class MissingError(CommandError):
    """The program is not installed."""


class NetlinkError(KernelError):
    """The kernel refused a netlink request."""

    def __init__(self, what: str, number: int, detail: str = "") -> None:
        super().__init__(what, detail or os.strerror(number))
        self.number = number
