"""The process that makes and opens backups: every part comes back, and what goes wrong is said and leaves nothing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from firmware.daemon import backup_cipher, backup_parts, backup_worker

FACTS = {
    "product": "0.1.0", "board": "x86_64", "hostname": "rs-router", "time": 1.0, "config_format": 1,
    "ports": [{"name": "eth0", "mac": "02:00:00:00:00:01"}],
}  # fmt: skip
GIVEN = {"config.json": '{"format": 1}\n', "secrets.json": '{"passwords": {"boss": "geheim"}}'}


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup_cipher.Derivation.__new__, "__defaults__", (2, 1, 1))


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "state"
    for name in ("tls/ca.key", "tls/ca.crt", "tls/box.pem", "applications/current.rsapps", "prefixes/telecom.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{name}\n" * 3)
    with closing(sqlite3.connect(folder / "usage.db", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = OFF")
        database.execute(
            "CREATE TABLE t AS WITH r(x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM r LIMIT 1000) SELECT x FROM r"
        )
        yield folder  # open, and not yet in the file itself


def make(state: Path, target: Path, **job: Any) -> dict[str, Any]:
    header = {**FACTS, "parts": list(job.pop("parts", backup_parts.NAMES))}
    plain = {"state": str(state), "target": str(target), "header": header, "given": GIVEN, "passphrase": "a b c", **job}
    return backup_worker.run("make", json.dumps(plain))


def opened(source: Path, folder: Path, passphrase: str = "a b c") -> dict[str, Any]:
    job = {"source": str(source), "folder": str(folder), "passphrase": passphrase}
    return backup_worker.run("open", json.dumps(job))


def test_every_part_comes_back(state: Path, tmp_path: Path) -> None:
    file, folder = tmp_path / "x.rsbackup", tmp_path / "opened"
    assert make(state, file) == {"bytes": file.stat().st_size}
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["x.rsbackup"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert b"geheim" not in file.read_bytes()
    found = opened(file, folder)
    assert json.loads(json.dumps(found["header"])) == {**FACTS, "parts": list(backup_parts.NAMES)}
    assert (folder / "configuration/secrets.json").read_text() == GIVEN["secrets.json"]
    assert (folder / "configuration/tls/ca.key").read_text() == (state / "tls/ca.key").read_text()
    assert sorted(found["files"]) == [
        "applications/applications/current.rsapps", "configuration/config.json", "configuration/secrets.json",
        "configuration/tls/ca.crt", "configuration/tls/ca.key", "prefixes/prefixes/telecom.txt", "statistics/usage.db",
    ]  # fmt: skip
    with closing(sqlite3.connect(folder / "statistics/usage.db")) as database:
        assert database.execute("SELECT count(*), sum(x) FROM t").fetchone() == (1000, 499_500)


def test_only_the_parts_that_were_asked_for(state: Path, tmp_path: Path) -> None:
    make(state, tmp_path / "x.rsbackup", parts=["prefixes"])
    assert opened(tmp_path / "x.rsbackup", tmp_path / "o")["files"] == ["prefixes/prefixes/telecom.txt"]


def test_a_kept_key_opens_by_its_passphrase(state: Path, tmp_path: Path) -> None:
    key = backup_worker.run("derive", json.dumps({"passphrase": "a b c"}))["key"]
    for name in ("x", "y"):
        make(state, tmp_path / name, passphrase="", key=key, parts=["configuration"])
    assert (tmp_path / "x").read_bytes()[-100:] != (tmp_path / "y").read_bytes()[-100:]
    assert "files" in opened(tmp_path / "x", tmp_path / "o")


@pytest.mark.parametrize(
    ("name", "is_known"),
    [
        ("configuration/config.json", True),
        ("prefixes/prefixes/a.txt", True),
        ("prefixes/prefixes/sub/a.txt", False),
        ("prefixes/prefixes/../../../etc/a.txt", False),
        ("configuration/etc/passwd", False),
        ("/configuration/config.json", False),
        ("statistics/config.json", False),
        ("unknown/config.json", False),
    ],
)
def test_only_names_of_the_registry_are_taken(name: str, is_known: bool) -> None:
    assert backup_worker._is_known(name) == is_known


def test_a_full_disk_is_said_and_leaves_nothing(state: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.fail("no /dev/full")
    answer = make(state, Path("/dev/full/x"))
    assert "cannot be read or written" in answer["error"]["message"]


def test_a_wrong_passphrase_and_damage_are_said(state: Path, tmp_path: Path) -> None:
    file = tmp_path / "x"
    make(state, file, parts=["configuration"])
    assert "passphrase is wrong" in opened(file, tmp_path / "o", "a b d")["error"]["message"]
    data = bytearray(file.read_bytes())
    data[-20] ^= 1
    file.write_bytes(data)
    assert "damaged" in opened(file, tmp_path / "o")["error"]["message"]
    assert opened(tmp_path / "none", tmp_path / "o")["error"]["params"] == {"reason": "No such file or directory"}


def test_a_disk_that_gets_full_is_told_with_what_to_do(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup_worker, "_put_part", fail)
    assert "disk is full" in make(state, tmp_path / "x")["error"]["message"]
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_links_in_a_folder_that_is_not_roots_lead_nowhere(state: Path, tmp_path: Path) -> None:
    name = "ab" * 32
    files = state / "business/attachments/ab"
    files.mkdir(parents=True)
    (files / name).write_text("an invoice")
    (files / name.replace("a", "c", 1)).symlink_to(state / "tls/ca.key")
    (state / "business/company.db").symlink_to(state / "usage.db")
    make(state, tmp_path / "x", parts=["business"])
    assert opened(tmp_path / "x", tmp_path / "o")["files"] == [f"business/business/attachments/ab/{name}"]


def test_more_than_can_be_read_again_is_not_made(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup_parts, "LIMIT_BYTES", 2048)
    assert "more than one backup may hold" in make(state, tmp_path / "x")["error"]["message"]
    assert not (tmp_path / "x").exists()
