"""Which line a flow takes: slots that stay when a line fails, backups and drained lines, and groups bound to lines."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from firmware.features import verify
from firmware.features.routing import render as render_routing
from firmware.features.topology import lines, usable
from firmware.model import codec
from firmware.model.config import Config, Group, LinePolicy, Wan
from firmware.model.defaults import factory
from firmware.model.facts import Facts, LineState, PortFact

PORTS = [f"eth{n}" for n in range(8)]


def site(count: int = 3, **changes: dict[str, Any]) -> Config:
    """Static lines wan1..; ``changes`` are settings of lines."""
    config = factory(PORTS)
    wans = {
        f"wan{n}": msgspec.convert(
            {
                "interface": f"eth{n}", "number": n, "protocol": "static", "address": f"100.64.{n}.2/24",
                "gateway": f"100.64.{n}.1", "dns": ["100.64.0.53"], "ipv6": "off", **changes.get(f"wan{n}", {}),
            },
            Wan,
        )
        for n in range(1, count + 1)
    }  # fmt: skip
    lans = {"office": msgspec.convert({"ports": ["eth7"], "address": "192.168.8.1/24"}, type(config.lans["office"]))}

    return msgspec.structs.replace(config, wans=wans, lans=lans)


def facts(*down: str, count: int = 3) -> Facts:
    states = {f"wan{n}": LineState(up=f"wan{n}" not in down) for n in range(1, count + 1)}
    return Facts(ports={port: PortFact() for port in PORTS}, lines=states)


def choice(config: Config, now: Facts) -> str:
    return render_routing(config, now).rules["line_choice"][-1]


def slots(config: Config, now: Facts) -> list[int]:
    """The line's number in each slot of the map that deals connections out."""
    text = choice(config, now)
    if "map" not in text:
        return [int(text.rpartition(" ")[2], 16) >> 12]
    found: dict[int, int] = {}
    for element in text.partition("{ ")[2].removesuffix(" }").split(", "):
        place, _, mark = element.partition(" : ")
        first, _, last = place.partition("-")
        found |= {n: int(mark, 16) >> 12 for n in range(int(first), int(last or first) + 1)}
    assert sorted(found) == list(range(len(found)))
    return [found[n] for n in range(len(found))]


def test_shares_are_the_weights() -> None:
    config = site(wan2={"weight": 2}, wan3={"weight": 3})
    assert slots(config, facts()) == [1, 2, 2, 3, 3, 3]
    assert slots(config, facts("wan3")) == [1, 2, 2]
    assert slots(config, facts("wan1", "wan2")) == [3]


@pytest.mark.parametrize("sticky", ["host", "server"])
def test_who_sticks_is_moved_only_when_his_own_line_fails(sticky: str) -> None:
    config = codec.set_path(site(count=7, wan2={"weight": 5}), "balance.sticky", sticky)
    before = slots(config, facts(count=7))
    for number in range(1, 8):
        after = slots(config, facts(f"wan{number}", count=7))
        assert len(after) == len(before)
        assert all(new == old for old, new in zip(before, after, strict=True) if old != number)
        assert number not in after


def test_draining_moves_only_who_was_on_the_drained_line() -> None:
    config = codec.set_path(site(), "balance.sticky", "host")
    before = slots(config, facts())
    drained = slots(codec.set_path(config, "wans.wan3.draining", True), facts())
    assert (before, drained) == ([1, 2, 3], [1, 2, 1])


def test_backups_and_drained_lines_take_connections_in_their_turn() -> None:
    config = site(wan2={"role": "backup"}, wan3={"draining": True})
    for down, numbers in (((), [1]), (("wan1",), [2]), (("wan1", "wan2"), [3]), (("wan1", "wan2", "wan3"), [])):
        assert [line.number for line in usable(lines(config, facts(*down)))] == numbers
    metrics = {route.device: route.metric for route in render_routing(config, facts()).routes if route.table == 254}
    assert metrics["eth1"] < metrics["eth2"]
    assert metrics["eth1"] < metrics["eth3"]


def bound(*policies: LinePolicy, groups: dict[str, Group], **changes: Any) -> Config:

    named = {f"p{n}": policy for n, policy in enumerate(policies)}
    return msgspec.structs.replace(site(**changes), groups=groups, line_policies=named)


GROUPS = {
    "sales": Group(members=("192.168.8.10-192.168.8.20", "02:00:00:00:00:01")),
    "boss": Group(members=("192.168.8.15", "192.168.8.30")),
}
SALES = LinePolicy(position=20, groups=("sales",), lines=("wan2", "wan3"))
BOSS = LinePolicy(position=10, groups=("boss",), lines=("wan1",), strict=True)


def test_mistakes_are_named() -> None:
    wrong = LinePolicy(position=10, groups=("strangers",), lines=("wan9",))
    empty = LinePolicy(position=30, groups=(), lines=())
    problems = verify(bound(BOSS, wrong, empty, groups=GROUPS), facts())
    assert sorted(problem.path for problem in problems if problem.severity == "error") == [
        "line_policies.p1.groups.0",
        "line_policies.p1.lines.0",
        "line_policies.p1.position",
        "line_policies.p2",
        "line_policies.p2.lines",
    ]
