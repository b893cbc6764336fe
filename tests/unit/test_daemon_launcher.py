"""What the page leaves in its own folder does not keep the box from starting."""

from __future__ import annotations

import os
from pathlib import Path

from firmware.daemon.launcher import Account, _uploads


def test_whatever_lies_among_the_uploads_the_box_starts(tmp_path: Path) -> None:
    """The folder is rsweb's: a hole in the page must not be one in the router."""
    (tmp_path / "uploads/folder/within").mkdir(parents=True)
    (tmp_path / "uploads/file").touch()
    (tmp_path / "kept").mkdir()
    (tmp_path / "uploads/link").symlink_to(tmp_path / "kept")
    os.close(_uploads(tmp_path, Account(os.getuid(), os.getgid())))
    assert list((tmp_path / "uploads").iterdir()) == []
    assert (tmp_path / "kept").is_dir()
