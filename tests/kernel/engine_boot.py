"""Starts a command as after another boot: ``python -m tests.kernel.engine_boot BOOT_ID_FILE -- COMMAND``.

To be called under ``ip netns exec``, whose mount namespace it changes: the kernel's boot id reads as the file does, and
what dhcpcd and chronyd keep per machine is this box's own.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.lab.netns import command

if __name__ == "__main__":
    boot_id, program = sys.argv[1], sys.argv[3:]
    command(["mount", "--bind", boot_id, "/proc/sys/kernel/random/boot_id"])
    for directory in ("/run/dhcpcd", "/var/lib/dhcpcd"):
        Path(directory).mkdir(parents=True, exist_ok=True)
        command(["mount", "-t", "tmpfs", "-o", "size=1m", "engine", directory])
    for hidden in filter(None, os.environ.get("RS_HIDDEN", "").split(":")):
        command(["mount", "--bind", "/dev/null", hidden])  # a program that cannot be started
    os.execvp(program[0], program)
