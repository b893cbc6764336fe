"""Runs a command with directories of its own: ``python -m tests.lab.private DIR... -- COMMAND``.

For programs that keep one file per machine, where two sites would meet. To be called under ``ip netns exec``, whose
mount namespace it changes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.lab.netns import command

if __name__ == "__main__":
    split = sys.argv.index("--")
    for directory in sys.argv[1:split]:
        Path(directory).mkdir(parents=True, exist_ok=True)
        command(["mount", "-t", "tmpfs", "-o", "size=1m", "lab", directory])
    program = sys.argv[split + 1 :]
    os.execvp(program[0], program)
