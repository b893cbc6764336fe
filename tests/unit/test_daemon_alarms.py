"""Alarms that nobody would ever close: of what is no more, and of what an rsd before this one has found."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from firmware.daemon.journal import Journal
from firmware.daemon.services import Services
from firmware.model.config import Backup, Config, PrefixList, Recognition, Wan


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "log.db")


def raised(journal: Journal, keys: set[str]) -> None:
    for key in keys:
        journal.raise_alarm(key, "warning", "Something is wrong.", {})


def test_what_is_no_more_or_switched_off_is_no_alarm(journal: Journal) -> None:
    config = Config(
        wans={"one": Wan(interface="eth0", number=1), "off": Wan(interface="eth1", number=2, enabled=False)},
        prefix_lists={"daily": PrefixList(url="https://x/", daily=True), "by-hand": PrefixList()},
        backup=Backup(every="daily", usb=True),
        recognition=Recognition(update_daily=False),
    )
    kept = {"line.one", "prefixes.daily", "backup.usb", "disk", "unit.lighttpd", "firmware.update"}
    gone = {"line.off", "line.gone", "prefixes.by-hand", "prefixes.gone", "backup.share", "applications"}
    gone.add("firmware.published")
    raised(journal, kept | gone)
    box: Any = SimpleNamespace(
        engine=SimpleNamespace(config=config), journal=journal, alarm=lambda key, _message: journal.clear_alarm(key)
    )
    Services._close_strangers(box)
    assert journal.open_keys == kept


def test_a_new_rsd_finds_out_by_itself_what_is_wrong(journal: Journal) -> None:
    """The one that has raised these would have closed them; it is no more."""
    kept = {"line.one", "backup.usb", "configuration", "firmware.update", "month.one"}
    gone = {"unit.dnsmasq", "selfcheck.queue", "secrets", "provision", "restore"}
    gone.add("monitor The usage statistics were damaged.")
    raised(journal, kept | gone)
    Services._begin_anew(SimpleNamespace(journal=journal))  # type: ignore[arg-type]
    assert journal.open_keys == kept
