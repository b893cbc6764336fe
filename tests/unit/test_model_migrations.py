from __future__ import annotations

import json

import pytest

from firmware.model import codec
from firmware.model.config import FORMAT, Config
from firmware.model.migrations import STEPS, migrate

FORMAT_0 = {
    "format": 0,
    "system": {"hostname": "shop"},
    "lan": {"ports": ["eth1"], "address": "192.168.8.1/24"},
    "wan": {"interface": "eth0"},
}


def test_one_step_for_every_older_format() -> None:
    assert len(STEPS) == FORMAT


def test_format_0_is_read() -> None:
    config = codec.decode(json.dumps(FORMAT_0))
    assert config.format == FORMAT
    assert config.lans["office"].address == "192.168.8.1/24"
    assert (config.wans["line1"].interface, config.wans["line1"].number) == ("eth0", 1)
    assert config.system.hostname == "shop"


def test_migration_leaves_its_input_alone() -> None:
    before = json.dumps(FORMAT_0)
    migrate(FORMAT_0)
    assert json.dumps(FORMAT_0) == before


def test_mistakes_of_an_old_file_are_told_at_their_new_place() -> None:
    with pytest.raises(codec.ConfigError) as caught:
        codec.decode('{"format": 0, "lan": {"ports": []}, "wan": 5}')
    assert [problem.path for problem in caught.value.problems] == ["lans.office.address", "wans.line1"]


def test_present_format_is_not_touched() -> None:
    assert migrate({"format": FORMAT, "x": 1}) == {"format": FORMAT, "x": 1}
    assert codec.decode("{}") == Config()


def test_newer_format_says_upgrade() -> None:
    with pytest.raises(codec.ConfigError) as caught:
        codec.decode(json.dumps({"format": FORMAT + 1}))
    (problem,) = caught.value.problems
    assert (problem.path, problem.remedy) == ("format", "Upgrade the box first, then load the configuration.")


@pytest.mark.parametrize("number", ["1", -1, True, 1.0, None])
def test_other_numbers_are_refused(number: object) -> None:
    with pytest.raises(codec.ConfigError):
        codec.decode(json.dumps({"format": number}))
