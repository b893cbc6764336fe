"""The box's authority and certificate on boxes whose clock is not set when they start, and that run for years."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from firmware.daemon.tls import BOX_DAYS, Certificates
from firmware.daemon.watching import Watching
from firmware.model.config import Config


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    made = Certificates(tmp_path, tmp_path)
    assert made.ensure(Config())
    assert not made.ensure(Config())
    return made


def is_whole(tmp_path: Path) -> bool:
    argv = ("openssl", "verify", "-CAfile", str(tmp_path / "tls/ca.crt"), str(tmp_path / "tls/box.pem"))
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def test_an_authority_of_1970_is_made_anew_when_the_clock_is_set(tmp_path: Path, certificates: Certificates) -> None:
    """It ends in 1979; whoever trusts it trusts nothing."""
    before = (tmp_path / "tls/ca.crt").read_bytes()
    os.utime(tmp_path / "tls/ca.crt", (1000, 1000))
    assert certificates.ensure(Config())
    assert (tmp_path / "tls/ca.crt").read_bytes() not in (before, b"")
    assert (tmp_path / "ca.crt").read_bytes() == (tmp_path / "tls/ca.crt").read_bytes()
    assert is_whole(tmp_path)
    assert not certificates.ensure(Config())


def test_it_is_renewed_in_time_though_nobody_changes_anything(tmp_path: Path) -> None:
    renewed: list[str] = []
    box: Any = SimpleNamespace(renew_certificate=lambda: renewed.append("looked"))
    watching = Watching(box, tmp_path)
    for _ in range(2 * 3600 + 1):
        watching._look_at_certificate()
    assert 1 <= len(renewed) <= 2


def test_one_that_is_old_is_made_anew(tmp_path: Path, certificates: Certificates) -> None:
    old_s = (tmp_path / "tls/box.pem").stat().st_mtime - BOX_DAYS * 86_400
    os.utime(tmp_path / "tls/box.pem", (old_s, old_s))
    assert certificates.ensure(Config())
    assert is_whole(tmp_path)
