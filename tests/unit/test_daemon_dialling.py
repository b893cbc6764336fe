"""Passwords of dialled lines: in two files for nobody else to read, and nowhere else; and why a line is not dialled."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from firmware.daemon.dialling import (
    ENDED,
    FAILED,
    NO_PASSWORD,
    NO_SERVER,
    NO_SESSION,
    REFUSED,
    SILENT,
    Dialling,
    why,
)
from firmware.daemon.secrets_file import SecretsFile

PADO = "Plugin pppoe.so loaded.\nTimeout waiting for PADO packets\nUnable to complete PPPoE Discovery\nExit.\n"
PADS = "Plugin pppoe.so loaded.\nTimeout waiting for PADS packets\nUnable to complete PPPoE Discovery\nExit.\n"


@pytest.fixture
def dialling(tmp_path: Path) -> Dialling:
    return Dialling(tmp_path / "run", SecretsFile(tmp_path / "secrets.json"))


def secret(tmp_path: Path, line: str) -> Path:
    return tmp_path / "run" / "ppp" / f"{line}.secret"


def test_password_is_quoted_and_private(dialling: Dialling, tmp_path: Path) -> None:
    dialling.set_password("telecom", 'a "b" \\ 密码')
    path = secret(tmp_path, "telecom")
    assert path.read_text() == 'password "a \\"b\\" \\\\ 密码"\n'
    for file in (path, tmp_path / "secrets.json"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_password_outlives_a_reboot(dialling: Dialling, tmp_path: Path) -> None:
    dialling.set_password("telecom", "one")
    secret(tmp_path, "telecom").unlink()
    again = Dialling(tmp_path / "run", SecretsFile(tmp_path / "secrets.json"))
    again.write()
    assert secret(tmp_path, "telecom").read_text() == 'password "one"\n'


def test_a_removed_line_takes_its_password_along(dialling: Dialling, tmp_path: Path) -> None:
    dialling.forget_lines(["telecom"])
    dialling.set_password("telecom", "one")
    dialling.set_password("planned", "two")  # of a line that is in a candidate only
    dialling.forget_lines(["telecom"])
    assert secret(tmp_path, "telecom").exists()
    dialling.forget_lines([])
    assert not secret(tmp_path, "telecom").exists()
    assert secret(tmp_path, "planned").exists()


def test_trouble_is_what_was_last(dialling: Dialling) -> None:
    assert dialling.trouble("telecom") == NO_PASSWORD
    dialling.set_password("telecom", "wrong")
    assert dialling.trouble("telecom") == ""
    assert dialling.ended("telecom", "it ended with 19", "") == REFUSED
    assert dialling.trouble("telecom") == REFUSED
    dialling.set_password("telecom", "right")
    assert dialling.trouble("telecom") == ""


@pytest.mark.parametrize(
    ("reason", "words", "message"),
    [
        ("it ended with 19", "PAP authentication failed\nExit.", REFUSED),
        ("it ended with 1", PADO, NO_SERVER),
        ("it ended with 1", PADO + PADS, NO_SESSION),
        ("it ended with 1", PADS + PADO, NO_SERVER),
        ("it ended with 16", "Modem hangup", ENDED),
        ("it ended with 15", "No response to 3 echo-requests", SILENT),
        ("it ended with 2", "unrecognized option", FAILED),
        ("killed by signal 9", PADO, FAILED),
    ],
)
def test_the_reason_is_told_in_words(reason: str, words: str, message: str) -> None:
    assert why(reason, words) == message
