"""Which line a flow takes: slots that stay when a line fails, backups and drained lines, and groups bound to lines."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.features import verify
from firmware.features.line_policies import render as render_policies
from firmware.features.routing import render as render_routing
from firmware.features.shares import apportioned, has_moved, percents
from firmware.features.topology import lines, usable
from firmware.model import codec
from firmware.model.config import Balance, Config, Group, LinePolicy, Wan
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


def facts(*down: str, count: int = 3, spent: tuple[str, ...] = ()) -> Facts:
    states = {f"wan{n}": LineState(up=f"wan{n}" not in down) for n in range(1, count + 1)}
    return Facts(ports={port: PortFact() for port in PORTS}, lines=states, spent_lines=frozenset(spent))


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
    assert slots(config, facts()) == [3, 2, 1, 3, 2, 3], "well mixed"
    assert slots(config, facts("wan3")) == [2, 1, 2]
    assert slots(config, facts("wan1", "wan2")) == [3]


@pytest.mark.parametrize("sticky", ["host", "server", "site"])
def test_who_sticks_is_moved_only_when_his_own_line_fails(sticky: str) -> None:
    config = codec.set_path(site(count=7, wan2={"weight": 5}), "balance.sticky", sticky)
    before = slots(config, facts(count=7))
    for number in range(1, 8):
        after = slots(config, facts(f"wan{number}", count=7))
        assert len(after) == len(before)
        assert all(new == old for old, new in zip(before, after, strict=True) if old != number)
        assert number not in after


def by(kind: str, sticky: str = "no", **rates: int) -> Config:
    config = site(len(rates), **{name: {"down_bps": rate * 1_000_000} for name, rate in rates.items()})
    return msgspec.structs.replace(config, balance=msgspec.convert({"by": kind, "sticky": sticky}, Balance))


@pytest.mark.parametrize(
    ("rates", "shares"),
    [
        ((100, 300), {1: 1, 2: 3}),
        ((1000, 300, 100), {1: 10, 2: 3, 3: 1}),
        ((200, 200, 200), {1: 1, 2: 1, 3: 1}),
        ((933, 487), {1: 21, 2: 11}),
        ((1000, 1), {1: 63, 2: 1}),
    ],
)
def test_shares_are_the_rates(rates: tuple[int, ...], shares: dict[int, int]) -> None:
    config = by("rate", **{f"wan{n}": rate for n, rate in enumerate(rates, 1)})
    assert Counter(slots(config, facts(count=len(rates)))) == shares


@pytest.mark.parametrize("kind", ["rate", "free"])
@pytest.mark.parametrize("sticky", ["host", "server"])
def test_who_sticks_stays_by_rate_whatever_is_free(kind: str, sticky: str) -> None:
    config = by(kind, sticky, wan1=933, wan2=487, wan3=50)
    before = slots(config, facts())
    assert len(before) <= 64
    for now in (facts("wan1"), facts(spent=("wan1",)), msgspec.structs.replace(facts("wan1"), free_bps={"wan2": 1})):
        after = slots(config, now)
        assert len(after) == len(before)
        assert all(new == old for old, new in zip(before, after, strict=True) if old != 1)


def test_shares_are_what_is_free_now() -> None:
    config = by("free", wan1=100, wan2=100)
    idle = facts(count=2)
    assert Counter(slots(config, idle)) == {1: 1, 2: 1}
    full = msgspec.structs.replace(idle, free_bps={"wan1": 5_000_000, "wan2": 100_000_000})
    assert Counter(slots(config, full)) == {1: 1, 2: 15}
    assert slots(config, facts("wan2", count=2)) == [1]


@pytest.mark.parametrize(
    ("changes", "now", "parts"),
    [
        ({}, facts(), [33, 33, 33]),
        ({"wan1": {"weight": 100}}, facts(), [98, 1, 1]),
        ({"wan3": {"weight": 2}}, facts("wan1"), [0, 33, 67]),
        ({"wan2": {"role": "backup"}, "wan3": {"draining": True}}, facts(), [100, 0, 0]),
        ({"wan2": {"role": "backup"}, "wan3": {"draining": True}}, facts("wan1"), [0, 100, 0]),
        ({"wan2": {"enabled": False}}, facts(spent=("wan1",)), [0, 0, 100]),
        ({}, facts("wan1", "wan2", "wan3"), [0, 0, 0]),
    ],
)
def test_what_each_line_takes_is_told(changes: dict[str, Any], now: Facts, parts: list[int]) -> None:
    assert list(percents(site(**changes), now).values()) == parts


def test_what_each_line_takes_follows_rates_and_what_is_free() -> None:
    assert percents(by("rate", "host", wan1=100, wan2=300), facts(count=2)) == {"wan1": 25, "wan2": 75}
    config = by("free", wan1=100, wan2=100)
    full = msgspec.structs.replace(facts(count=2), free_bps={"wan1": 5_000_000, "wan2": 100_000_000})
    assert percents(config, full) == {"wan1": 6, "wan2": 94}
    assert percents(config, facts("wan1", "wan2", count=2)) == {"wan1": 0, "wan2": 0}, "nothing to deal out to"


@given(st.dictionaries(st.text(min_size=1), st.integers(1, 10**12), min_size=1, max_size=7), st.sampled_from([16, 64]))
def test_slots_are_as_many_as_asked_for_and_near_their_share(values: dict[str, int], total: int) -> None:
    slots_ = apportioned(values, total)
    assert sum(slots_.values()) == total
    assert min(slots_.values()) >= 1
    whole = sum(values.values())
    assert all(slots_[name] <= value * total / whole + 1 for name, value in values.items())


def test_a_share_moves_by_more_than_an_eighth_or_not_at_all() -> None:
    before = {"a": 100, "b": 100}
    assert not has_moved(before, before)
    assert not has_moved(before, {"a": 100, "b": 60})  # 0.625: precisely an eighth
    assert has_moved(before, {"a": 100, "b": 59})
    assert not has_moved(before, {"a": 10, "b": 10}), "both full is as both idle"


def test_lines_without_a_rate_cannot_be_shared_by_it() -> None:
    config = site(wan1={"down_bps": 1_000_000}, wan3={"enabled": False})
    for kind in ("rate", "free"):
        wanted = codec.set_path(config, "balance.by", kind)
        (found,) = [one for one in verify(wanted, facts()) if one.path == "balance.by"]
        assert (found.severity, found.params["lines"]) == ("error", "wan2")
        assert found.remedy
    both = codec.set_path(by("free", "host", wan1=1, wan2=1), "balance.by", "free")
    assert [one.severity for one in verify(both, facts(count=2)) if one.path == "balance.by"] == ["warning"]


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


def test_a_spent_line_waits_behind_the_backups() -> None:
    config = site(wan2={"role": "backup"}, wan3={"draining": True})
    for down, numbers in (((), [2]), (("wan2",), [1]), (("wan1", "wan2"), [3])):
        assert [line.number for line in usable(lines(config, facts(*down, spent=("wan1",))))] == numbers
    assert [line.number for line in usable(lines(config, facts(spent=("wan1", "wan2"))))] == [1, 2]
    metrics = {line: _metric(config, facts(spent=("wan1",)), line) for line in ("eth1", "eth2")}
    assert metrics["eth1"] > _metric(config, facts(), "eth1")


@pytest.mark.parametrize(("spent", "draining"), [(("wan1",), False), ((), True)])
def test_the_router_itself_takes_the_backup_before_what_is_spent_or_drained(
    spent: tuple[str, ...], draining: bool
) -> None:
    config = site(2, wan1={"draining": draining}, wan2={"role": "backup"})
    now = facts(count=2, spent=spent)
    assert [line.name for line in usable(lines(config, now))] == ["wan2"]
    assert _metric(config, now, "eth2") < _metric(config, now, "eth1")


def _metric(config: Config, now: Facts, device: str) -> int:
    (found,) = [route for route in render_routing(config, now).routes if (route.table, route.device) == (254, device)]
    return found.metric


@pytest.mark.parametrize("sticky", ["host", "server"])
def test_who_sticks_elsewhere_is_not_moved_when_a_line_is_spent(sticky: str) -> None:
    config = codec.set_path(site(count=7, wan2={"weight": 5}), "balance.sticky", sticky)
    before, after = slots(config, facts(count=7)), slots(config, facts(count=7, spent=("wan2",)))
    assert len(after) == len(before)
    assert 2 not in after
    assert all(new == old for old, new in zip(before, after, strict=True) if old != 2)


@pytest.mark.parametrize(("strict", "way"), [(False, []), (True, ["ipv4 : goto line_2", "ipv6 : drop"])])
def test_a_policy_passes_a_spent_line_over_unless_it_allows_no_other(strict: bool, way: list[str]) -> None:
    only = LinePolicy(position=10, groups=("sales",), lines=("wan2",), strict=strict)
    both = LinePolicy(position=20, groups=("sales",), lines=("wan2", "wan3"))
    config, now = bound(only, both, groups=GROUPS), facts(spent=("wan2",))
    ways = {item.name: list(item.elements) for item in render_policies(config, now).sets if item.name[:4] == "way_"}
    assert ways["way_p0"] == way
    assert ways["way_p1"][0] == "ipv4 : goto line_3"


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


@given(st.lists(st.integers(1, 100), min_size=2, max_size=7), st.sampled_from(["no", "host", "server", "site"]))
def test_every_mix_of_weights_is_dealt_out_exactly(weights: list[int], sticky: str) -> None:
    """Also when one line is down: what was its is dealt out among the others, as evenly as whole slots go."""
    shares = {f"wan{number}": {"weight": weight} for number, weight in enumerate(weights, 1)}
    config = codec.set_path(site(count=len(weights), **shares), "balance.sticky", sticky)
    found = Counter(slots(config, facts(count=len(weights))))
    assert all(found[number] * sum(weights) == weight * found.total() for number, weight in enumerate(weights, 1))
    left = Counter(slots(config, facts("wan1", count=len(weights))))
    assert 1 not in left
    if sticky != "no" and len(weights) > 2:
        assert left.total() == found.total()
        assert all(left[number] >= found[number] for number in range(2, len(weights) + 1))
