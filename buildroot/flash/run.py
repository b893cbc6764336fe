"""One box from the image to the provisioned disk, with progress in words."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TextIO

from buildroot.flash import gpt, provision
from buildroot.flash.image import Source
from buildroot.flash.target import Target
from buildroot.flash.words import Say
from buildroot.flash.write import Stage, Tell, write

_STAGES = {"probe": "Trying the medium", "write": "Writing", "verify": "Verifying", "read": "Reading the image"}
_STEP_S = 1.0


class Installed(NamedTuple):
    """What came of it."""

    sha256: str
    seconds: float
    data_bytes: int


def install(source: Source, path: Path, told: provision.Provision | None, tell: Tell, language: str = "") -> Installed:
    """Writes, verifies, grows and provisions a disk; ``language`` is that of its boot menu.
    :raise MediumError: OSError:"""
    began_s = time.monotonic()
    with Target(path) as target:
        done = write(source, target, tell)
        gpt.grow(target)
        if told is not None:
            provision.place(target, told)
            if language == "zh":
                provision.speak(target, language)
        target.flush()
        data = gpt.partitions(target)[-1]
        target.read_table_again()
    return Installed(done.sha256, time.monotonic() - began_s, data.size)


class Progress:
    """Tells how far it is, at most once a second: on one line of a terminal, else on a line of its own every tenth."""

    def __init__(self, say: Say, out: TextIO = sys.stdout, clock: Callable[[], float] = time.monotonic) -> None:
        self._say, self._out, self._clock = say, out, clock
        self._stage, self._began_s, self._told_s, self._tenth = "", 0.0, 0.0, -1

    def __call__(self, stage: Stage | str, done: int, whole: int) -> None:
        now_s = self._clock()
        if stage != self._stage:
            self._stage, self._began_s, self._told_s, self._tenth = stage, now_s, 0.0, -1
        is_end, tenth = done >= whole, done * 10 // whole
        if self._out.isatty():
            if not is_end and now_s - self._told_s < _STEP_S:
                return
        elif tenth == self._tenth:
            return
        self._told_s, self._tenth = now_s, tenth
        if stage == "probe":  # quick, and without a measure
            print(self._say(_STAGES[stage]), file=self._out, flush=True)
            return
        spent_s = max(now_s - self._began_s, 0.001)
        left_s = spent_s * (whole - done) / done if done else 0
        line = self._say(
            "%(stage)s: %(percent)s %%, %(rate)s MB/s, %(left)s s left",
            stage=self._say(_STAGES[stage]),
            percent=done * 100 // whole,
            rate=f"{done / spent_s / 1e6:.0f}",
            left=f"{left_s:.0f}",
        )
        end = "\n" if is_end or not self._out.isatty() else ""
        start = "\r\x1b[K" if self._out.isatty() else ""
        print(f"{start}{line}", end=end, file=self._out, flush=True)
