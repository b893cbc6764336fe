"""The self-check on invented looks: what is told, and what is not."""

from __future__ import annotations

from ipaddress import IPv4Interface
from typing import Any

from firmware.daemon.selfcheck import WINDOW_S, Seen, Sharing, selfcheck
from firmware.features.topology import Line
from firmware.model.config import Config, Limit, Qos, Wan

SHAPED = {"shaped": True}
RUNS = {"running": True, "lines": [{"name": "a", "up": SHAPED, "down": SHAPED}]}


def line(name: str, number: int, weight: int = 1) -> Line:
    return Line(
        name=name, number=number, device=f"eth{number}", zone="wan", weight=weight, is_backup=False, is_draining=False,
        up=True, address4=IPv4Interface("192.0.2.1/24"), gateway4="192.0.2.254", address6=None, gateway6=None,
        prefix6=None, dns=(),
    )  # fmt: skip


def keys(config: Config | None = None, **looks: Any) -> list[str]:
    seen = Seen(takers=(), connections={}, bandwidth=RUNS, read_queues=frozenset({0}), queues=1, flowtables=())
    return [finding.key for finding in selfcheck(config or Config(), seen._replace(**looks))]


def managed(**limits: Limit) -> Config:
    wan = Wan(interface="eth1", number=1, up_bps=1_000_000, down_bps=1_000_000)
    return Config(wans={"a": wan}, qos=Qos(enabled=True, limits=limits))


def test_all_is_well() -> None:
    assert keys() == []
    assert keys(managed()) == []


def test_a_balance_that_is_one_line_is_told() -> None:
    two = (line("a", 1), line("b", 2))
    assert keys(takers=two, connections={"a": 197, "b": 3}) == ["one-line"]
    assert keys(takers=two, connections={"a": 120, "b": 80}) == []
    assert keys(takers=two, connections={"a": 20}) == []  # too few to say anything
    assert keys(takers=two[:1], connections={"a": 500}) == []
    heavy = (line("a", 1, weight=20), line("b", 2))
    assert keys(takers=heavy, connections={"a": 197, "b": 3}) == []  # as its weight wants


def test_a_line_that_came_back_is_given_time_to_take_its_share() -> None:
    """What is counted are the connections of ten minutes: most of them are of before."""
    one, two = line("a", 1), line("b", 2)
    sharing = Sharing()
    assert sharing.settled((one, two), 1000) == ()
    assert sharing.settled((one, two), 1000 + WINDOW_S) == (one, two)
    assert sharing.settled((one,), 2000) == ()
    assert sharing.settled((one, two), 2060) == ()
    assert sharing.settled((one, two), 2060 + WINDOW_S - 1) == ()
    assert sharing.settled((one._replace(weight=5), two), 2060 + WINDOW_S) == (), "its share is another"


def test_a_shaper_that_does_not_run_or_misses_a_line_is_told() -> None:
    assert keys(managed(), bandwidth={"running": False, "lines": []}) == ["shaper"]
    assert keys(bandwidth={"running": False, "lines": []}) == []
    half = {"running": True, "lines": [{"name": "a", "up": {"shaped": False}, "down": SHAPED}]}
    assert keys(managed(), bandwidth=half) == ["shaper.a"]


def test_a_flowtable_beside_limits_is_told() -> None:
    limited = managed(all=Limit(position=1, down_max_bps=100_000))
    assert keys(limited, flowtables=["f"]) == ["offload"]
    assert keys(managed(), flowtables=["f"]) == []


def test_a_queue_without_a_reader_is_told() -> None:
    assert keys(read_queues=frozenset({1}), queues=2) == ["queue"]
    assert keys(read_queues=frozenset(), queues=0) == []  # the fastpath is away: that has an alarm of its own
