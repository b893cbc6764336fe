"""What rsd does about lines that spend their month: each alarm once, facts, and a refresh when they change."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Any, cast

from firmware.daemon.metering import NEARLY, SPENT, Metering
from firmware.model.config import Config, System, Wan
from firmware.monitor.meter import Month

CAP = 200_000_000_000
UNTIL_S = datetime(2027, 3, 31, 16, tzinfo=UTC).timestamp()  # midnight in Shanghai


class Box:
    """Stands in for monitor, facts, journal and keeper; ``said`` is what was told and closed, in order."""

    def __init__(self) -> None:
        self.used, self.cap = 0, CAP
        self.spent_lines: frozenset[str] = frozenset()
        self.said: list[str] = []
        self.params: dict[str, str] = {}
        self.pokes = 0
        self.is_broken = False
        self.metering = Metering(cast(Any, self), cast(Any, self), tell=self.tell, clear=self.clear, poke=self.poke)

    def look_at_months(self, config: Config) -> dict[str, Month]:
        if self.is_broken:
            raise sqlite3.OperationalError("disk I/O error")
        return {name: Month(0, UNTIL_S, self.used, self.cap) for name in config.wans}

    def tell(self, key: str, level: str, message: str, params: dict[str, str]) -> None:
        self.said.append(message)
        self.params = params

    def clear(self, key: str) -> None:
        self.said.append("well")

    def poke(self) -> None:
        self.pokes += 1

    def look(self, used: int, cap: int = CAP, *, has_line: bool = True) -> list[str]:
        """What is said when so much is used."""
        self.used, self.cap = used, cap
        self.said.clear()
        wans = {"mobile": Wan(interface="eth1", number=1)} if has_line else {}
        self.metering.look(Config(system=System(timezone="Asia/Shanghai"), wans=wans))
        return list(self.said)


def test_each_alarm_comes_once_and_ends_with_the_month() -> None:
    box = Box()
    assert box.look(0) == ["well"], "what was open before a restart is closed"
    assert box.look(CAP * 79 // 100) == []
    assert box.look(CAP * 80 // 100) == ["well", NEARLY]
    assert box.params == {"line": "mobile", "cap": "200", "until": "2027-04-01"}
    assert box.look(CAP * 90 // 100) == []
    assert (box.spent_lines, box.pokes) == (frozenset(), 0)
    assert box.look(CAP) == ["well", SPENT]
    assert (box.spent_lines, box.pokes) == ({"mobile"}, 1)
    assert box.look(CAP + 1) == []
    assert box.pokes == 1
    assert box.look(0) == ["well"]
    assert (box.spent_lines, box.pokes) == (frozenset(), 2)


def test_after_a_restart_an_open_alarm_stays_open() -> None:
    box = Box()
    assert box.look(CAP) == [SPENT]
    assert box.spent_lines == {"mobile"}


def test_a_raised_cap_ends_it_and_a_line_that_is_gone_leaves_nothing() -> None:
    box = Box()
    box.look(CAP)
    assert box.look(CAP, CAP * 2) == ["well"]
    box.look(CAP)
    assert box.look(CAP, has_line=False) == ["well"]


def test_what_cannot_be_read_changes_nothing() -> None:
    box = Box()
    box.look(CAP)
    box.is_broken = True
    assert box.look(0) == []
    assert (box.spent_lines, box.pokes) == ({"mobile"}, 1)
