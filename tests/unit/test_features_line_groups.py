"""Groups of lines: what a rule gives to one is dealt out among its lines; mistakes are named."""

from __future__ import annotations

from typing import Any

import msgspec

from firmware.features import verify
from firmware.features.line_groups import GROUPS_MAX
from firmware.features.line_groups import render as render_groups
from firmware.features.line_policies import render as render_policies
from firmware.model import codec
from firmware.model.config import Config, LineGroup, LinePolicy
from firmware.model.facts import Facts
from tests.unit.test_features_lines import facts, site

POLICY = LinePolicy(position=1, ports=("tcp/443",), lines=("bound", "wan1"))


def bound(*lines: str, policy: LinePolicy = POLICY, **changes: Any) -> Config:
    groups = {"bound": LineGroup(lines=lines), "unused": LineGroup(lines=("wan1",))}
    return msgspec.structs.replace(site(**changes), line_groups=groups, line_policies={"web": policy})


def way(config: Config, now: Facts) -> tuple[str, ...]:
    return next(item.elements for item in render_policies(config, now).sets if item.name == "way_web")


def test_a_group_deals_out_among_its_lines_and_only_those_in_use_are_rendered() -> None:
    config = bound("wan2", "wan3", wan3={"weight": 3})
    (chain, rules), *others = render_groups(config, facts()).rules.items()
    assert (chain, others) == ("among_bound", [])
    assert rules == (
        "meta nfproto ipv4 ct mark set numgen inc mod 4 map { 0 : 0x00003000, 1 : 0x00002000, 2-3 : 0x00003000 }",
        "meta mark set ct mark and 0xf000 accept",
    )
    assert way(config, facts()) == ("ipv4 : goto among_bound",)


def test_the_next_line_of_the_rule_is_taken_when_none_of_the_group_works() -> None:
    config = bound("wan2", "wan3")
    assert way(config, facts("wan2")) == ("ipv4 : goto among_bound",)
    assert "0x00003000" in render_groups(config, facts("wan2")).rules["among_bound"][0]
    assert way(config, facts("wan2", "wan3")) == ("ipv4 : goto line_1",)
    assert way(config, facts("wan1", "wan2", "wan3")) == ()


def test_draining_a_line_of_the_group_moves_only_who_was_on_it() -> None:
    config = codec.set_path(bound("wan1", "wan2", "wan3"), "balance.sticky", "host")
    before = render_groups(config, facts()).rules["among_bound"][0]
    drained = codec.set_path(config, "wans.wan2.draining", True)
    after = render_groups(drained, facts()).rules["among_bound"][0]
    assert "mod 3 " in before
    assert "mod 3 " in after
    assert after == render_groups(config, facts("wan2")).rules["among_bound"][0]


def test_drained_and_spent_lines_are_no_choice() -> None:
    drained = bound("wan2", "wan3", wan2={"draining": True}, wan3={"draining": True})
    assert way(drained, facts()) == ("ipv4 : goto line_1",)
    spent = msgspec.structs.replace(facts(), spent_lines=frozenset({"wan2", "wan3"}))
    assert way(bound("wan2", "wan3"), spent) == ("ipv4 : goto line_1",)
    strict = msgspec.structs.replace(POLICY, lines=("bound",), strict=True)
    assert way(bound("wan2", "wan3", policy=strict), spent)[0] == "ipv4 : goto among_bound"


def test_mistakes_are_named_with_their_place() -> None:
    groups = {"wan1": LineGroup(lines=("wan2",)), "none": LineGroup(lines=()), "other": LineGroup(lines=("wan9",))}
    config = msgspec.structs.replace(site(), line_groups=groups)
    found = [problem.path for problem in verify(config, facts())]
    assert found == ["line_groups.none.lines", "line_groups.other.lines.0", "line_groups.wan1"]
    many = {f"g{n}": LineGroup(lines=("wan1",)) for n in range(GROUPS_MAX + 1)}
    config = msgspec.structs.replace(site(), line_groups=many)
    assert [problem.path for problem in verify(config, facts())] == ["line_groups"]
    policy = msgspec.structs.replace(POLICY, lines=("bond",))
    assert [p.path for p in verify(bound("wan2", policy=policy), facts())] == ["line_policies.web.lines.0"]
