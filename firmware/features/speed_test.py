"""The server of the speed test (firmware/daemon/speedtest.py); the test itself runs on demand only."""

from __future__ import annotations

from firmware.features.downloads import is_address
from firmware.features.part import Part
from firmware.features.problems import problem
from firmware.model.config import Config
from firmware.model.facts import Facts
from firmware.model.problem import Problem


def verify(config: Config, facts: Facts) -> list[Problem]:
    message = "The speed test cannot use this address."
    remedy = "Write an address that begins with https:// or http://."
    return [
        problem("speed_test", key, value=url, message=message, remedy=remedy)
        for key in ("download_url", "upload_url")
        if not is_address(url := getattr(config.speed_test, key))
    ]


def render(config: Config, facts: Facts) -> Part:
    """Nothing of it is the kernel's."""
    return Part()
