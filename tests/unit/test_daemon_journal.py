"""Alarms on a disk that takes nothing any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware.daemon.journal import ALARMS_KEPT, SHOWN, Journal


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """It could be written until now."""
    journal = Journal(tmp_path / "log.db")
    journal.raise_alarm("before", "warning", "It was well then.", {})
    journal._database.execute("PRAGMA query_only = ON")  # as on a file system that has become read-only
    return journal


def test_an_alarm_that_cannot_be_written_is_shown(journal: Journal) -> None:
    assert journal.raise_alarm("disk", "critical", "The disk is %(how)s.", {"how": "worn"})
    shown = journal.alarms()
    assert [alarm["message"] for alarm in shown] == ["The disk is %(how)s.", "It was well then."]
    assert shown[0]["params"] == {"how": "worn"}
    assert len({alarm["id"] for alarm in shown}) == 2
    assert journal.open_alarms == 2


def test_it_goes_when_all_is_well(journal: Journal) -> None:
    journal.raise_alarm("disk", "critical", "The disk is worn.", {})
    assert journal.clear_alarm("disk")
    assert [alarm["message"] for alarm in journal.alarms()] == ["It was well then."]


@pytest.mark.parametrize("key", ["before", "disk"])
def test_one_that_gets_worse_is_told_by_its_new_words(journal: Journal, key: str) -> None:
    journal.raise_alarm("disk", "warning", "The disk is wearing out.", {})
    assert not journal.raise_alarm(key, "critical", "It is broken.", {})
    assert [alarm["message"] for alarm in journal.alarms()].count("It is broken.") == 1
    assert len(journal.alarms()) == journal.open_alarms == 2


def test_a_line_that_comes_and_goes_does_not_hide_what_is_still_wrong(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "log.db")
    journal.raise_alarm("disk", "critical", "The disk is worn.", {})
    for _ in range(ALARMS_KEPT + 10):
        journal.raise_alarm("line.one", "warning", "The line does not work.", {})
        journal.clear_alarm("line.one")
    alarms = journal.alarms()
    assert [alarm["message"] for alarm in alarms if alarm["cleared"] is None] == ["The disk is worn."]
    assert (journal.open_alarms, len(alarms)) == (1, SHOWN + 1)
    journal.close()
    assert Journal(tmp_path / "log.db").is_open("disk")
