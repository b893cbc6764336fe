"""Verbs about speed tests of the lines."""

from __future__ import annotations

from typing import Any

from firmware.daemon.services import Services
from firmware.daemon.verbs.table import Call, verb
from firmware.model.config import Identifier


@verb("speedtest.start", "admin", audited=("line", "shaped"))
def speedtest_start(box: Services, call: Call, *, line: Identifier, shaped: bool = False) -> dict[str, Any]:
    """Begin to measure a line, or with ``shaped`` its upload through the shaper; ``speedtest.state`` has the result."""
    box.speed_tests.start(line, is_shaped=shaped)
    return {}


@verb("speedtest.state", "auditor")
def speedtest_state(box: Services, call: Call) -> list[dict[str, Any]]:
    return box.speed_tests.state()


VERBS = (speedtest_start, speedtest_state)
