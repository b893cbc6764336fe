from __future__ import annotations

import pytest

from firmware.features.reachability import cuts_off
from firmware.model import codec
from firmware.model.config import Config
from firmware.model.defaults import factory

BOX = factory(["eth0", "eth1", "eth2"])
ADMIN = "192.168.8.77"


def path_of(new: Config, source: str = ADMIN) -> str | None:
    problem = cuts_off(BOX, new, source)
    assert problem is None or problem.severity == "warning"
    return problem.path if problem else None


@pytest.mark.parametrize(
    ("setting", "value", "path"),
    [
        ("lans.office.address", "10.0.0.1/24", "lans.office.address"),
        ("lans.office.address", "192.168.8.2/24", "lans.office.address"),
        ("lans.office.address", "192.168.8.1/26", "lans.office.address"),
        ("lans.office.zone", "guest", "lans.office.zone"),
        ("zones.lan.services", "dns,dhcp", "lans.office.zone"),
        ("lans.office.ports", "eth1", "lans.office.ports"),
        ("lans.office.address", "192.168.8.1/23", None),
        ("system.hostname", "shop", None),
        ("zones.wan.services", "", None),
    ],
)
def test_change_that_cuts_off(setting: str, value: str, path: str | None) -> None:
    assert path_of(codec.set_path(BOX, setting, value)) == path


def test_lan_that_goes_away() -> None:
    assert path_of(codec.delete_path(BOX, "lans.office")) == "lans.office.address"


def test_renamed_lan_keeps_its_people() -> None:
    lan = BOX.lans["office"]
    new = codec.set_path(codec.delete_path(BOX, "lans.office"), "lans.shop", lan)
    assert path_of(new) is None


@pytest.mark.parametrize("source", ["203.0.113.9", "2001:db8::1", "nonsense", ""])
def test_others_are_not_judged(source: str) -> None:
    assert path_of(codec.set_path(BOX, "lans.office.address", "10.0.0.1/24"), source) is None
