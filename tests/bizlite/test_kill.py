"""Invariant 10: killed at any moment, opened again, everything that was acknowledged is there and everything holds."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from bizlite.core import registry
from tests.bizlite import invariants
from tests.bizlite.conftest import leave
from tests.bizlite.poster import acknowledged

KILLS = int(os.environ.get("BIZLITE_KILLS", "5"))
LONGEST_S = 0.3


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    url = f"sqlite://{tmp_path}/company.db"
    said: list[str] = []
    for turn in range(KILLS):
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.bizlite.poster", url, str(turn)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(random.Random(turn).uniform(0, LONGEST_S))
        child.send_signal(signal.SIGKILL)
        text, _ = child.communicate()
        said += text.split("\n")[:-1]  # a line that was cut off was not said
        registry.open_company(url)
        acknowledged(said)
        leave()
    registry.open_company(url)
    invariants.hold()
    leave()
