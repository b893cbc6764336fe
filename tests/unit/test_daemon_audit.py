"""The audit trail cannot be filled by strangers: it has a budget of rows, and whoever knocks at the door makes some."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from firmware.daemon.auth import Authority
from firmware.daemon.errors import InvalidError, LockedOutError, UnauthenticatedError
from firmware.daemon.journal import Journal
from firmware.daemon.lockout import FAILURES
from firmware.daemon.protocol import Request
from firmware.daemon.rsd import Daemon
from firmware.daemon.verbs import Call
from firmware.model.config import Config, User


class Door:
    """rsd as somebody sees it who is not logged in."""

    def __init__(self, folder: Path) -> None:
        self.journal = Journal(folder / "log.db")
        authority = Authority(folder, folder, lambda: Config(users={"boss": User(role="owner")}))
        authority.secrets.check_password = lambda user, password: False  # type: ignore[method-assign]
        self.services = SimpleNamespace(journal=self.journal, authority=authority)

    def log_in(self, **args: Any) -> None:
        request = Request(verb="login", args={"password": "a guess", **args}, session="")
        Daemon.answer(self, Call(peer_uid=1, reached_boot_s=0.0), request)  # type: ignore[arg-type]


def test_a_row_has_no_more_than_people_read(tmp_path: Path) -> None:
    """A name of a megabyte is refused, and is no wrong password: nothing would shut its sender out."""
    door = Door(tmp_path)
    for user in ("x" * (1 << 20), ["x" * 1000] * 1000):
        with pytest.raises(InvalidError):
            door.log_in(user=user, source="192.0.2.9")
    rows = door.journal.audits(10)
    assert [row["outcome"] for row in rows] == ["invalid", "invalid"]
    assert all(len(str(row["details"])) < 1000 for row in rows)
    assert rows[0]["details"]["source"] == "192.0.2.9"


def test_who_is_shut_out_pushes_nothing_out_of_it(tmp_path: Path) -> None:
    door = Door(tmp_path)
    door.journal.audit("boss", "config.commit", {}, "ok")
    for _ in range(FAILURES):
        with pytest.raises(UnauthenticatedError):
            door.log_in(user="boss", source="192.0.2.9")
    for _ in range(20):
        with pytest.raises(LockedOutError):
            door.log_in(user="boss", source="192.0.2.9")
    assert [row["verb"] for row in door.journal.audits(100)] == ["login"] * FAILURES + ["config.commit"]
