"""``rsctl update`` with a stand-in for rsd: what is published is told in the reader's language."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

import pytest

from firmware.cli import update
from firmware.cli.command import Context
from firmware.cli.terminal import Terminal
from tests.unit.test_web_update import NEWER, STATE


def said(published: Any, capsys: pytest.CaptureFixture[str], language: str = "en") -> str:
    class Rsd:
        def call(self, verb: str, **args: Any) -> Any:
            assert verb == "update.check"
            return {**STATE, "published": published}

    rsd: Any = Rsd()
    update.check(Context(Namespace(), Terminal(language, as_json=False), lambda: rsd))
    return capsys.readouterr().out


def test_what_is_published_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    known = {"time": 1.8e9, "issued": 1.8e9, "reason": "", "params": {}, "newer": NEWER}
    words = said(known, capsys)
    assert all(word in words for word in ("0.2.0 (2027-", "Mends the <clock>", "SN1"))
    assert "修正 <时钟>" in said(known, capsys, "zh")
    assert "nothing newer" in said({**known, "newer": None}, capsys)
    reason = {
        "reason": "%(url)s cannot be fetched: %(reason)s.",
        "params": {"url": "https://x/y", "reason": "timed out"},
    }
    assert "https://x/y cannot be fetched: timed out." in said({**known, **reason}, capsys)
    assert "published" not in said(None, capsys)
