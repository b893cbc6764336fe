"""``rsctl backup`` and ``rsctl restore`` with a stand-in for rsd: pieces become a file, other ports must be named."""

from __future__ import annotations

import base64
import io
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from firmware.cli import backup
from firmware.cli.command import EXIT_REFUSED, Context
from firmware.cli.terminal import Terminal
from firmware.client import Unavailable

FOUND = {
    "id": "a" * 16, "parts": ["configuration", "statistics"], "fits": False,
    "map": {"eth0": "enp1s0", "eth1": "enp2s0"},
    "here": [{"name": "enp1s0", "mac": ""}, {"name": "enp2s0", "mac": ""}],
}  # fmt: skip
DATA = bytes(range(200))
ALONG = {"path": "groups.sales", "because": "policies.games.groups.0"}


class Rsd:
    def __init__(self, **found: Any) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._found = {**FOUND, **found}

    def call(self, verb: str, **args: Any) -> Any:
        self.asked.append((verb, args))
        if verb == "backup.make":
            return {"id": "b" * 16, "name": "x", "bytes": len(DATA)}
        if verb == "backup.read":
            end = args["offset"] + 90
            return {"data": base64.b64encode(DATA[args["offset"] : end]).decode(), "is_last": end >= len(DATA)}
        if verb == "backup.open":
            return self._found
        return {"along": [ALONG], "waits": True, "problems": []}


def run(rsd: Any, command: Any, monkeypatch: pytest.MonkeyPatch, **args: Any) -> int | None:
    monkeypatch.setattr("sys.stdin", io.StringIO("a long passphrase\n"))
    given = {"stdin": True, "parts": None, "sections": None, "map": None, **args}
    result: int | None = command(Context(Namespace(**given), Terminal("en", as_json=False), lambda: rsd))
    return result


def test_a_backup_is_written_piece_by_piece_for_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "x.rsbackup"
    assert run(rsd := Rsd(), backup.make, monkeypatch, file=str(file), parts="configuration") is None
    assert rsd.asked[0] == ("backup.make", {"parts": ["configuration"], "passphrase": "a long passphrase"})
    assert file.read_bytes() == DATA
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_router_that_goes_away_meanwhile_leaves_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Away(Rsd):
        def call(self, verb: str, **args: Any) -> Any:
            if args.get("offset"):
                raise Unavailable("rsd did not answer")
            return super().call(verb, **args)

    with pytest.raises(Unavailable):
        run(Away(), backup.make, monkeypatch, file=str(tmp_path / "x.rsbackup"), parts="configuration")
    assert list(tmp_path.iterdir()) == []


def test_other_ports_must_be_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    rsd = Rsd()
    assert run(rsd, backup.restore, monkeypatch, file="x") == EXIT_REFUSED
    assert "--map eth0=enp1s0 --map eth1=enp2s0" in capsys.readouterr().err
    assert [verb for verb, _ in rsd.asked] == ["backup.open"]


@pytest.mark.parametrize(
    ("words", "mapping"),
    [
        (["auto"], {"eth0": "enp1s0", "eth1": "enp2s0"}),
        (["eth0=enp2s0"], {"eth0": "enp2s0"}),
        (["auto", "eth0=enp2s0"], {"eth0": "enp2s0"}),
    ],
)
def test_ports_as_typed(
    words: list[str], mapping: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(rsd := Rsd(), backup.restore, monkeypatch, file="x", map=words, sections="lines,lans") is None
    assert rsd.asked[1][1]["map"] == mapping
    assert rsd.asked[1][1]["sections"] == ["lines", "lans"]
    said = capsys.readouterr().out
    assert "groups.sales comes along: policies.games.groups.0 needs it." in said
    assert "rsctl commit" in said


def test_on_the_same_box_nothing_more_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(rsd := Rsd(fits=True), backup.restore, monkeypatch, file="x", parts="statistics") is None
    assert rsd.asked[1][1] == {"id": "a" * 16, "parts": ["statistics"], "sections": "all"}
