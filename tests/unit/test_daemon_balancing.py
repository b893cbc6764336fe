"""Following what is free: told when a share moves, not when it wavers, and not while something sticks."""

from __future__ import annotations

from typing import Any, cast

import pytest

from firmware.daemon.balancing import Balancing, free
from firmware.model.config import Balance, Config, Wan
from firmware.model.facts import LineState

RATE = 100_000_000


class Box:
    """Stands in for monitor, facts and keeper."""

    def __init__(self, by: str = "free", sticky: str = "no", count: int = 2) -> None:
        self.used: dict[str, int] = {}
        self.up = dict.fromkeys((f"wan{n}" for n in range(1, count + 1)), True)
        self.free_bps: dict[str, int] = {}
        self.spent_lines: frozenset[str] = frozenset()
        self.pokes = 0
        wans = {name: Wan(interface=f"eth{n}", number=n, down_bps=RATE) for n, name in enumerate(self.up, 1)}
        self.config = Config(wans=wans, balance=Balance(by=cast(Any, by), sticky=cast(Any, sticky)))
        self.balancing = Balancing(cast(Any, self), cast(Any, self), self.poke)

    def lines(self, config: Config) -> dict[str, LineState]:
        return {name: LineState(up=up, address="192.0.2.2/24", gateway="192.0.2.1") for name, up in self.up.items()}

    def download_rates(self) -> dict[str, int]:
        return self.used

    def poke(self) -> None:
        self.pokes += 1

    def look(self, **used: int) -> int:
        """How often the rules were to be renewed, so much (Mbit/s) being used."""
        self.used = {name: rate * 1_000_000 for name, rate in used.items()}
        self.balancing.look(self.config)
        return self.pokes


def test_shares_follow_when_they_move_by_more_than_an_eighth() -> None:
    box = Box()
    assert box.look() == 0, "idle lines share by rate"
    assert box.look(wan1=40) == 0
    assert box.look(wan1=41) == 1
    assert box.free_bps == {"wan1": 59_000_000, "wan2": RATE}
    assert [box.look(wan1=used) for used in (30, 50, 60, 41, 20)] == [1] * 5, "it wavers"
    assert box.look(wan1=100) == 2
    assert box.free_bps["wan1"] == RATE // 20
    assert box.look(wan1=100, wan2=98) == 3, "both are full"
    assert box.look() == 3, "as when both are idle"


def test_only_lines_that_take_connections_count() -> None:
    box = Box(count=3)
    box.up["wan3"] = False
    assert box.look(wan1=90) == 1
    assert box.free_bps.keys() == {"wan1", "wan2"}
    box.up["wan2"] = False
    assert box.look(wan1=0) == 1, "of one line there is nothing to share"


@pytest.mark.parametrize(("by", "sticky"), [("free", "host"), ("free", "server"), ("rate", "no"), ("weight", "no")])
def test_nothing_is_followed_where_nothing_is_asked_for(by: str, sticky: str) -> None:
    box = Box(by, sticky)
    box.free_bps = {"wan1": 1}
    assert box.look(wan1=100) == 0
    assert box.free_bps == {}


def test_a_full_line_keeps_a_twentieth() -> None:
    assert free(RATE, RATE * 2) == RATE // 20
