"""Where the image lies that the tests start."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def images() -> Path:
    """The folder of ``disk.img`` and of the slot that it was made from."""
    named = os.environ.get("RS_IMAGE")
    assert named, "RS_IMAGE must name the disk: run make test-image"
    return Path(named).parent
