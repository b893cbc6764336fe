"""By which lines a host's connections leave, read from the rules."""

from __future__ import annotations

from typing import Any

import pytest

from firmware.model.config import Config, LineGroup, LinePolicy, Wan
from firmware.monitor.ways import Way, ways

UP = {"telecom": True, "unicom": True, "mobile": False}
CONFIG = Config(
    wans={name: Wan(interface=name, number=number) for number, name in enumerate(UP, 1)},
    line_groups={"cheap": LineGroup(lines=("mobile", "unicom"))},
    line_policies={
        "bank": LinePolicy(position=1, lines=("telecom",), domains=("bank.example",), strict=True),
        "video": LinePolicy(position=2, lines=("mobile", "cheap"), applications=("douyin",), groups=("sales",)),
        "mail": LinePolicy(position=3, lines=("telecom",), ports=("tcp/25",)),
        "dead": LinePolicy(position=4, lines=("mobile",), domains=("dead.example",)),
        "off": LinePolicy(position=5, lines=("unicom",), enabled=False),
        "own": LinePolicy(position=6, lines=("unicom",), router=True),
    },
)
MAIL = Way("mail", ["telecom"], is_partly=True)
REST = Way("", ["telecom", "unicom"])


@pytest.mark.parametrize(
    ("groups", "application", "target", "expected"),
    [
        ([], "unknown", "www.bank.example", [Way("bank", ["telecom"], is_strict=True)]),
        ([], "unknown", "notbank.example", [MAIL, REST]),
        (["sales"], "douyin", "douyin", [Way("video", ["cheap"])]),
        (["office"], "douyin", "douyin", [MAIL, REST]),
        ([], "unknown", "dead.example", [MAIL, Way("dead", []), REST]),
    ],
)
def test_the_rules_are_asked_in_order(groups: list[str], application: str, target: str, expected: list[Any]) -> None:
    assert list(ways(CONFIG, groups, application, target, UP)) == expected


def test_a_strict_rule_whose_line_is_down_lets_nothing_else_come() -> None:
    assert list(ways(CONFIG, [], "unknown", "bank.example", UP | {"telecom": False})) == [
        Way("bank", [], is_strict=True)
    ]
