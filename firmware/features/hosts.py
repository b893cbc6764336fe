"""Names that people gave to devices: shown in page and reports, they change nothing on the wire."""

from __future__ import annotations

from firmware.features.part import Part
from firmware.features.problems import problem, unreadable
from firmware.model.config import Config
from firmware.model.facts import Facts
from firmware.model.problem import Problem
from firmware.model.values import parse_mac


def verify(config: Config, facts: Facts) -> list[Problem]:
    problems = []
    owner: dict[str, str] = {}
    for name, host in sorted(config.hosts.items()):
        mac, wrong = unreadable(
            parse_mac,
            host.mac,
            "hosts",
            name,
            "mac",
            message="This is no MAC address of a device.",
            remedy="Write it as 02:00:5e:10:00:01; the first byte is even.",
        )
        problems += wrong
        if mac is not None and owner.setdefault(mac, name) != name:
            problems.append(
                problem(
                    "hosts",
                    name,
                    "mac",
                    value=mac,
                    message="%(other)s has the same MAC address.",
                    remedy="Give each its own, or remove one.",
                    other=owner[mac],
                )
            )
    return problems


def render(config: Config, facts: Facts) -> Part:
    return Part()
