"""Who guesses passwords in parallel learns no more than who does so one after the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware.daemon.auth import Authority
from firmware.daemon.errors import LockedOutError, UnauthenticatedError
from firmware.daemon.lockout import FAILURES
from firmware.model.config import Config, User

PASSWORD = "a long enough password"


def test_a_right_guess_among_many_wrong_ones_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path, tmp_path, lambda: Config(users={"boss": User(role="owner")}))
    authority.secrets.set_password("boss", PASSWORD)
    monkeypatch.setattr(authority.secrets, "check_password", lambda user, password: password == PASSWORD)

    def is_right() -> bool:
        """While the last guess is looked at, those that were sent with it are found to be wrong."""
        for number in range(FAILURES):
            with pytest.raises(UnauthenticatedError):
                authority.login("boss", f"guess {number}", "192.0.2.9")
        return True

    with pytest.raises(LockedOutError):
        authority._check("boss", "192.0.2.9", is_right)
    with pytest.raises(LockedOutError):
        authority.login("boss", PASSWORD, "")
