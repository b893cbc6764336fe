"""The steps of a change, by name, so that the tests can cut the power at each of them.

``RS_CRASH_AT=commit:nft`` in rsd's environment kills it, as ``kill -9`` would, right after that step. A name is the
phase (what the box is doing) and the step in it.
"""

from __future__ import annotations

import logging
import os
import signal
from typing import Literal

log = logging.getLogger(__name__)

Phase = Literal["start", "commit", "revert", "restore", "refresh"]

APPLY = (
    "files",
    "fastpath",
    "withdraw",
    "shape",
    "nft",
    "queue",
    "links",
    "offload",
    "sysctls",
    "routes",
    "rules",
    "hostname",
    "units",
    "readback",
)
COMMIT = ("verified", "intent", *APPLY, "running", "copy", "candidate")
REVERT = (*APPLY, "running")
START = (*APPLY,)


def reached(phase: Phase, step: str) -> None:
    """Note that a step is done."""
    log.debug("%s: %s done", phase, step)
    if os.environ.get("RS_CRASH_AT") == f"{phase}:{step}":
        os.kill(os.getpid(), signal.SIGKILL)
