"""The box takes what rsflash told it once, and keeps of the password a hash."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from firmware.daemon.auth import Authority
from firmware.daemon.errors import UnauthenticatedError
from firmware.daemon.provision import Box, take
from firmware.model.defaults import factory

TOLD = {
    "format": 1, "serial": "RS-0041", "headquarters": "https://hq.example.cn", "first_password": "abcd-efgh-jkmn-pqrs",
}  # fmt: skip


def refuse(reason: str) -> None:
    raise AssertionError(reason)


def test_it_is_taken_once_and_outlives_a_reset(tmp_path: Path) -> None:
    note = tmp_path / "provision.json"
    note.write_text(json.dumps(TOLD) + "\n" * 100)
    box = take(tmp_path, refuse)
    assert (box.serial, box.headquarters) == ("RS-0041", "https://hq.example.cn")
    assert not note.exists()
    assert (tmp_path / "box.json").stat().st_mode & 0o777 == 0o600
    assert "abcd" not in (tmp_path / "box.json").read_text()
    assert take(tmp_path, refuse) == box
    config = factory(["eth0", "eth1"], box.headquarters)
    assert config.system.headquarters == "https://hq.example.cn"
    authority = Authority(tmp_path, tmp_path, lambda: config, first=box.first_password)
    authority.check_first_password(" abcd-efgh-jkmn-pqrs\n", "192.168.8.2")
    with pytest.raises(UnauthenticatedError):
        authority.check_first_password("abcd-efgh-jkmn-pqrt", "192.168.8.2")
    assert not (tmp_path / "first-password").exists()


def test_what_cannot_be_kept_is_taken_at_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note = tmp_path / "provision.json"
    note.write_text(json.dumps(TOLD))
    reasons: list[str] = []

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("firmware.daemon.provision.files.write", full)
        assert take(tmp_path, reasons.append).serial == "RS-0041"
    assert len(reasons) == 1
    assert note.exists()
    assert take(tmp_path, refuse).first_password
    assert not note.exists()


@pytest.mark.parametrize("text", ["", "{", '{"format": 2, "serial": "x"}', '{"format": 1}'])
def test_what_cannot_be_read_is_told_and_goes(tmp_path: Path, text: str) -> None:
    (tmp_path / "provision.json").write_text(text)
    reasons: list[str] = []
    assert take(tmp_path, reasons.append) == Box()
    assert len(reasons) == 1
    assert not (tmp_path / "provision.json").exists()
