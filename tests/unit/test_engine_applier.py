"""A step that fails for whatever reason: the Plan in force is applied again, and every other step is tried."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from firmware.engine.applier import Applier
from firmware.engine.box import Box, Rendered
from firmware.kernel.errors import KernelError
from firmware.model.config import Config
from firmware.model.facts import Facts
from firmware.model.plan import Plan


class Steps(Applier):
    """Three steps, of which the second fails as the system may."""

    def __init__(self, failure: Exception | None) -> None:
        self.failure = failure
        self.done: list[str] = []

    def _acts(self, *_: Any) -> list[tuple[str, Callable[[], None]]]:
        def fail() -> None:
            if self.failure is not None:
                raise self.failure
            self.done.append("sysctls")

        return [
            ("nft", lambda: self.done.append("nft")),
            ("sysctls", fail),
            ("units", lambda: self.done.append("units")),
        ]


FULL = OSError(28, "No space left on device")
SILENT = TimeoutError("timed out")


@pytest.mark.parametrize(("failure", "words"), [(FULL, "No space left on device"), (SILENT, "timed out")])
def test_whatever_fails_is_told_as_what_the_box_refused(failure: OSError, words: str) -> None:
    steps = Steps(failure)
    with pytest.raises(KernelError, match=f"sysctls: {words}"):
        steps.apply(Plan(), None, 1, "commit")
    assert steps.done == ["nft"]
    steps.done.clear()
    assert steps.apply_all(Plan(), 1, "start") == [f"sysctls: {words}"]
    assert steps.done == ["nft", "units"]


def test_what_was_in_force_comes_back_whatever_failed(tmp_path: Path) -> None:
    steps = Steps(None)
    box = Box(cast(Any, steps), lambda _config: Facts(), tmp_path / "generation")
    first = box.render(Config())
    box.apply(first, "commit")
    steps.failure = FULL
    with pytest.raises(KernelError):
        box.apply(Rendered(Plan(hostname="other"), 2), "commit")
    assert box.in_force == first


def test_a_box_that_cannot_note_its_generation_is_brought_up_all_the_same(tmp_path: Path) -> None:
    steps = Steps(None)
    box = Box(cast(Any, steps), lambda _config: Facts(), tmp_path / "gone" / "generation")
    assert box.force(Rendered(Plan(), 1), "start") == ["policy generation: No such file or directory"]
    assert steps.done == ["nft", "sysctls", "units"]
