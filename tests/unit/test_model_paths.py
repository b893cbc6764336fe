from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.model import codec, shape
from firmware.model.config import Config, Group, Interface, Policy
from firmware.model.defaults import factory

BOX = codec.set_path(factory(["eth0", "eth1"]), "policies.no-games", {"position": 10, "action": "block"})


def refused(function: Any, *args: Any) -> list[codec.ConfigError]:
    with pytest.raises(codec.ConfigError) as caught:
        function(*args)
    return caught.value.problems


@given(st.lists(st.from_regex(r"[A-Za-z0-9_.-]{1,10}", fullmatch=True), min_size=1, max_size=5))
def test_paths_come_back(parts: list[str]) -> None:
    assert shape.split(shape.join(*parts)) == parts


def test_get_reads_defaults_too() -> None:
    assert codec.get_path(BOX, "policies.no-games.action") == "block"
    assert codec.get_path(BOX, "system.hostname") == "rs-router"
    assert codec.get_path(BOX, "lans.office.ports.0") == "eth1"
    assert codec.get_path(BOX, "") is BOX


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("policies.no-games.position", "20", 20),
        ("policies.no-games.enabled", "off", False),
        ("policies.no-games.enabled", "Yes", True),
        ("policies.no-games.groups", "staff, guests", ("staff", "guests")),
        ("policies.no-games.groups", "", ()),
        ("policies.no-games.groups", '["staff"]', ("staff",)),
        ("policies.no-games.schedule", "none", None),
        ("policies.no-games.description", "10", "10"),
        ("dns.records.www.example.com", "192.0.2.1", "192.0.2.1"),
        ("lans.office.dhcp.lease_s", "600", 600),
    ],
)
def test_set_reads_text_by_the_type(path: str, text: str, value: object) -> None:
    assert codec.get_path(codec.set_path(BOX, path, text), path) == value


def test_set_takes_plain_data_and_model_objects() -> None:
    policy = {"position": 20, "action": "allow", "groups": ["staff"]}
    assert codec.set_path(BOX, "policies.more", policy).policies["more"].groups == ("staff",)
    text = '{"position": 20, "action": "allow"}'
    assert codec.set_path(BOX, "policies.more", text).policies["more"] == Policy(position=20, action="allow")
    assert codec.set_path(BOX, "groups.staff", Group(members=("192.0.2.1",))).groups["staff"].members == ("192.0.2.1",)


def test_set_makes_objects_that_need_nothing() -> None:
    assert codec.set_path(BOX, "groups.staff.members", "192.0.2.1").groups["staff"].members == ("192.0.2.1",)


def test_set_does_not_make_half_an_object() -> None:
    (problem,) = refused(codec.set_path, BOX, "policies.more.action", "block")
    assert (problem.path, problem.message) == ("policies.more.position", "%(key)s is missing.")


def test_set_changes_one_element_and_appends() -> None:
    windows = [{"start": "08:00", "end": "12:00"}]
    config = codec.set_path(BOX, "schedules.work", {"windows": windows})
    config = codec.set_path(config, "schedules.work.windows.0.end", "13:00")
    config = codec.set_path(config, "schedules.work.windows.1", {"start": "14:00"})
    assert [(w.start, w.end) for w in config.schedules["work"].windows] == [("08:00", "13:00"), ("14:00", "24:00")]
    assert refused(codec.set_path, config, "schedules.work.windows.5", {})


def test_names_with_dots_need_brackets_only_when_new() -> None:
    config = codec.set_path(BOX, "interfaces[eth0.5].mtu", "1400")
    config = codec.set_path(config, "interfaces.eth0.5.mtu", "1300")
    assert config.interfaces == {"eth0.5": Interface(mtu=1300)}


def test_unknown_path_names_the_nearest() -> None:
    (problem,) = refused(codec.set_path, BOX, "polices.x.action", "block")
    assert (problem.path, problem.params["nearest"].split(", ")[0]) == ("polices", "policies")
    (problem,) = refused(codec.get_path, BOX, "policies.no-game.action")
    assert (problem.path, problem.params["nearest"]) == ("policies.no-game", "no-games")
    (problem,) = refused(codec.get_path, BOX, "system.hostname.x")
    assert problem.path == "system.hostname.x"


@pytest.mark.parametrize("value", ["often", 0, None, {"x": 1}, "1,2"])
def test_wrong_value_is_told_at_its_path(value: object) -> None:
    (problem,) = refused(codec.set_path, BOX, "policies.no-games.position", value)
    assert problem.path == "policies.no-games.position"


def test_whole_configuration_is_no_place_to_set() -> None:
    assert refused(codec.set_path, BOX, "", {})
    assert refused(codec.delete_path, BOX, "")


def test_delete_removes_objects_and_resets_settings() -> None:
    assert codec.delete_path(BOX, "policies.no-games").policies == {}
    changed = codec.set_path(BOX, "system.hostname", "shop")
    assert codec.delete_path(changed, "system.hostname") == BOX
    assert refused(codec.delete_path, BOX, "policies.none")
    (problem,) = refused(codec.delete_path, BOX, "policies.no-games.action")
    assert problem.path == "policies.no-games.action"


def test_completions_go_one_step_at_a_time() -> None:
    assert codec.completions(BOX, "pol") == ["policies"]
    assert codec.completions(BOX, "policies.") == ["policies.no-games"]
    assert codec.completions(BOX, "policies.no-games.a") == [
        "policies.no-games.action",
        "policies.no-games.applications",
    ]
    config = codec.set_path(BOX, "interfaces[eth0.5].mtu", "1400")
    assert codec.completions(config, "interfaces[") == ["interfaces[eth0.5]"]
    assert codec.completions(BOX, "nothing.") == []
    assert set(codec.completions(BOX, "")) == set(Config.__struct_fields__)


def test_set_does_not_touch_the_old() -> None:
    before = codec.encode(BOX)
    codec.set_path(BOX, "policies.no-games.groups", "staff")
    assert codec.encode(BOX) == before
