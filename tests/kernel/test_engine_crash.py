"""rsd killed after every step of a change, and the power cut: the old or the new is in force, never a mixture."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.client import Unavailable
from firmware.engine import steps
from firmware.model.config import PrefixList
from tests.kernel.engine_box import Box, config, lost, other_config
from tests.lab import netns

pytestmark = pytest.mark.kernel


class Prepared:
    """A box that is off, the flash of one with the base in force, and snapshots of both configurations."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.flash = box.directory / "flash"
        box.start()
        box.commit(other_config())
        self.new = box.settled()
        box.commit(config())
        self.old = box.settled()
        box.cut_power()
        shutil.copytree(box.state, self.flash)

    def reset(self) -> Box:
        """The box off, with the base configuration on its flash and the base in its kernel, as after a boot."""
        self.box.cut_power()
        shutil.rmtree(self.box.state)
        shutil.copytree(self.flash, self.box.state)
        return self.box


@pytest.fixture(scope="module")
def prepared() -> Iterator[Prepared]:
    with Box("crash") as box:
        yield Prepared(box)


def _commit_and_die(box: Box, **args: int) -> None:
    rsd = box.rsd()
    with pytest.raises(Unavailable):
        box.commit(other_config(), **args)
    netns.wait_until(lambda: box.rsd() != rsd, "another rsd", 15)
    box.wait_until_up()


@pytest.mark.parametrize("step", steps.COMMIT)
def test_commit_cut_short(prepared: Prepared, step: str) -> None:
    box = prepared.reset()
    box.start(f"commit:{step}")
    netns.wait_until(box.ping, "the client reaches the server")
    with box.stream() as stream:
        _commit_and_die(box)
        is_new = box.running() == other_config()
        box.becomes(prepared.new if is_new else prepared.old)
    # The line gets another number, so another table: what is between the two when rsd dies may be lost. Were the box
    # half changed until the next rsd has come, a second of 50 packets would be missing.
    assert lost(stream) <= 10
    assert is_new == (steps.COMMIT.index(step) >= steps.COMMIT.index("running"))
    # And the box is not stuck: the change can be made by an rsd that nobody kills.
    box.cut_power()
    box.start()
    assert box.commit(other_config())["deadline_s"] is None
    box.becomes(prepared.new)


def test_what_was_committed_does_not_stand_in_the_way_of_the_next_change(prepared: Prepared) -> None:
    box = prepared.reset()
    box.start("commit:copy")  # it is in force, and its candidate is still there
    _commit_and_die(box)
    box.cut_power()
    box.start()
    box.commit(config())
    assert box.running() == config()


@pytest.mark.parametrize("step", steps.REVERT)
def test_return_of_an_unconfirmed_change_cut_short(prepared: Prepared, step: str) -> None:
    box = prepared.reset()
    box.start(f"revert:{step}")
    rsd = box.rsd()
    box.commit(other_config(), confirm_s=5)
    netns.wait_until(lambda: box.rsd() != rsd, "another rsd", 20)
    box.wait_until_up()
    assert box.running() == config()
    assert box.call("status")["pending"] is None
    box.becomes(prepared.old)


@pytest.mark.parametrize("step", steps.START)
def test_start_cut_short(prepared: Prepared, step: str) -> None:
    """Once more is enough: what a start has left half done, the next one finishes."""
    box = prepared.reset()
    box.start(f"start:{step}", wait=False)
    netns.wait_until(lambda: "is started again" in box.log().rsplit("SEPARATOR", 1)[-1], "rsd has died", 15)
    box.cut_power()
    with (box.directory / "log").open("a") as log:
        log.write("SEPARATOR\n")
    box.start()
    box.becomes(prepared.old)
    assert box.ping()


def test_restart_of_rsd_disturbs_nobody(prepared: Prepared) -> None:
    box = prepared.reset()
    box.start()
    netns.wait_until(box.ping, "the client reaches the server")
    before, rsd = box.settled(), box.rsd()
    with box.stream() as stream:
        box.kill_rsd()
        netns.wait_until(lambda: box.rsd() != rsd, "another rsd")
        box.wait_until_up()
        box.becomes(before)
    assert lost(stream) == 0


def test_power_cut_while_a_change_waits(prepared: Prepared) -> None:
    """After the reboot the time goes on by the wall clock; then the old configuration comes back."""
    box = prepared.reset()
    box.start()
    box.commit(other_config(), confirm_s=12)
    box.boot()
    box.start()
    waiting = box.call("status")["pending"]
    assert waiting is not None
    assert 0 < waiting["deadline_s"] <= 12
    assert box.running() == other_config()
    netns.wait_until(lambda: box.call("status")["pending"] is None, "the deadline", 20)
    box.becomes(prepared.old)


def test_contents_of_a_list_outlive_a_change_that_is_taken_back(prepared: Prepared) -> None:
    box = prepared.reset()
    box.start()
    kept = box.commit(config(prefix_lists={"near": PrefixList()}))["revision"]
    box.call("prefixes.import", name="near", content="1.0.1.0/24\n")
    box.commit(config(), confirm_s=600)
    box.boot()
    box.start()
    box.call("config.rollback", revision=kept)
    assert [found["ipv4"] for found in box.call("prefixes.list")] == [1]


def test_change_confirmed_after_a_power_cut(prepared: Prepared) -> None:
    box = prepared.reset()
    box.start()
    box.commit(other_config(), confirm_s=600)
    box.boot()
    box.start()
    box.call("config.confirm")
    assert box.running() == other_config()
    box.becomes(prepared.new)


def test_deadline_that_passes_while_the_box_is_off(prepared: Prepared) -> None:
    box = prepared.reset()
    box.start()
    done = box.commit(other_config(), confirm_s=5)
    box.cut_power()
    _set_deadline_back(box.state, done["revision"])
    box.boot()
    box.start()
    assert box.running() == config()
    assert box.call("status")["pending"] is None
    box.becomes(prepared.old)


def _set_deadline_back(state: Path, revision: int) -> None:
    """As if hours had passed: the deadline is on the disk as UTC."""
    import sqlite3
    import time

    import msgspec

    from firmware.engine.pending import Pending

    database = sqlite3.connect(state / "config.db")
    (text,) = database.execute("SELECT value FROM state WHERE key = 'pending'").fetchone()
    waiting = msgspec.json.decode(text, type=Pending)
    assert waiting.revision == revision
    passed = msgspec.structs.replace(waiting, deadline_wall_s=time.time() - 3600)
    database.execute("UPDATE state SET value = ? WHERE key = 'pending'", (msgspec.json.encode(passed).decode(),))
    database.commit()
    database.close()
