"""Restoring by part and onto other ports: what comes along, and which port becomes which."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.model import port_map, sections
from firmware.model.config import (
    Application,
    Config,
    Group,
    Interface,
    Lan,
    Limit,
    LineGroup,
    LinePolicy,
    Policy,
    Qos,
    Schedule,
    User,
    Wan,
    Window,
    Zone,
)
from firmware.model.problem import ConfigError

SAVED = Config(
    interfaces={"eth0": Interface(mtu=1400), "eth1": Interface(description="desk")},
    wans={"fibre": Wan(interface="eth0", number=1)},
    line_groups={"both": LineGroup(lines=("fibre",))},
    line_policies={"bank": LinePolicy(position=1, lines=("both",), groups=("office",))},
    lans={"main": Lan(ports=("eth1", "eth2"), address="192.168.8.1/24")},
    zones={"lan": Zone(forward_to=("wan",)), "wan": Zone(masquerade=True)},
    groups={"sales": Group(members=("192.168.8.20",)), "office": Group(), "unused": Group()},
    schedules={"work": Schedule(windows=(Window(),))},
    applications={"own": Application(name_zh="x", name_en="x", category="other")},
    policies={
        "games": Policy(position=1, action="block", groups=("sales",), schedule="work", applications=("own", "tls"))
    },
    qos=Qos(limits={"slow": Limit(position=1, groups=("sales",), schedule="work")}),
    users={"boss": User(role="owner")},
)
HERE = Config(groups={"mine": Group()}, users={"me": User(role="owner")}, zones={"wan": Zone(masquerade=True)})


def test_every_field_is_in_one_section() -> None:
    names = [name for fields in sections.FIELDS.values() for name in fields]
    assert sorted([*names, "format", "interfaces"]) == sorted(Config.__struct_fields__)
    assert tuple(sections.FIELDS) == sections.SECTIONS


def test_the_whole_is_the_other_configuration() -> None:
    assert sections.combine(HERE, SAVED, sections.SECTIONS) == (SAVED, [])
    assert sections.combine(HERE, SAVED, ()) == (HERE, [])


def test_policies_bring_their_groups_and_nothing_else() -> None:
    config, along = sections.combine(HERE, SAVED, ("policies",))
    assert config.policies == SAVED.policies
    assert config.schedules == SAVED.schedules
    assert config.groups == {**HERE.groups, "sales": SAVED.groups["sales"]}
    assert config.users == HERE.users
    assert [(item.path, item.because) for item in along] == [("groups.sales", "policies.games.groups.0")]


def test_what_comes_along_brings_what_it_needs_and_what_is_here_does_not_come() -> None:
    config, along = sections.combine(HERE, SAVED, ("lans",))
    assert [item.path for item in along] == ["interfaces.eth1", "zones.lan"]  # zones.wan is here, the same
    assert config.zones.keys() == {"lan", "wan"}
    config, along = sections.combine(HERE, SAVED, ("lines",))
    assert [item.path for item in along] == ["groups.office", "interfaces.eth0"]
    limits, along = sections.combine(HERE, SAVED, ("qos",))
    assert {item.path for item in along} == {"groups.sales", "schedules.work"}
    assert limits.schedules == SAVED.schedules


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ([("eth0", "A"), ("eth1", "B")], [("eth0", "b"), ("eth1", "a")], {"eth0": "eth1", "eth1": "eth0"}),
        ([("eth0", "A"), ("eth1", "B")], [("enp1s0", "c"), ("eth1", "d")], {"eth1": "eth1", "eth0": "enp1s0"}),
        ([("eth0", ""), ("eth1", "")], [("x", "")], {"eth0": "x"}),
        ([("eth0", "A")], [("eth0", "B"), ("x", "A")], {"eth0": "x"}),
        ([], [("x", "")], {}),
    ],
)
def test_ports_go_by_mac_then_name_then_order(
    old: list[tuple[str, str]], new: list[tuple[str, str]], found: dict[str, str]
) -> None:
    assert port_map.propose(old, new) == found


PORTS = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from(["", "1", "2", "3"])), max_size=6, unique_by=lambda p: p[0]
)


@settings(deadline=None)
@given(PORTS, PORTS)
def test_a_proposal_gives_no_port_twice_and_leaves_none_free_that_is_wanted(
    old: list[tuple[str, str]], new: list[tuple[str, str]]
) -> None:
    found = port_map.propose(old, new)
    assert len(set(found.values())) == len(found) == min(len(old), len(new))
    assert port_map.check(found, [name for name, _ in old], [name for name, _ in new]) == []


def test_a_configuration_moves_to_other_ports() -> None:
    moved = port_map.remap(SAVED, {"eth0": "wan", "eth1": "lan1"})
    assert moved.wans["fibre"].interface == "wan"
    assert moved.lans["main"].ports == ("lan1",)
    assert moved.interfaces == {"wan": SAVED.interfaces["eth0"], "lan1": SAVED.interfaces["eth1"]}
    assert msgspec.structs.replace(moved, interfaces={}, wans={}, lans={}) == msgspec.structs.replace(
        SAVED, interfaces={}, wans={}, lans={}
    )


def test_a_line_or_a_lan_without_a_port_is_refused_with_its_name() -> None:
    with pytest.raises(ConfigError) as refused:
        port_map.remap(SAVED, {})
    assert [problem.path for problem in refused.value.problems] == ["map.eth0", "map.eth1"]


def test_a_mapping_is_checked() -> None:
    problems = port_map.check({"eth0": "a", "eth1": "a", "eth9": "a", "eth2": "z"}, port_map.used_ports(SAVED), ["a"])
    assert [(problem.path, problem.params["port"]) for problem in problems] == [
        ("map.eth1", "a"), ("map.eth9", "eth9"), ("map.eth2", "z")
    ]  # fmt: skip
