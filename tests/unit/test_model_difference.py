from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from firmware.model import codec
from firmware.model.config import Config
from firmware.model.defaults import factory
from firmware.model.difference import NOUNS, SETTINGS
from tests.catalogue import compiled

OLD = factory(["eth0", "eth1"])


@pytest.fixture(scope="module", autouse=True)
def _chinese(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with compiled(tmp_path_factory.mktemp("catalogue")):
        yield


def changed(*steps: tuple[str, object]) -> Config:
    config = OLD
    for path, value in steps:
        config = codec.set_path(config, path, value)
    return config


def test_nothing_changed() -> None:
    assert codec.diff(OLD, factory(["eth0", "eth1"])) == []


def test_leaves_and_whole_objects() -> None:
    new = changed(
        ("system.hostname", "shop"),
        ("lans.office.dhcp.enabled", "off"),
        ("policies.p", {"position": 1, "action": "block"}),
        ("dns.records[www.lan]", "192.0.2.1"),
    )
    new = codec.delete_path(new, "zones.guest")
    found = [(change.path, change.kind, change.before, change.after) for change in codec.diff(OLD, new)]
    assert found == [
        ("dns.records[www.lan]", "add", None, "192.0.2.1"),
        ("lans.office.dhcp.enabled", "change", True, False),
        ("policies.p", "add", None, {"position": 1, "action": "block"}),
        ("system.hostname", "change", "rs-router", "shop"),
        ("zones.guest", "remove", msgspec.to_builtins(OLD.zones["guest"]), None),
    ]


def test_words_in_both_languages() -> None:
    new = changed(
        ("system.hostname", "shop"),
        ("lans.office.dhcp.enabled", "off"),
        ("policies.p", {"position": 1, "action": "block"}),
        ("dns.records[www.lan]", "192.0.2.1"),
        ("groups.many", {"members": [f"10.0.0.{n}" for n in range(20)]}),
        ("lans.office.dhcp.start", "192.168.8.50"),
    )
    changes = codec.diff(OLD, new)
    assert codec.describe(changes, "en") == [
        "Names: record www.lan 192.0.2.1 is added",
        "Group many is added",
        "LAN office: DHCP is switched off",
        "LAN office: DHCP start changes from nothing to 192.168.8.50",
        "Policy p is added",
        "System: host name changes from rs-router to shop",
    ]
    assert codec.describe(changes, "zh") == [
        "域名解析：新增解析记录 www.lan 192.0.2.1",
        "新增组“many”",
        "停用局域网“office”的DHCP",
        "局域网“office”：DHCP 开始由“无”改为“192.168.8.50”",
        "新增策略“p”",
        "系统：主机名由“rs-router”改为“shop”",
    ]


def test_long_lists_are_cut() -> None:
    one = changed(("groups.g", {"members": [f"10.0.0.{n}" for n in range(20)]}))
    two = codec.set_path(one, "groups.g.members", "10.0.0.1")
    (text,) = codec.describe(codec.diff(one, two), "en")
    assert text.endswith("10.0.0.7 and more (20 in all) to 10.0.0.1")


def test_every_setting_has_a_word() -> None:
    def names(kind: type) -> Iterator[str]:
        for field in msgspec.structs.fields(kind):
            yield field.name
            for part in getattr(field.type, "__args__", (field.type,)):
                if isinstance(part, type) and issubclass(part, msgspec.Struct):
                    yield from names(part)

    collections = {field.name for field in msgspec.structs.fields(Config)} - {"format"}
    assert collections == NOUNS.keys()
    assert set(names(Config)) - collections <= SETTINGS.keys()


def test_rates_and_amounts_are_in_the_units_that_people_write() -> None:
    new = changed(
        ("wans.line1.down_bps", 1_000_000_000),
        ("wans.line1.up_bps", 500_000),
        ("wans.line1.monthly_bytes", 200_000_000_000),
    )
    assert codec.describe(codec.diff(OLD, new), "en") == [
        "Line line1: rate down changes from nothing to 1000 Mbit/s",
        "Line line1: bytes a month changes from nothing to 200 GB",
        "Line line1: rate up changes from nothing to 0.5 Mbit/s",
    ]
